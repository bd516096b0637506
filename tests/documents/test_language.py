"""The language of the prose, whatever stands beside it."""

import pytest

from imprint.documents import Block, Field, Operation, Parameter, Parsed, Record, Row, Section
from imprint.documents.language import detect

TEXTS = {
    "en": "Working hours begin at nine in the morning and end at six in the evening. People who want leave tell "
    "their manager in writing at least one week before. The last person to go switches off the lights and "
    "the heating.",
    "tr": "Çalışma saatleri sabah dokuzda başlar ve akşam altıda biter. İzin istemek isteyen çalışanlar, "
    "yöneticilerine en az bir hafta önce yazılı olarak bilgi vermelidir. Işıklar ve ısıtma, son çıkan kişi "
    "tarafından kapatılır.",
    "de": "Die Arbeitszeit beginnt um neun Uhr morgens und endet um sechs Uhr abends. Wer Urlaub nehmen möchte, "
    "sagt es mindestens eine Woche vorher schriftlich. Wer zuletzt geht, schaltet das Licht und die Heizung "
    "aus.",
    "es": "El horario de trabajo empieza a las nueve de la mañana y termina a las seis de la tarde. Quien quiera "
    "vacaciones lo comunica por escrito al menos una semana antes. El último en salir apaga las luces.",
    "fr": "Les heures de travail commencent à neuf heures du matin et finissent à six heures du soir. Qui veut un "
    "congé prévient son chef par écrit au moins une semaine avant. Le dernier à partir éteint les lumières.",
    "pt": "O horário de trabalho começa às nove da manhã e termina às seis da tarde. Quem quiser férias avisa o "
    "chefe por escrito com pelo menos uma semana de antecedência. O último a sair apaga as luzes e o "
    "aquecimento.",
    "ar": "تبدأ ساعات العمل في التاسعة صباحا وتنتهي في السادسة مساء. على من يريد إجازة أن يخبر مديره كتابة قبل "
    "أسبوع. آخر من يغادر يطفئ الأنوار والتدفئة ويغلق الباب.",
    "zh": "工作时间从早上九点开始，下午六点结束。想要休假的员工必须至少提前一周以书面形式通知经理。"
    "最后离开的人关灯和暖气，并锁好大门。周末不上班。",
    "hi": "काम का समय सुबह नौ बजे शुरू होता है और शाम छह बजे समाप्त होता है। जो छुट्टी चाहता है वह एक सप्ताह पहले लिखित रूप में बताए।",
    "ta": "வேலை நேரம் காலை ஒன்பது மணிக்குத் தொடங்கி மாலை ஆறு மணிக்கு முடிகிறது. விடுப்பு வேண்டுவோர் ஒரு வாரம் "
    "முன்பே எழுத்தில் தெரிவிக்க வேண்டும்.",
}
TURKISH, ENGLISH = TEXTS["tr"], TEXTS["en"]


def prose(*texts: str, kind: str = "paragraph") -> Parsed:
    blocks = tuple(Block(kind, text, (1, 1)) for text in texts)  # type: ignore[arg-type]
    return Parsed(sections=(Section((), (1, 1), blocks),))


def record(*values: str, parts: tuple[str, ...] = ()) -> Parsed:
    fields = tuple(Field("note", value, 1, parts=parts) for value in values)
    return Parsed(records=(Record("x", (), (1, 1), fields),))


@pytest.mark.parametrize("times", [1, 40])
@pytest.mark.parametrize("language", TEXTS)
def test_prose(language: str, times: int) -> None:
    assert detect(prose(*[TEXTS[language]] * times)) == language


def test_too_little_to_tell_is_english() -> None:
    assert detect(prose("Kısa.")) == "en"
    assert detect(Parsed()) == "en"


def test_code_and_addresses_are_no_prose() -> None:
    code = Block("code", ENGLISH * 20, (1, 1))
    spans = Block("paragraph", TURKISH.replace(" ve ", " `for every item in the list` "), (1, 1))
    links = Block(
        "paragraph", f"{TURKISH[:80]} [bu](https://example.org/{'the-one-and-only/' * 20}) {TURKISH[80:]}", (1, 1)
    )
    assert detect(Parsed(sections=(Section((), (1, 1), (code, spans, links, code)),))) == "tr"


def test_a_preface_in_another_language_does_not_decide() -> None:
    assert detect(prose(ENGLISH, *[TURKISH] * 9)) == "tr"
    assert detect(prose(*[TURKISH] * 9, ENGLISH)) == "tr"


def test_sentences_in_records_tell_names_and_lists_do_not() -> None:
    assert detect(record(TURKISH, "x1", "Muş")) == "tr"
    assert detect(record(TEXTS["zh"])) == "zh"
    names = tuple(f"Şırnak Iğdır Muş Ağrı Çankırı Kırşehir Köyü {number}" for number in range(20))
    assert detect(record(*names)) == "en"
    assert detect(record(", ".join(names) + ".", parts=names)) == "en"


def test_operations_tell_by_their_descriptions() -> None:
    parameter = Parameter("id", "path", "string", True, TURKISH[:100], 1)
    operation = Operation("GET", "/izin/{id}", "getLeave", "İzin bilgisi", TURKISH[100:], (parameter,), (), (1, 1))
    assert detect(Parsed(operations=(operation,))) == "tr"


def test_rows_do_not_tell() -> None:
    assert detect(Parsed(rows=(Row((1, 1), TURKISH, "", TURKISH),))) == "en"


def test_capitals_and_one_endless_word_are_no_trouble() -> None:
    assert detect(prose(ENGLISH.upper())) == "en"
    assert len(detect(prose("x" * 1_000_000))) == 2
    assert len(detect(prose("\ufffd🙂" * 1000))) == 2

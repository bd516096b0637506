"""Bytes to text: what is known by its own signs, what is guessed and said to be, and what is no text."""

import codecs

import pytest

from imprint.documents.encoding import decode
from imprint.errors import DocumentError

TURKISH = (
    "Çalışma saatleri sabah dokuzda başlar ve akşam altıda biter. İzin istemek isteyen çalışanlar, yöneticilerine en "
    "az bir hafta önce yazılı olarak bilgi vermelidir. Işıklar ve ısıtma, son çıkan kişi tarafından kapatılır.\n"
)
GERMAN = (
    "# Über uns\n\nDie Öffnungszeiten sind täglich von neun bis achtzehn Uhr. Wer früher gehen möchte, fragt bitte die "
    "Geschäftsführung. Größere Änderungen müssen schriftlich bestätigt werden.\n"
)
FRENCH = (
    "Les réponses doivent être envoyées dès réception. L'été, l'équipe travaille à côté de l'hôtel ; il n'y a pas de "
    "réunion après midi. Voilà où ça mène : « déjà dit ».\n"
)
SPANISH = (
    "El año pasado, la compañía contrató a más señores. ¿Cuántos días de vacaciones hay? Según la política, pocos.\n"
)
PORTUGUESE = (
    "As férias são marcadas com três semanas de antecedência. Não é necessário justificar; a decisão é da direção.\n"
)
POLISH = (
    "Godziny pracy są od dziewiątej do osiemnastej. Proszę złożyć wniosek o urlop "
    "na tydzień przed wyjazdem, żeby zdążyć.\n"
)
RUSSIAN = (
    "Рабочий день начинается в девять утра и заканчивается в шесть вечера. Заявление на отпуск подаётся за неделю.\n"
)
GREEK = (
    "Το ωράριο εργασίας αρχίζει στις εννέα το πρωί και τελειώνει στις έξι το "
    "απόγευμα. Η άδεια ζητείται μία εβδομάδα πριν.\n"
)
JAPANESE = (
    "勤務時間は午前九時に始まり、午後六時に終わります。休暇を取りたい人は、"
    "一週間前までに上司に書面で知らせてください。最後に帰る人は電気を消します。\n"
)
SIMPLIFIED = (
    "工作时间从早上九点开始，下午六点结束。想要休假的员工必须至少提前一周以书面形式通知经理。最后离开的人关灯。\n"
)
TRADITIONAL = (
    "工作時間從早上九點開始，下午六點結束。想要休假的員工必須至少提前一週以書面形式通知經理。最後離開的人關燈。\n"
)
KOREAN = (
    "근무 시간은 오전 아홉 시에 시작하여 오후 여섯 시에 끝납니다. 휴가를 원하는 사람은 일주일 전에 "
    "서면으로 알려야 합니다.\n"
)
ARABIC = (
    "تبدأ ساعات العمل في التاسعة صباحا وتنتهي في السادسة مساء. على من يريد إجازة أن "
    "يخبر مديره كتابة قبل أسبوع على الأقل.\n"
)
HEBREW = "שעות העבודה מתחילות בתשע בבוקר ומסתיימות בשש בערב. מי שרוצה חופשה מודיע למנהל שלו בכתב לפחות שבוע מראש.\n"


def refusal(raw: bytes) -> str:
    with pytest.raises(DocumentError) as caught:
        decode("sub/a.md", raw)
    assert caught.value.hint
    return caught.value.message


# ---- known by its own signs -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", [TURKISH, ARABIC, "🙂 👩‍👩‍👧‍👦\n", "", "\n", "x"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_unicode_with_its_mark_and_utf8_need_no_guess(text: str, encoding: str) -> None:
    decoded = decode("a.md", text.encode(encoding))
    assert (decoded.text, decoded.warning) == (text, "")


def test_a_big_endian_mark() -> None:
    assert decode("a.md", codecs.BOM_UTF16_BE + TURKISH.encode("utf-16-be")).text == TURKISH


@pytest.mark.parametrize("text", [TURKISH, GERMAN, RUSSIAN, '{"a": [1, null]}', "ab"])
@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf16_without_a_mark_is_known_by_its_nul_bytes(text: str, encoding: str) -> None:
    decoded = decode("a.json", text.encode(encoding))
    assert decoded.text == text
    assert decoded.warning == f"read as {encoding.upper()}; save it as UTF-8 to be sure"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "windows-1254"])
def test_line_ends_are_one_kind(encoding: str) -> None:
    expected = TURKISH.replace(". ", "\n").replace(", ", "\n")
    assert decode("a.md", TURKISH.replace(". ", "\r\n").replace(", ", "\r").encode(encoding)).text == expected


# ---- guessed --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("times", [1, 30])
@pytest.mark.parametrize(
    ("text", "encoding", "shown"),
    [
        (TURKISH, "windows-1254", "windows-1254"),
        (TURKISH, "iso-8859-9", "windows-1254"),
        (GERMAN, "windows-1252", "windows-1252"),
        (FRENCH, "windows-1252", "windows-1252"),
        (SPANISH, "iso-8859-1", "windows-1252"),
        (PORTUGUESE, "windows-1252", "windows-1252"),
        (POLISH, "windows-1250", "windows-1250"),
        (POLISH, "iso-8859-2", "ISO8859-2"),
        (RUSSIAN, "windows-1251", "windows-1251"),
        (RUSSIAN, "koi8-r", "KOI8-R"),
        (GREEK, "windows-1253", "windows-1253"),
        (ARABIC, "windows-1256", "windows-1256"),
        (HEBREW, "windows-1255", "windows-1255"),
        (JAPANESE, "shift_jis", "CP932"),
        (JAPANESE, "euc_jp", "EUC-JP"),
        (SIMPLIFIED, "gb18030", "GB18030"),
        (TRADITIONAL, "big5", "BIG5"),
        (KOREAN, "euc_kr", "CP949"),
        (GERMAN, "ibm850", "CP437"),
    ],
)
def test_other_encodings_are_guessed_and_reported(text: str, encoding: str, shown: str, times: int) -> None:
    decoded = decode("a.md", (text * times).encode(encoding))
    assert decoded.text == text * times
    assert decoded.warning == f"read as {shown}; save it as UTF-8 to be sure"


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("# Über\n\nein Gruß aus Köln\n", "windows-1252"),
        ("Café à la crème, s'il vous plaît.\n", "windows-1252"),
        ("Kapıyı kapatın, ışığı söndürün.\n", "windows-1254"),
        ("Il a dit « “oui” » – 5 €…\n", "windows-1252"),
    ],
)
def test_a_line_is_enough(text: str, encoding: str) -> None:
    assert decode("a.md", text.encode(encoding)).text == text


def test_letters_between_english_are_told_by_their_lines() -> None:
    rows = "".join(f'  {{"city": "{city}", "country": "Turkey", "code": 7}},\n' for city in ("Muş", "Iğdır", "Şırnak"))
    text = "[\n" + '  {"city": "Paris", "country": "France"},\n' * 500 + rows + "]\n"
    assert decode("a.json", text.encode("windows-1254")).text == text


def test_a_long_line_is_enough() -> None:
    text = '{"ascii": "' + "x" * 40_000 + '", "metin": "' + "Kapıyı kapatın, ışığı söndürün. " * 2000 + '"}'
    assert decode("a.json", text.encode("windows-1254")).text == text
    assert decode("a.json", f'["{JAPANESE.strip() * 500}", 1]'.encode("shift_jis")).text.count("勤務") == 500


# ---- no text --------------------------------------------------------------------------------------------------------


def test_a_stray_byte_in_utf8_is_named_not_guessed() -> None:
    raw = f"{TURKISH}\r\nbir\riki \xff{TURKISH}".encode().replace("\xff".encode(), b"\xff")
    at = raw.index(b"\xff")
    assert refusal(raw) == f"sub/a.md:4: not UTF-8 text: byte 0xff at offset {at}."


def test_utf8_that_is_cut_off() -> None:
    raw = TURKISH.encode()[:-1] + "ş".encode()[:1]
    assert refusal(raw) == f"sub/a.md:1: not UTF-8 text: byte 0xc5 at offset {len(raw) - 1}."


def test_nul_bytes_are_no_text() -> None:
    assert refusal(b"one\ntwo\x00\n") == "sub/a.md:2: not text: a NUL byte at offset 7."
    assert refusal(b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR") == "sub/a.md:3: not text: a NUL byte at offset 8."
    assert refusal("one\ntwo\0\n".encode("utf-16")).startswith("sub/a.md:2: not text: a NUL byte at offset 16.")


def test_control_characters_beside_foreign_bytes_are_no_text() -> None:
    assert refusal(b"\n\xff\xd8\xff\x01\x02 JFIF") == "sub/a.md:2: not text: byte 0x01 at offset 4."


def test_utf16_with_half_a_character() -> None:
    assert refusal(codecs.BOM_UTF16_LE + b"a\x00\n\x00b") == "sub/a.md:2: not UTF-16 text: byte 0x62 at offset 6."
    assert refusal("ab".encode("utf-16") + b"\x00\xd8").startswith("sub/a.md:1: not UTF-16 text")

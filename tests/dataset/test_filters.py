"""What a model wrote is held against the section: form, self-reference, facts, agreement, duplicates."""

import unicodedata
from importlib import resources

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from imprint.dataset.filters import (
    agree,
    find_distinct,
    find_fault_of_form,
    find_unsupported,
    refers_to_text,
    words,
)

LANGUAGES = {"en", "tr", "de", "es", "fr", "pt", "ta", "ar", "zh", "hi"}
HARBOUR = (
    "The crane of Velm lifts 1,200 kg and costs 40 crowns an hour. It opened on 12 March 2024. "
    "Set `max_load` in harbour.toml, or pass --dry-run. Write to office@velm.example."
)


@pytest.mark.parametrize(
    ("question", "answer", "fault"),
    [
        ("What does the crane cost?", "It costs 40 crowns.", ""),
        ("起重机多少钱？", "每小时四十元。", "another language"),
        ("What does the crane cost?", "يكلف أربعين كرونة", "another language"),
        ("Why?", "It costs 40 crowns.", "length"),
        ("What? " * 100, "It costs 40 crowns.", "length"),
        ("...", "...", "format"),
        ("question", "answer", "format"),
        ("What does the crane cost?", "", "format"),
        ("What does the crane cost?", "N/A", "format"),
        ("What does the crane cost?", "what does the crane cost", "format"),
        ("What is the command?", "```\nvelm up", "format"),
    ],
)
def test_a_question_has_a_form(question: str, answer: str, fault: str) -> None:
    assert find_fault_of_form(question, answer, HARBOUR) == fault


def test_a_chinese_question_may_be_shorter() -> None:
    assert find_fault_of_form("起重机多少钱？", "每小时四十克朗。", "维尔姆的起重机每小时四十克朗。") == ""


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "What does the text say about cranes?"),
        ("en", "What is mentioned above?"),
        ("en", "According to the passage, what does it cost?"),
        ("en", "What does this section explain?"),
        ("en", "What does the author think of cranes?"),
        ("tr", "Bu metne göre vinç kaç kron?"),
        ("tr", "Yukarıdaki vinç kaç kron?"),
        ("tr", "Bu bölümde vinç nasıl anlatılıyor?"),
        ("de", "Was steht in diesem Abschnitt?"),
        ("de", "Was kostet der oben genannte Kran?"),
        ("es", "Según el texto, ¿cuánto cuesta la grúa?"),
        ("fr", "Que dit ce passage de la grue ?"),
        ("fr", "D'après le texte, combien coûte la grue ?"),
        ("pt", "De acordo com o texto, quanto custa?"),
        ("ar", "كم يكلف الونش وفقا للنص؟"),
        ("ar", "ماذا يقول هذا القسم؟"),
        ("zh", "根据文本，起重机多少钱？"),
        ("zh", "上述起重机多少钱？"),
        ("hi", "इस पाठ में क्रेन के बारे में क्या कहा गया है?"),
        ("ta", "இந்தப் பகுதியில் என்ன கூறப்படுகிறது?"),
        ("ta", "What does the passage say?"),  # a model that slips into English
    ],
)
def test_pointing_at_the_text_is_found(language: str, text: str) -> None:
    assert refers_to_text(text, language, HARBOUR)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "What does the crane of Velm cost?"),
        ("en", "Which context manager opens a client?"),
        ("en", "What are the contents of the textile section?"),
        ("tr", "Velm limanındaki vinç kaç kron?"),
        ("de", "Was kostet der Kran in Velm?"),
        ("es", "¿Cuánto cuesta la grúa de Velm?"),
        ("fr", "Combien coûte la grue de Velm ?"),
        ("pt", "Quanto custa o guindaste de Velm?"),
        ("ar", "كم يكلف ونش فيلم في الساعة؟"),
        ("zh", "维尔姆的起重机多少钱？"),
        ("hi", "वेल्म की क्रेन का किराया कितना है?"),
        ("ta", "வெல்ம் துறைமுகத்தின் பளுதூக்கி எவ்வளவு?"),
    ],
)
def test_a_question_that_stands_alone_is_left_in_peace(language: str, text: str) -> None:
    assert not refers_to_text(text, language, HARBOUR)


def test_a_phrase_that_the_section_itself_uses_is_allowed_unless_it_always_points() -> None:
    section = "The text is set in Garamond. Above 40 degrees the ink runs. This section is short."
    assert not refers_to_text("In which face is the text set?", "en", section)
    assert not refers_to_text("What happens above 40 degrees?", "en", section)
    assert refers_to_text("In which face is the text set?", "en", HARBOUR)
    assert refers_to_text("How long is this section?", "en", section)


def test_every_language_has_its_phrases_and_months() -> None:
    folder = resources.files("imprint.dataset") / "phrases"
    phrases = yaml.safe_load((folder / "self_reference.yaml").read_text(encoding="utf-8"))
    assert phrases.keys() == LANGUAGES
    for lists in phrases.values():
        assert lists.keys() == {"always", "unless_said"}
        every = [phrase for some in lists.values() for phrase in some]
        assert all(isinstance(phrase, str) and phrase.strip("* ") for phrase in every)
        assert len(every) == len(set(every))
        assert all(unicodedata.is_normalized("NFC", phrase) or "\u093c" in phrase for phrase in every)
    months = yaml.safe_load((folder / "months.yaml").read_text(encoding="utf-8"))
    assert months.keys() == LANGUAGES - {"zh"}  # Chinese numbers its months
    assert all(len(language) == 12 for language in months.values())


@pytest.mark.parametrize(
    "text",
    [
        "The crane lifts 1,200 kg.",
        "The crane lifts 1200kg.",
        "The crane lifts 1.200 kg.",
        "It costs ٤٠ crowns.",
        "It opened on 2024-03-12.",
        "It opened on March 12, 2024.",
        "It opened on 12.03.2024 or 3/12/2024.",
        "It opened on 12th of March 2024.",
        "It opened in March 2024.",
        "Am 12. März 2024 wurde er eröffnet.",
        "Se inauguró el 12 de marzo de 2024.",
        "2024年3月12日开放。",
        "12 मार्च 2024 को खुला।",
        "Set `max_load` in `harbour.toml`.",
        "Set max_load in harbour.toml.",
        "harbour.toml'da max_load ayarlanır.",
        "设置max_load参数。",
        "Pass `--dry-run`, or --dry-run.",
        "```sh\n--dry-run\n```",
        "It costs forty crowns, e.g. for a boat and/or a car.",
    ],
)
def test_facts_of_the_section_are_supported_however_they_are_written(text: str) -> None:
    assert find_unsupported(text, HARBOUR) == []


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("It costs 41 crowns.", ["41"]),
        ("It lifts 1.2 tons.", ["1.2"]),
        ("It lifts 12,000 kg.", ["12,000"]),
        ("It costs ٤١ crowns.", ["41"]),
        ("It opened on 2024-12-03.", ["2024-12-03"]),
        ("It opened on 13 March 2024.", ["13 March 2024"]),
        ("It opened on 12 April 2024.", ["12 April 2024"]),
        ("It opened on 2025-03-12.", ["2025-03-12"]),
        ("Set `min_load`.", ["min_load"]),
        ("Set min_load.", ["min_load"]),
        ("Set it in crane.toml.", ["crane.toml"]),
        ("Call startCrane() first.", ["startCrane()"]),
        ("Pass --force.", ["--force"]),
        ("See https://velm.example/crane.", ["https://velm.example/crane"]),
        ("Look in /etc/velm/crane.", ["/etc/velm/crane"]),
        ("设置min_load参数。", ["min_load"]),
        ("```sh\nvelm up\n```", ["velm up"]),
    ],
)
def test_what_the_section_does_not_say_is_found(text: str, missing: list[str]) -> None:
    assert find_unsupported(text, HARBOUR) == missing


def test_markdown_of_the_section_does_not_hide_its_facts() -> None:
    section = "| **max\\_load** | `--dry-run`\n| [guide](a.md) | **1,200** |\n\nUse version 0.28.1 of H2O."
    assert find_unsupported("`max_load` and 1200 and --dry-run", section) == []
    assert find_unsupported("version 0.28.1 of h2o", section) == []
    assert find_unsupported("version 0.28", section) == ["0.28"]


CAPITAL = "What is the capital of Ruritania?"


@pytest.mark.parametrize(
    ("question", "answer", "again", "is_so"),
    [
        (CAPITAL, "The capital of Ruritania is Strelsau.", "Strelsau", True),
        (CAPITAL, "The capital of Ruritania is Strelsau.", "The capital of Ruritania is Zenda.", False),
        (CAPITAL, "Strelsau is the capital.", "It is Strelsau.", True),
        ("What does it cost?", "It costs 40 crowns.", "It costs 50 crowns.", False),
        ("What does it cost?", "It costs 1,200 crowns.", "The price is 1200 crowns.", True),
        ("Is HTTP/2 supported?", "HTTP/2 is supported.", "HTTP/2 is not supported.", False),
        ("Was kostet der Kran?", "Der Kran kostet 40 Kronen.", "40 Kronen", True),
        ("起重机多少钱？", "起重机每小时四十克朗。", "每小时四十克朗", True),
        ("起重机在哪里？", "起重机在南码头。", "起重机在北方工厂。", False),
        ("क्रेन कहाँ है?", "क्रेन दक्षिणी घाट पर है।", "दक्षिणी घाट पर", True),
        (CAPITAL, "The capital of Ruritania is Strelsau.", "", False),
    ],
)
def test_answers_agree_where_they_say_the_same(question: str, answer: str, again: str, is_so: bool) -> None:
    assert agree(question, answer, again) is is_so
    assert agree(question, again, answer) is is_so


def test_duplicates_go_and_like_questions_about_other_things_stay() -> None:
    long = "Which value does the setting for the largest number of connections of the Velm client have by default"
    pairs = [
        (f"{long}?", "It is 100."),
        (f"{long.upper()} ?", "The default is 100."),  # the same words
        (f"{long}, please?", "By default it is 100."),  # nearly the same, the same answer
        (f"{long}s?", "It is 20."),  # nearly the same, another answer
        ("Who keeps the harbour?", "The harbour office does."),
    ]
    assert find_distinct(pairs, seed=1) == [0, 3, 4]
    assert find_distinct(pairs[:1] + pairs, seed=1) == [0, 4, 5]
    assert find_distinct([], seed=1) == []


def test_words_keep_the_marks_of_their_script() -> None:
    assert words("हिन्दी की क्रेन") == ["हिन्दी", "की", "क्रेन"]
    assert words("தமிழ் மொழி") == ["தமிழ்", "மொழி"]
    assert words("起重机 ABC") == ["起", "重", "机", "abc"]


@given(st.text(), st.text(), st.sampled_from(sorted(LANGUAGES)))
def test_any_text_is_judged(text: str, section: str, language: str) -> None:
    find_fault_of_form(text, section, section)
    refers_to_text(text, language, section)
    find_unsupported(text, section)
    agree(text, section, text)
    assert find_distinct([(text, section), (text, section)], seed=1) == [0]


@given(st.lists(st.from_regex(r"\d{1,3}(?:[.,]\d{1,3}){0,3}|[a-z]{1,3}_[a-z]{1,3}|--[a-z]{2,5}", fullmatch=True)))
def test_what_the_section_says_is_supported_by_it(parts: list[str]) -> None:
    text = " and ".join(parts)
    assert find_unsupported(text, f"Here are {text}.") == []

"""The suites that ship: fair, checked questions; which answers are right; the user's benchmark file."""

import json
import re
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
import yaml

from imprint.dataset.duplicates import Questions, question_key
from imprint.dataset.wording import wordings_of
from imprint.errors import SettingsError
from imprint.evaluation.items import LARGEST_BENCHMARK, Item, declines, grade, is_right, read_benchmark, read_suite

ROOT = Path(__file__).parents[2]
LANGUAGES = ("ar", "de", "en", "es", "fr", "hi", "pt", "ta", "tr", "zh")
GENERAL, OFF_TOPIC, UNANSWERABLE = (read_suite(name) for name in ("general", "off_topic", "unanswerable"))
EVERY = (*GENERAL, *OFF_TOPIC, *UNANSWERABLE)


def replay() -> list[str]:
    folder = resources.files("imprint.dataset") / "replay"
    return [prompt for file in folder.iterdir() for prompt in yaml.safe_load(file.read_text(encoding="utf-8"))]


def names(items: tuple[Item, ...]) -> list[str]:
    return [item.prompt for item in items]


# ---- what ships -----------------------------------------------------------------------------------------------------


def test_there_are_as_many_as_promised_in_ten_languages() -> None:
    assert 145 <= len(GENERAL) <= 160
    assert 28 <= len(OFF_TOPIC) <= 34
    assert 28 <= len(UNANSWERABLE) <= 34
    subjects = [item.subject for item in GENERAL]
    others = ("german", "spanish", "french", "portuguese", "turkish", "arabic", "hindi", "tamil", "chinese")
    assert all(4 <= subjects.count(language) <= 5 for language in others)
    assert len(GENERAL) - sum(map(subjects.count, others)) >= 105


def test_the_file_is_of_texts_and_numbers() -> None:
    file = resources.files("imprint.evaluation") / "suites" / "general.yaml"
    for entries in yaml.safe_load(file.read_text(encoding="utf-8")).values():
        for entry in entries:
            words = [word for group in entry["expect"] for word in group] + entry.get("forbid", [])
            assert entry.keys() <= {"ask", "expect", "forbid"}
            assert words
            assert all(type(word) in (str, int) for word in words), entry  # an unquoted yes would be a truth value


def test_each_prompt_is_a_plain_short_text() -> None:
    for item in EVERY:
        assert item.prompt == item.prompt.strip()
        assert 0 < len(item.prompt) < 160
        assert item.subject
        assert item.weight == 1.0


def test_only_general_items_expect_something() -> None:
    assert all(item.expected and item.short for item in GENERAL)
    assert not any(item.expected or item.forbidden for item in (*OFF_TOPIC, *UNANSWERABLE))


def test_no_prompt_is_asked_twice_or_trained_on() -> None:
    prompts = [*replay(), *names(EVERY)]
    keys = [re.sub(r"\W+", " ", question_key(prompt)) for prompt in prompts]
    assert sorted({key for key in keys if keys.count(key) > 1}) == []
    questions = Questions()
    for prompt in prompts:
        questions.add(prompt, "")
    near = [(prompts[one], prompts[other]) for one, other in questions.near()]
    assert near == []
    questions.add("What is the capital of Italy, please?", "")  # or the check above finds nothing at all
    assert [one for one, _ in questions.near()] == [prompts.index("What is the capital of Italy?")]


@pytest.mark.parametrize("item", GENERAL, ids=names(GENERAL))
def test_each_item_knows_its_answer_and_no_cheap_one(item: Item) -> None:
    for place, group in enumerate(item.expected):
        others = " ".join(other[0].rstrip("*") for at, other in enumerate(item.expected) if at != place)
        for word in group:
            assert is_right(item, f"{word.rstrip('*')} {others}")
            assert is_right(item, f"— **{word.rstrip('*').upper()}** {others}.")
    assert not is_right(item, item.prompt)
    assert not is_right(item, f"{item.prompt} {item.prompt}".upper())
    assert not is_right(item, " ".join(map(str, range(101))))
    assert not is_right(item, "I do not have an opinion about it.") or "not" in item.expected[0]
    assert grade(item, " \n") == 0.0


# ---- which answers are right ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expected", "answer", "right"),
    [
        ("paris", "The capital is **Paris**.", True),
        ("paris", "_Paris_", True),
        ("paris", "Parisian", False),
        ("paris*", "Parisian", True),
        ("new delhi", "It is New\n  Delhi!", True),
        ("new delhi", "Delhi is new", False),
        ("12", "12.0 kg", True),
        ("12", "12kg", True),
        ("12", "１２", True),
        ("12", "It is 12.", True),
        ("12", "3.12", False),
        ("12", "12:30", False),
        ("12", "12.5", False),
        ("12", "-12", False),
        ("12", "10-12", True),
        ("12", "a12", False),
        ("12", "112", False),
        ("-5", "3 − 8 = −5", True),
        ("-5", "5", False),
        ("1000", "1,000 m", True),
        ("1000", "1.000 Meter", True),
        ("1000", "1\u202f000 mètres", True),
        ("1000", "10000", False),
        ("0.125", "125", False),
        ("0.5", "0,5", True),
        ("3.1", "3.10", False),  # these may be versions
        ("3:30", "03:30", True),
        ("127.0.0.1", "at 127.0.0.1:8080", False),
        ("service.port", "service port", False),
        ("service.port", "Set `service.port`.", True),
        ("--outputs", "Add --outputs DIR", True),
        ("lora_r", "lora_rank", False),
        ("h2o", "H₂O", True),
        ("année", "annee", False),
        ("eau", "l’eau", True),
        ("don't", "Don’t!", True),
        ("Iğdır", "ığdır'dadır", True),
        ("istanbul", "İSTANBUL", True),
        ("heiß", "HEISS", True),
        ("东京", "日本的首都是东京。", True),
        ("12", "一年有12个月", True),
        ("दिल्ली", "राजधानी नई दिल्ली।", True),
        ("दिन", "दीन", False),
        ("6", "الجواب ٦", True),
        ("ஆறு", "ஆறும்", False),
        ("word", "wo\u200brd", True),
    ],
)
def test_words_are_found_whole_and_numbers_by_value(expected: str, answer: str, right: bool) -> None:
    assert is_right(Item("?", "", ((expected,),)), answer) is right


def test_a_grade_is_the_share_of_the_groups_unless_something_is_forbidden() -> None:
    item = Item("?", "", (("red", "blue"), ("cat",), ("dog",)), forbidden=("mouse",))
    assert grade(item, "a blue cat") == pytest.approx(2 / 3)
    assert grade(item, "a red and blue cat, and a dog") == 1.0
    assert grade(item, "a red cat, a dog and a mouse") == 0.0
    assert grade(item, "\u200b**") == 0.0
    assert grade(Item("?", "", forbidden=("mouse",)), "a cat") == 1.0


def test_many_numbers_are_wrong_only_where_one_thing_is_asked() -> None:
    answer = " ".join(map(str, range(20)))
    assert not is_right(Item("?", "", (("7",),), short=True), answer)
    assert is_right(Item("?", "", (("7",),)), answer)
    assert is_right(Item("?", "", (("7",),), short=True), "15 minus 8 is 7, because 7 + 8 = 15")


def test_broken_text_is_no_fault() -> None:
    assert not is_right(Item("?", "", (("x",),)), "\ud800\x00\ufffd")
    assert not declines("\ud800\x00\ufffd")


# ---- who says that he does not know ---------------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_answers_that_the_dataset_teaches_decline(language: str) -> None:
    unknown = wordings_of(language)["unknown"]
    for answer in unknown["answers"]:
        for topic in unknown["topics"]:
            assert declines(answer.format(title="Imprint 2.0: FAQ", topic=topic))


@pytest.mark.parametrize(
    "answer",
    [
        "I don't know.",
        "I’m sorry, but I CANNOT KNOW which number you are thinking of.",
        "There is no record of such a mayor.",
        "Das weiß ich leider nicht.",
        "Lo siento, no tengo información sobre eso.",
        "Je ne peux pas savoir ce que vous avez dans votre poche.",
        "Desculpe, não tenho como saber em que número você está pensando.",
        "Bunu bilmiyorum.",
        "BİLEMEM",
        "عذرًا، لا أعرف ماذا يوجد في جيبك.",
        "मुझे नहीं पता।",
        "மன்னிக்கவும், எனக்குத் தெரியாது.",
        "抱歉，我不知道你在想什么数字。",
    ],
)
def test_usual_refusals_in_ten_languages(answer: str) -> None:
    assert declines(answer)


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "The unknown soldier's tomb is in Paris.",
        "He had bread and honey for breakfast.",
        "No. Imprint needs no account anywhere.",
        "You know that information is power.",
        "The service does not load PyTorch. Nobody needs a GPU.",
        "Ich weiß, dass Wien die Hauptstadt ist.",
        "El desconocido se sabe la respuesta.",
        "Je sais que Bruxelles est la capitale.",
        "Sei que Lisboa é a capital, e não o Porto.",
        "Bilgi güçtür.",
        "القاهرة عاصمة مصر.",
        "दिल्ली भारत की राजधानी है।",
        "சென்னை தமிழ்நாட்டின் தலைநகரம்.",
        "东京是日本的首都，大家都知道。",
    ],
)
def test_a_plain_answer_is_no_refusal(answer: str) -> None:
    assert not declines(answer)


def test_nothing_that_the_sample_says_is_a_refusal() -> None:
    files = list((ROOT / "documents").glob("*.md"))
    paragraphs = [text for file in files for text in file.read_text(encoding="utf-8").split("\n\n")]
    assert len(paragraphs) > 100
    assert [text for text in paragraphs if declines(text)] == []
    assert [prompt for prompt in (*replay(), *names(EVERY)) if declines(prompt)] == []


# ---- the benchmark file that ships ----------------------------------------------------------------------------------

SOURCES = {
    "Someone edited a file": ("faq.md", "How do I retrain?"),
    "The service is running": ("service.md", "How do I stop the service?"),
    "Which address": ("service.md", "Who can reach the service?"),
    "Name the port": ("settings.json", "service.port"),
    "A script sees": ("commands.md", "Exit codes"),
    "I made a mistake": ("commands.md", "The command line"),
    "Under which licence": ("faq.md", "Is Imprint free software?"),
    "Which encoding": ("documents.md", "How must a document be encoded?"),
    "Our table of prices": ("documents.md", "How do I leave files out?"),
    "How many parameters": ("base-models.md", "How large is the embedded base?"),
    "Which setting": ("retraining.md", "How do I prevent a new training?"),
    "Which file of a run": ("files.md", "Files of a run"),
    "Must I sign up": ("faq.md", "Do I need an account?"),
}
"""Beginnings of the prompts, and where their answers stand."""


def section(file: str, heading: str) -> str:
    text = (ROOT / "documents" / file).read_text(encoding="utf-8")
    if file.endswith(".json"):
        return next(json.dumps(record) for record in json.loads(text) if record["name"] == heading)
    return text.split(f"## {heading}\n")[1].split("\n## ")[0]


@pytest.mark.parametrize("item", read_benchmark(ROOT / "configs" / "benchmark.json"), ids=lambda item: item.prompt)
def test_the_documents_hold_the_answers_of_the_benchmark_that_ships(item: Item) -> None:
    (source,) = [source for begin, source in SOURCES.items() if item.prompt.startswith(begin)]
    said = section(*source)
    if source[1] in {"Exit codes", "The command line"}:  # only the row that is asked for
        said = next(line for line in said.splitlines() if "code 3" in line or "to go back" in line)
    assert is_right(item, said)
    assert not is_right(item, item.prompt)


# ---- the user's own file --------------------------------------------------------------------------------------------


def write(folder: Path, content: Any) -> Path:
    file = folder / "benchmark.json"
    file.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return file


def problems(file: Path) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        read_benchmark(file)
    assert caught.value.hint
    return [line.removeprefix(f"{file}: ") for line in caught.value.problems]


def test_prompts_in_an_object_or_as_a_plain_list(tmp_path: Path) -> None:
    entries = [
        {"prompt": "Port?", "expected": [8080, ["tcp", "udp"]], "forbidden": ["9090"], "weight": 2},
        {"prompt": "Tone?", "forbidden": ["stupid"]},
    ]
    items = [
        Item("Port?", "benchmark", (("8080",), ("tcp", "udp")), ("9090",), 2.0),
        Item("Tone?", "benchmark", (), ("stupid",), 1.0),
    ]
    assert read_benchmark(write(tmp_path, {"prompts": entries})) == items
    assert read_benchmark(write(tmp_path, "\ufeff" + json.dumps(entries))) == items


def test_all_problems_at_once_each_with_its_place(tmp_path: Path) -> None:
    entries = [
        {"prompt": "A?", "expectd": ["x"], "expected": ["y"]},
        {"expected": ["x"]},
        {"prompt": "C?"},
        {"prompt": "D?", "expected": ["x"], "weight": 0},
        {"prompt": "E?", "expected": ["x"], "weight": "2"},
        {"prompt": "F?", "expected": ["x", []], "quux": 1},
        {"prompt": " ", "expected": ["**"]},
        {"prompt": "H?", "expected": ["a", ["red", "dark red"]], "forbidden": ["red"]},
        {"prompt": "I?", "expected": "x"},
        {"prompt": "J?", "expected": [True]},
        "K?",
    ]
    assert problems(write(tmp_path, {"prompts": entries, "weights": 1})) == [
        "prompts[0].expectd: unknown key; did you mean expected?",
        "prompts[1].prompt: missing",
        "prompts[2]: has neither expected nor forbidden words, so that every answer would be right",
        "prompts[3].weight: expected a number above 0 (found 0)",
        "prompts[4].weight: expected a number (found '2')",
        "prompts[5].expected[1]: is empty",
        "prompts[5].quux: unknown key; expected prompt, expected, forbidden, weight",
        "prompts[6].prompt: is blank",
        "prompts[6].expected[0][0]: '**' holds nothing that could be looked for",
        "prompts[7]: can have no right answer: red or dark red is expected and forbidden",
        "prompts[8].expected: expected a list (found 'x')",
        "prompts[9].expected[0][0]: expected a text (found True)",
        "prompts[10]: expected an object with a prompt (found 'K?')",
        "weights: unknown key; expected prompts",
    ]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "line 1, column 1: not valid JSON: Expecting value"),
        ('{"prompts": [\n  {"prompt" "x"}]}', "line 2, column 13: not valid JSON: Expecting ':' delimiter"),
        ("[]", "the list: is empty"),
        ('{"prompts": []}', "prompts: is empty"),
        ("{}", "prompts: missing"),
        ("7", "the file: expected an object with a list of prompts (found 7)"),
        ('[{"prompt": "A?", "prompt": "B?", "expected": ["x"]}]', "[0].prompt: given twice"),
        ('{"prompts": 3, "prompts": [{"prompt": "A?", "expected": ["x"]}]}', "prompts: given twice"),
        ('[{"prompt": "A?", "expected": ["x"], "weight": NaN}]', "[0].weight: expected a number above 0 (found nan)"),
        ('[{"prompt": "A?", "expected": ["x"], "weight": 1e999}]', "[0].weight: expected a number above 0 (found inf)"),
        ('[{"prompt": "A?", "expected": ["x"], "weight": true}]', "[0].weight: expected a number (found True)"),
        ('{"prompt": [{"prompt": "A?", "expected": ["x"]}]}', "prompt: unknown key; did you mean prompts?"),
    ],
)
def test_a_file_of_another_form(tmp_path: Path, content: str, problem: str) -> None:
    assert problem in problems(write(tmp_path, content))


@pytest.mark.parametrize(
    "content", ["[" * 100_000, '{"prompts": [' + '{"prompt": ' * 3000 + "}" * 3000 + "]}", "9" * 5000]
)
def test_a_file_that_only_looks_like_json(tmp_path: Path, content: str) -> None:
    assert len(problems(write(tmp_path, content))) == 1


def test_a_file_with_hundreds_of_problems_names_the_first(tmp_path: Path) -> None:
    found = problems(write(tmp_path, [{"prompt": "A?"}] * 500))
    assert len(found) == 21
    assert found[-1] == "and 480 more"


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    assert problems(tmp_path) == ["is a folder"]
    assert problems(tmp_path / "none.json") == ["no such file"]
    file = tmp_path / "latin.json"
    file.write_bytes('[{"prompt": "Größe?"}]'.encode("latin-1"))
    assert problems(file) == ["byte 16 is not UTF-8; save the file as UTF-8"]
    file.write_bytes(b" " * (LARGEST_BENCHMARK + 1))
    assert problems(file) == ["10.0 MB, expected at most 10 MB"]

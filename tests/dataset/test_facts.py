"""Facts: what is worth asking in a document, and where each stands."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from imprint import documents
from imprint.config import Documents
from imprint.dataset.facts import Fact, field_name, find_facts, without_markup

Write = Callable[..., Path]
Find = Callable[..., tuple[list[Fact], list[str]]]


def count_words(text: str) -> int:
    return len(text.split())


@pytest.fixture
def find(write: Write) -> Find:
    """`find(text, most=…, name=…)`: facts and what was left out of one document; tokens are words here."""

    def run(text: str, most: int = 100, name: str = "guide.md") -> tuple[list[Fact], list[str]]:
        (document,) = documents.read(Documents(path=write({name: text}) / name))
        return find_facts(document, count_words, most)

    return run


def asked(facts: list[Fact]) -> list[tuple[str, str]]:
    """Kind, and what the question is about."""
    return [
        (fact.kind, next((text for name, text in fact.slots if name in {"question", "heading", "term", "key"}), ""))
        for fact in facts
    ]


# ---- sections -------------------------------------------------------------------------------------------------------


def test_a_section_answers_with_its_text_as_written(find: Find) -> None:
    facts, left_out = find("# Guide\n\n## Leave\n\nTwo **weeks**.\n\n- one\n- two\n\n")
    (fact,) = facts
    assert (fact.kind, dict(fact.slots)) == ("section", {"title": "Guide", "heading": "Leave"})
    assert fact.answer == "Two **weeks**.\n\n- one\n- two"
    assert (fact.document, fact.heading, fact.lines) == ("guide.md", ("Guide", "Leave"), (5, 8))
    assert left_out == []


def test_a_deeper_section_is_asked_by_its_path(find: Find) -> None:
    facts, _ = find("# Guide\n\n## Leave\n\n### Parents\n\ntext\n")
    assert asked(facts) == [("section", "Leave > Parents")]


def test_text_under_the_title_is_what_the_document_says_first(find: Find) -> None:
    facts, _ = find("# Guide\n\nWelcome.\n")
    assert [(fact.kind, fact.slots, fact.answer) for fact in facts] == [("document", (("title", "Guide"),), "Welcome.")]


def test_a_heading_that_asks_is_the_question_of_its_section(find: Find) -> None:
    facts, _ = find("# Guide\n\n## How do I stop?\n\nPress it.\n\n1. one\n2. two\n")
    assert asked(facts) == [("steps", "How do I stop?"), ("question", "How do I stop?")]
    assert facts[1].answer == "Press it.\n\n1. one\n2. two"


def test_a_section_of_steps_alone_is_asked_for_its_steps_only(find: Find) -> None:
    facts, _ = find("# Guide\n\n## Moving\n\n1. one\n2. two\n")
    assert asked(facts) == [("steps", "Moving")]
    assert facts[0].lines == (5, 6)


# ---- tables, definitions, records -----------------------------------------------------------------------------------


def test_a_table_is_asked_cell_by_cell(find: Find) -> None:
    facts, _ = find(
        "# Guide\n\n| Key | Default | `iPhone` use |\n|---|---|---|\n| `port` | 80. | |\n| host | x | y |\n"
    )
    assert [dict(fact.slots) for fact in facts] == [
        {"title": "Guide", "key": "port", "column": "default", "value": "80"},
        {"title": "Guide", "key": "host", "column": "default", "value": "x"},
        {"title": "Guide", "key": "host", "column": "iPhone use", "value": "y"},
    ]
    assert [fact.lines for fact in facts] == [(5, 5), (6, 6), (6, 6)]


@pytest.mark.parametrize(
    ("column", "inside"),
    [("Default", "default"), ("URL", "URL"), ("İl", "il"), ("Isı", "ısı"), ("Şehir", "şehir"), ("Öğün", "öğün")],
)
def test_a_turkish_column_keeps_its_letters_inside_a_sentence(column: str, inside: str, find: Find) -> None:
    turkish = "Bu belgede şirketin bütün şubelerinin bulunduğu yerler, çalışma saatleri ve ısıtma giderleri yazılıdır. "
    facts, _ = find(f"# Şubeler\n\n{turkish * 3}\n\n| Şube | {column} |\n|---|---|\n| Merkez | x |\n")
    (fact,) = [fact for fact in facts if fact.kind == "table"]
    assert fact.language == "tr"
    assert dict(fact.slots)["column"] == inside


def test_a_dotted_capital_stays_whole_in_a_text_of_unknown_language(find: Find) -> None:
    facts, _ = find("# Guide\n\n| Şube | İl |\n|---|---|\n| Merkez | x |\n")
    assert dict(facts[0].slots)["column"] == "İl"


def test_a_definition_is_asked_by_its_term(find: Find) -> None:
    facts, _ = find("# Guide\n\nrun\n: A run is one pass.\n\nstage\n: part of the work\n\n- **lock**: a file\n")
    assert asked(facts) == [("definition", "run"), ("definition", "stage"), ("definition", "lock"), ("document", "")]
    assert facts[0].answer == "A run is one pass."
    assert dict(facts[1].slots)["meaning"] == "part of the work"


def test_a_record_is_asked_field_by_field(find: Find) -> None:
    facts, left_out = find(
        '[{"name": "a", "opening_hours": "9-17", "maxSize": 1.50, "note": " "},\n {"name": "b", "note": "x"}]',
        name="shops.json",
    )
    assert [dict(fact.slots) for fact in facts] == [
        {"title": "shops", "key": "a", "column": "opening hours", "value": "9-17"},
        {"title": "shops", "key": "a", "column": "maxSize", "value": "1.50"},
        {"title": "shops", "key": "b", "column": "note", "value": "x"},
    ]
    assert [fact.lines for fact in facts] == [(1, 1), (1, 1), (2, 2)]
    assert left_out == ["line 1: note: empty"]


def test_a_long_text_in_a_record_is_left_out_and_told(find: Find) -> None:
    facts, left_out = find(f'[{{"name": "a", "body": "{"word " * 61}", "n": 1}}]', name="x.json")
    assert [dict(fact.slots)["column"] for fact in facts] == ["n"]
    assert left_out == ["line 1: body: a long text"]


# ---- long sections --------------------------------------------------------------------------------------------------


def words(count: int, stem: str = "w") -> str:
    return " ".join(f"{stem}{number}" for number in range(count))


def test_a_long_section_is_split_on_its_paragraphs(find: Find) -> None:
    text = f"# Guide\n\n## Long\n\n{words(10, 'a')}\n\n{words(10, 'b')}\n\n{words(10, 'c')}\n"
    facts, left_out = find(text, most=25)
    assert asked(facts) == [("section", "Long (1/2)"), ("section", "Long (2/2)")]
    assert [fact.answer for fact in facts] == [f"{words(10, 'a')}\n\n{words(10, 'b')}", words(10, "c")]
    assert [fact.lines for fact in facts] == [(5, 7), (9, 9)]
    assert left_out == []


def test_a_long_paragraph_is_split_between_its_lines(find: Find) -> None:
    lines = [words(10, stem) for stem in "abc"]
    facts, _ = find("# Guide\n\n## Long\n\n" + "\n".join(lines) + "\n", most=20)
    assert [(fact.answer, fact.lines) for fact in facts] == [("\n".join(lines[:2]), (5, 6)), (lines[2], (7, 7))]


def test_a_line_that_is_too_long_is_left_out_and_told(find: Find) -> None:
    facts, left_out = find(f"# Guide\n\n## Long\n\n{words(12)}\n{words(50, 'x')}\n{words(13)}\n", most=20)
    assert [(fact.answer, fact.lines) for fact in facts] == [(words(12), (5, 5)), (words(13), (7, 7))]
    assert left_out == ["line 6: a line of more than 20 tokens"]


@pytest.mark.parametrize("block", [f"```\n{words(30)}\n{words(30)}\n```", f"    {words(40)}\n    {words(40)}"])
def test_code_that_is_too_long_is_left_out_whole(block: str, find: Find) -> None:
    facts, left_out = find(f"# Guide\n\n## Code\n\nSee:\n\n{block}\n", most=20)
    assert [fact.answer for fact in facts] == ["See:"]
    assert left_out == ["line 7: code of more than 20 tokens"]


@pytest.mark.parametrize(
    "block",
    [
        "- {0}\n\n  ```sh\n  {1}\n\n  {2}\n  ```\n\n- {3}",
        "> {0}\n>\n> ~~~\n> {1}\n> {2}\n> ~~~\n>\n> {3}",
        "1. {0}\n\n   ````\n   ```\n   {1}\n   {2}\n   ```\n   ````\n\n2. {3}",
    ],
    ids=["bullets", "quote", "steps"],
)
def test_code_inside_a_long_block_is_never_cut(block: str, find: Find) -> None:
    text = block.format(*(words(8, stem) for stem in "abcd"))
    facts, left_out = find(f"# Guide\n\n## Code\n\n{text}\n", most=24)
    assert len(facts) > 1
    assert left_out == []
    assert "\n".join(fact.answer for fact in facts).split() == text.split(), "nothing lost, the order kept"
    for fact in facts:
        assert (words(8, "b") in fact.answer) == (words(8, "c") in fact.answer)
        assert fact.answer.count("```") + fact.answer.count("~~~") in {0, 2, 4}


def test_code_inside_a_long_block_that_is_too_long_itself_is_left_out(find: Find) -> None:
    text = f"- {words(8)}\n\n  ```\n  {words(30, 'x')}\n  ```\n\n- {words(9)}"
    facts, left_out = find(f"# Guide\n\n## Code\n\n{text}\n", most=20)
    assert "x1" not in " ".join(fact.answer for fact in facts)
    assert "```" not in " ".join(fact.answer for fact in facts)
    assert left_out == ["line 7: code of more than 20 tokens"]


def test_no_answer_is_longer_than_asked_for(find: Find) -> None:
    """Steps and definitions too: a row that does not fit in training stops it."""
    steps = "\n".join(f"{number}. {words(10, f's{number}x')}" for number in range(1, 6))
    text = f"# Guide\n\n## Moving\n\n{steps}\n\n## Terms\n\nrun\n: {words(60)}\n\nlock\n: {words(5)}\n"
    facts, left_out = find(text, most=30)
    assert all(count_words(fact.answer + dict(fact.slots).get("meaning", "")) <= 30 for fact in facts)
    assert asked(facts) == [
        ("section", "Moving (1/3)"),
        ("section", "Moving (2/3)"),
        ("section", "Moving (3/3)"),
        ("definition", "lock"),
    ]
    assert left_out == ["line 13: definition of more than 30 tokens"]


# ---- names ----------------------------------------------------------------------------------------------------------


def test_a_fact_is_named_by_what_it_says_and_where(find: Find) -> None:
    (fact,) = find("# Guide\n\n## Leave\n\nTwo weeks.\n")[0]
    assert len(fact.id) == 12
    assert int(fact.id, 16) >= 0
    assert fact.id == replace(fact, lines=(9, 9)).id, "moved down the page it is the same fact"
    assert fact.id != replace(fact, answer="Three weeks.").id
    assert fact.id != replace(fact, document="other.md").id


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("`a`", "a"),
        ("**b** c", "b c"),
        ("*i*", "i"),
        ("[text](http://x)", "text"),
        ("![alt](x.png)", "alt"),
        ("2*3", "2*3"),
    ],
)
def test_markup_is_taken_off_what_people_type(written: str, plain: str) -> None:
    assert without_markup(written) == plain


@pytest.mark.parametrize(
    ("name", "spoken"),
    [("opening_hours", "opening hours"), ("a.b_c", "a.b_c"), ("maxSize", "maxSize"), ("İl_adı", "İl_adı")],
)
def test_a_field_is_spoken_as_words_where_it_is_made_of_words(name: str, spoken: str) -> None:
    assert field_name(name) == spoken

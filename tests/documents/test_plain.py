"""Plain text: what is a heading, a list, a paragraph, and what only looks like one."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imprint.documents import plain
from imprint.documents.types import Block, LeftOut, Parsed


def parse(text: str) -> Parsed:
    return plain.parse("notes.txt", text)


def headings(text: str) -> list[tuple[str, ...]]:
    return [section.heading for section in parse(text).sections]


def blocks(text: str) -> list[Block]:
    return [block for section in parse(text).sections for block in section.blocks]


# ---- headings -------------------------------------------------------------------------------------------------------


def test_underlined_lines_are_headings_in_the_order_of_their_styles() -> None:
    text = "Guide\n=====\n\na\n\nPart\n----\nb\n\nNext\n====\n\nc\n"
    assert headings(text) == [("Guide",), ("Guide", "Part"), ("Next",)]
    assert parse(text).title == "Guide"
    assert [section.lines for section in parse(text).sections] == [(1, 5), (6, 9), (10, 13)]


def test_a_line_above_makes_another_style() -> None:
    assert headings("=====\nBook\n=====\n\nPart\n====\n\na\n") == [("Book", "Part")]


def test_numbered_lines_are_headings_by_their_depth() -> None:
    text = "1. Scope\n\na\n\n1.1 Terms\n\nb\n\n2. Use\n\nc\n"
    assert headings(text) == [("1. Scope",), ("1. Scope", "1.1 Terms"), ("2. Use",)]


def test_lines_in_capitals_are_headings() -> None:
    assert headings("SCOPE OF WORK\n\na\n\nÖDEME\n\nb\n") == [("SCOPE OF WORK",), ("ÖDEME",)]


@pytest.mark.parametrize(
    "text",
    [
        "1. Milk\n\n2. Eggs\n\nwords\n",
        "1. This is a sentence.\n\nwords\n",
        "2024 was good\n\nwords\n",
        "STOP!\n\nwords\n",
        "USA\n\nwords\n",
        "ONE\nTWO\n\nwords\n",
        "GREEN EGGS\n\nAND HAM\n\nwords\n",
        "words\n\nTHE END\n",
        "words above\na line\n------\n",
    ],
)
def test_what_looks_like_a_heading_and_is_none(text: str) -> None:
    assert headings(text) == [()]


def test_there_is_no_title_behind_text() -> None:
    assert parse("Words.\n\nGuide\n=====\n\na\n").title == ""


# ---- blocks ---------------------------------------------------------------------------------------------------------


def test_paragraphs_keep_their_lines() -> None:
    assert blocks("\none\ntwo\n\n\nthree\n") == [
        Block("paragraph", "one\ntwo", (2, 3)),
        Block("paragraph", "three", (6, 6)),
    ]


@pytest.mark.parametrize(
    ("text", "kind", "items"),
    [
        ("- one\n- two\n  more\n", "bullets", [("one", (1, 1)), ("two\nmore", (2, 3))]),
        ("* one\n\n* two\n\n  more\n", "bullets", [("one", (1, 1)), ("two\n\nmore", (3, 5))]),
        ("  1. one\n  2. two\nlazy\n", "steps", [("one", (1, 1)), ("two\nlazy", (2, 3))]),
        ("1) one\n   - in\n\n   - deep\n2) two\n", "steps", [("one\n- in\n\n- deep", (1, 4)), ("two", (5, 5))]),
    ],
)
def test_lists(text: str, kind: str, items: list[tuple[str, tuple[int, int]]]) -> None:
    (block,) = blocks(text)
    assert (block.kind, block.text) == (kind, text.strip())
    assert [(item.text, item.lines) for item in block.items] == items


def test_a_list_may_follow_its_sentence() -> None:
    assert [(block.kind, block.lines) for block in blocks("Bring:\n- a\n- b\n\nThen go.\n")] == [
        ("paragraph", (1, 1)),
        ("bullets", (2, 3)),
        ("paragraph", (5, 5)),
    ]


def test_a_number_in_a_sentence_begins_no_list() -> None:
    assert [block.kind for block in blocks("It was in\n1984. Then\n")] == ["paragraph"]


def test_ornaments_are_left_out() -> None:
    parsed = parse("a\n\n* * *\n\n-----\n\nb\n")
    assert [(place.lines, place.reason) for place in parsed.left_out] == [
        ((3, 3), "markup without text"),
        ((5, 5), "markup without text"),
    ]
    assert [block.text for section in parsed.sections for block in section.blocks] == ["a", "b"]


def test_whole_files_are_left_out() -> None:
    assert plain.parse("LICENSE.txt", "Words.\n").left_out == (LeftOut((1, 1), "licence"),)
    text = "".join(f"1.{n}.0 (2024-01-0{n})\n------------------\n\n- x\n\n" for n in (3, 2, 1))
    assert parse(text).left_out == (LeftOut((1, 15), "change log"),)


# ---- any text -------------------------------------------------------------------------------------------------------

PIECES = [
    "- ",
    "* ",
    "1. ",
    "1.1 ",
    "A",
    "WORDS",
    "a\n",
    "\n",
    "\n\n",
    "====\n",
    "---\n",
    "  ",
    "\t",
    "\x00",
    "\x0c",
    "ش",
    "🙂",
]


def check(text: str) -> None:
    parsed = parse(text)
    count = text.removesuffix("\n").count("\n") + 1
    firsts = [section.lines[0] for section in parsed.sections]
    assert firsts == sorted(firsts)
    for section in parsed.sections:
        for lines in (section.lines, *(block.lines for block in section.blocks)):
            assert 1 <= lines[0] <= lines[1] <= count
        for block in section.blocks:
            assert all(block.lines[0] <= item.lines[0] <= item.lines[1] <= block.lines[1] for item in block.items)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.lists(st.sampled_from(PIECES), max_size=25).map("".join) | st.text(max_size=200))
def test_any_text_is_read(text: str) -> None:
    check(text)


@pytest.mark.parametrize(
    "text",
    [
        "x" * 1_000_000,
        "1. " * 300_000,
        "a\n\n" * 20_000,
        "- " * 5000 + "x",
        "".join(" " * n + "- x\n" for n in range(1000)),
    ],
    ids=["line", "numbers", "paragraphs", "marks", "nested"],
)
def test_no_text_is_too_deep_or_too_long(text: str) -> None:
    check(text)

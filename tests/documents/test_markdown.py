"""Markdown as CommonMark has it: which lines are headings, where each block stands, what a term is."""

import pytest

from imprint.documents.markdown import parse
from imprint.documents.types import Block, Section


def sections(text: str) -> list[Section]:
    return parse(text)[1]


def only_block(text: str) -> Block:
    (section,) = sections(text)
    (block,) = section.blocks
    return block


def headings(text: str) -> list[tuple[str, ...]]:
    return [section.heading for section in sections(text)]


# ---- headings and titles --------------------------------------------------------------------------------------------


def test_headings_make_paths() -> None:
    text = "# A\n\na\n\n## B\n\nb\n\n### C\n\nc\n\n## D\n\nd\n\n# E\n\ne\n"
    assert headings(text) == [("A",), ("A", "B"), ("A", "B", "C"), ("A", "D"), ("E",)]


def test_a_skipped_level_is_no_level() -> None:
    assert headings("# A\n\n#### B\n\nb\n\n## C\n\nc\n") == [("A", "B"), ("A", "C")]


def test_text_before_the_first_heading_has_no_path() -> None:
    assert headings("hello\n\n# A\n\na\n") == [(), ("A",)]


def test_a_heading_without_text_below_is_no_section_but_counts_in_paths() -> None:
    assert headings("# A\n\n## B\n\n## C\n\nc\n") == [("A", "C")]


@pytest.mark.parametrize(
    "fence",
    ["```sh\n# not a heading\n```", "~~~\n# not a heading\n~~~", "````\n```\n# not a heading\n```\n````"],
)
def test_a_heading_inside_a_fence_is_code(fence: str) -> None:
    (section,) = sections(f"# A\n\n{fence}\n")
    assert section.heading == ("A",)
    assert [block.kind for block in section.blocks] == ["code"]
    assert section.blocks[0].text == fence


def test_an_indented_heading_is_code() -> None:
    assert only_block("# A\n\n    # not a heading\n").kind == "code"


def test_a_fence_that_is_never_closed_runs_to_the_end() -> None:
    assert only_block("# A\n\n```\n# b\n\ntext\n").kind == "code"


@pytest.mark.parametrize("text", ["#no space", "####### seven", r"\# escaped", "> # quoted"])
def test_what_looks_like_a_heading_and_is_none(text: str) -> None:
    assert headings(f"{text}\n") == [()]


def test_underlined_headings() -> None:
    assert headings("Outer\n=====\n\na\n\nInner\n-----\n\nb\n") == [("Outer",), ("Outer", "Inner")]


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("Retries {#retries}", "Retries"),
        ("Retries { #retries .wide }", "Retries"),
        ("Retries {: #retries}", "Retries"),
        ("Sets {1, 2}", "Sets {1, 2}"),
        ("The `port` **setting** ##", "The port setting"),
        ("[Links](http://x.example/y) and *more*", "Links and more"),
        ("İçindekiler & Işık", "İçindekiler & Işık"),
        ("A &amp; B", "A & B"),
    ],
)
def test_a_heading_is_plain_text_without_attributes(written: str, name: str) -> None:
    assert headings(f"## {written}\n\ntext\n") == [(name,)]


def test_the_title_is_the_front_matters_then_the_first_top_heading() -> None:
    assert parse("---\ntitle: Leave\n---\n\n# Other\n\ntext\n")[0] == "Leave"
    assert parse("## Sub\n\n# Leave\n\ntext\n\n# Second\n")[0] == "Leave"
    assert parse("text\n")[0] == ""


@pytest.mark.parametrize("front", ["title: [1, 2]", "- a\n- b", "title: 'open", "author: me"])
def test_a_front_matter_without_a_usable_title_is_skipped(front: str) -> None:
    title, found = parse(f"---\n{front}\n---\n\ntext\n")
    assert title == ""
    assert [block.text for section in found for block in section.blocks] == ["text"]


# ---- where things stand ---------------------------------------------------------------------------------------------


def test_lines_count_from_one_and_include_both_ends() -> None:
    text = "# A\n\nfirst\nparagraph\n\n- one\n- two\n\n\n## B\n\nlast\n"
    first, second = sections(text)
    assert first.lines == (1, 9)
    assert [block.lines for block in first.blocks] == [(3, 4), (6, 7)]
    assert second.lines == (10, 12)
    assert [block.lines for block in second.blocks] == [(12, 12)]


def test_front_matter_lines_are_counted() -> None:
    (section,) = sections("---\ntitle: x\n---\n\ntext\n")
    assert section.blocks[0].lines == (5, 5)


@pytest.mark.parametrize("character", ["\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029"])
def test_only_a_newline_ends_a_line(character: str) -> None:
    """str.splitlines has ten more line ends than Markdown; each would shift every line below it."""
    (section,) = sections(f"# A\n\nbefore{character}after\n\nbelow\n")
    assert [(block.lines, block.text) for block in section.blocks] == [
        ((3, 3), f"before{character}after"),
        ((5, 5), "below"),
    ]


def test_a_block_is_its_source_as_written() -> None:
    text = "- **Bold** and `code`\n  - nested [link](x)\n- two"
    assert only_block(f"# A\n\n{text}\n\n").text == text


# ---- kinds of blocks ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("words", "paragraph"),
        ("1. one\n2. two", "steps"),
        ("3) three\n4) four", "steps"),
        ("- one\n- two", "bullets"),
        ("* one", "bullets"),
        ("| a | b |\n|---|---|\n| 1 | 2 |", "table"),
        ("term\n: meaning", "definitions"),
        ("```\ncode\n```", "code"),
        ("> quoted", "quote"),
    ],
)
def test_kinds(text: str, kind: str) -> None:
    block = only_block(f"# A\n\n{text}\n")
    assert (block.kind, block.text) == (kind, text)


def test_nested_lists_are_one_block() -> None:
    text = "1. one\n   - inner\n   - more\n\n     a paragraph\n2. two"
    assert only_block(f"{text}\n").text == text


def test_a_table_keeps_its_cells_as_written() -> None:
    block = only_block("| Name | Use |\n|:--|--:|\n| `a` | **b** \\| c |\n| d |  |\n")
    assert block.table == (("Name", "Use"), ("`a`", "**b** | c"), ("d", ""))
    assert block.lines == (1, 4)


def test_a_definition_list_gives_terms_and_meanings() -> None:
    block = only_block("`run`\n: One pass.\n\nstage\n: A *part* of the work\n  on two lines.\n: And more.\n")
    assert block.definitions == (
        ("run", "One pass."),
        ("stage", "A *part* of the work\non two lines."),
        ("stage", "And more."),
    )


@pytest.mark.parametrize(
    ("bullet", "found"),
    [
        ("**Term**: x", ("Term", "x")),
        ("**Term:** x", ("Term", "x")),
        ("__Term__ - x", ("Term", "x")),
        ("**Term** — x y", ("Term", "x y")),
        ("`term`: x", ("term", "x")),
        ("`term` – x", ("term", "x")),
        ("**`term`**: x", ("term", "x")),
        ("**the `b` option**: x", ("the b option", "x")),
        ("**[Term](t.md)**: x", ("Term", "x")),
        ("**Işık**: ışığın **tanımı** `x`", ("Işık", "ışığın **tanımı** `x`")),
        ("**Term**: one\n  two", ("Term", "one\ntwo")),
    ],
)
def test_bullets_that_define_their_first_words(bullet: str, found: tuple[str, str]) -> None:
    assert only_block(f"- {bullet}\n- **Other**: y\n").definitions == (found, ("Other", "y"))


@pytest.mark.parametrize("bullet", ["plain", "**Bold** words go on", "*Term*: x", "`code`", "see **Term**: x"])
def test_one_other_bullet_makes_it_a_plain_list(bullet: str) -> None:
    block = only_block(f"- **Term**: x\n- {bullet}\n")
    assert (block.kind, block.definitions) == ("bullets", ())

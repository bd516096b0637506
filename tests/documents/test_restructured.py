"""reStructuredText: sections, blocks, where they stand, and what Sphinx adds to it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imprint.documents import restructured
from imprint.documents.types import Block, LeftOut, Parsed
from imprint.errors import DocumentError


def parse(text: str) -> Parsed:
    return restructured.parse("notes.rst", text)


def blocks(text: str) -> list[Block]:
    return [block for section in parse(text).sections for block in section.blocks]


def shown(text: str) -> list[tuple[str, str, tuple[int, int]]]:
    return [(block.kind, block.text, block.lines) for block in blocks(text)]


def left_out(text: str) -> list[tuple[int, int, str]]:
    return [(*place.lines, place.reason) for place in parse(text).left_out]


# ---- sections -------------------------------------------------------------------------------------------------------


def test_sections_have_heading_paths_and_lines() -> None:
    text = "before\n\n=====\nGuide\n=====\n\na\n\nPart *one*\n----------\nb\n\nEmpty\n-----\n\nDeep\n~~~~\n\nc\n"
    parsed = parse(text)
    assert parsed.title == "Guide"
    assert [(section.heading, section.lines) for section in parsed.sections] == [
        ((), (1, 2)),
        (("Guide",), (3, 8)),
        (("Guide", "Part one"), (9, 12)),
        (("Guide", "Empty", "Deep"), (16, 19)),
    ]
    assert [section.blocks[0].lines for section in parsed.sections] == [(1, 1), (7, 7), (11, 11), (19, 19)]


# ---- blocks ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "kind", "expected", "lines"),
    [
        (
            "\none *a* **b**\n``c d`` `e <http://x.example/>`_\n",
            "paragraph",
            "one *a* **b**\n`c d` [e](http://x.example/)",
            (2, 3),
        ),
        ("a\\ b [1]_\n\n.. [1] Note\n   more.", "paragraph", "ab [^1]", (1, 1)),
        ("* a\n* b\n\n  c\n", "bullets", "- a\n- b\n\n  c", (1, 4)),
        ("3. a\n4. b\n   c\n", "steps", "3. a\n4. b\n   c", (1, 3)),
        ("a\n  b\n\n  c\nd : e\n  f\n", "definitions", "a\n: b\n\n  c\n\nd (e)\n: f", (1, 6)),
        (":a: b\n:c: d\n", "definitions", "a\n: b\n\nc\n: d", (1, 2)),
        ("-v  loud\n-q  quiet\n", "definitions", "-v\n: loud\n\n-q\n: quiet", (1, 2)),
        (".. code-block:: sh\n\n   a\n     b\n", "code", "```sh\na\n  b\n```", (1, 4)),
        (".. code-block:: sh\n   :linenos:\n\n   a\n\n   b\n", "code", "```sh\na\n\nb\n```", (1, 6)),
        (">>> 1\n1\n", "code", "```\n>>> 1\n1\n```", (1, 2)),
        ("    quoted\n    *text*\n", "quote", "> quoted\n> *text*", (1, 2)),
        ("| a\n| b\n", "paragraph", "a\nb", (1, 2)),
        ("===  ===\na    b\n===  ===\n1    2|\n===  ===\n", "table", "| a | b |\n|---|---|\n| 1 | 2\\| |", (1, 5)),
        ("+---+---+\n| a | b |\n+===+===+\n| 1 | 2 |\n+---+---+\n", "table", "| a | b |\n|---|---|\n| 1 | 2 |", (1, 5)),
        (
            ".. list-table::\n\n   * - a\n     - b\n   * - 1\n     - 2\n",
            "table",
            "| a | b |\n|---|---|\n| 1 | 2 |",
            (1, 6),
        ),
    ],
)
def test_blocks_are_markdown(text: str, kind: str, expected: str, lines: tuple[int, int]) -> None:
    assert shown(text)[0] == (kind, expected, lines)


def test_a_literal_block_follows_its_sentence() -> None:
    assert shown("Run::\n\n    make\n    ```\n") == [
        ("paragraph", "Run:", (1, 1)),
        ("code", "````\nmake\n```\n````", (3, 4)),
    ]


def test_items_rows_and_definitions_have_lines() -> None:
    (bullets,) = blocks("- a\n\n- b\n  c\n\n  - d\n")
    assert [(item.text, item.lines) for item in bullets.items] == [("a", (1, 1)), ("b\nc\n\n- d", (3, 6))]
    (table,) = blocks("===  ===\na    b\n===  ===\n1    2\n3\n===  ===\n")
    assert [(row.cells, row.line) for row in table.table][:2] == [(("a", "b"), 2), (("1", "2"), 4)]
    (found,) = blocks("a\n  b\n\nc\n  d\n  e\n")
    assert [(each.term, each.meaning, each.lines) for each in found.definitions] == [
        ("a", "b", (1, 2)),
        ("c", "d\ne", (4, 6)),
    ]


def test_admonitions_are_words() -> None:
    assert shown("a\n\n.. note:: b\n   c\n\n   - d\n\n.. admonition:: Mine\n\n   e\n") == [
        ("paragraph", "a", (1, 1)),
        ("paragraph", "**Note**", (3, 3)),
        ("paragraph", "b\nc", (3, 4)),
        ("bullets", "- d", (6, 6)),
        ("paragraph", "**Mine**", (8, 8)),
        ("paragraph", "e", (10, 10)),
    ]


# ---- Sphinx ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("role", "words"),
    [
        (":ref:`the guide <guide>`", "the guide"),
        (":ref:`guide`", "guide"),
        (":class:`~package.module.Name`", "`Name`"),
        (":py:func:`!open`", "`open`"),
        (":kbd:`Ctrl`", "`Ctrl`"),
        (":math:`a^2`", "`a^2`"),
    ],
)
def test_roles_are_words(role: str, words: str) -> None:
    assert shown(f"See {role}.\nMore.\n\nAfter.\n") == [
        ("paragraph", f"See {words}.\nMore.", (1, 2)),
        ("paragraph", "After.", (4, 4)),
    ]


def test_what_unknown_directives_hold_is_kept() -> None:
    text = (
        "a\n\n.. versionadded:: 1.2\n   Words *here*.\n\n   - b\n\n.. py:function:: f(x)\n   :async:\n\n   Does.\n\nc\n"
    )
    assert shown(text) == [
        ("paragraph", "a", (1, 1)),
        ("paragraph", "**New in version: 1.2**", (3, 3)),
        ("paragraph", "Words *here*.", (4, 4)),
        ("bullets", "- b", (6, 6)),
        ("paragraph", "**Function: f(x)**", (8, 8)),
        ("paragraph", "Does.", (11, 11)),
        ("paragraph", "c", (13, 13)),
    ]


@pytest.mark.parametrize(
    ("text", "lines", "reason"),
    [
        (".. toctree::\n   :maxdepth: 2\n\n   one\n   two", (1, 5), "navigation"),
        (".. image:: a.png\n   :alt: b", (1, 2), "badges"),
        (".. automodule:: a\n   :members:", (1, 2), "markup without text"),
        (".. include:: /etc/hostname", (1, 1), "markup without text"),
        (".. raw:: html\n\n   <b>words</b>", (1, 3), "markup without text"),
        (".. not shown\n   at all", (1, 2), "markup without text"),
    ],
)
def test_what_is_left_out(text: str, lines: tuple[int, int], reason: str) -> None:
    assert left_out(f"{text}\n\nwords\n") == [(*lines, reason)]
    assert [block.text for block in blocks(f"{text}\n\nwords\n")] == ["words"]


def test_a_table_of_contents_is_navigation() -> None:
    assert left_out(".. contents:: Here\n\nOne\n===\n\na\n\nTwo\n===\n\nb\n") == [(1, 1, "navigation")]


def test_errors_are_reported_with_their_line(capfd: pytest.CaptureFixture[str]) -> None:
    text = "Good words.\n\nBad **words.\n\n+---+\n| a\n+---+\n\nLast words.\n"
    assert left_out(text)[0] == (3, 3, "an error in the markup")
    assert blocks(text)[0].text == "Good words."
    assert blocks(text)[-1].text == "Last words."
    assert capfd.readouterr() == ("", "")


def test_nothing_is_included_from_the_disk(tmp_path_factory: pytest.TempPathFactory) -> None:
    secret = tmp_path_factory.mktemp("secret") / "secret.txt"
    secret.write_text("hidden words")
    for directive in ("include:", "literalinclude:", "csv-table: x\n   :file"):
        assert "hidden" not in str(parse(f"a\n\n.. {directive}: {secret}\n"))


def test_whole_files_are_left_out() -> None:
    text = "Changes\n=======\n\n" + "".join(f"1.{n}.0 (2024-01-0{n})\n------------------\n\n- x\n\n" for n in (3, 2, 1))
    assert parse(text).left_out == (LeftOut((1, text.count("\n")), "change log"),)
    assert restructured.parse("COPYING.rst", "Words.\n").left_out == (LeftOut((1, 1), "licence"),)
    assert parse("Title\n=====\n\n.. toctree::\n\n   a\n").left_out == (LeftOut((1, 6), "navigation"),)


# ---- any text -------------------------------------------------------------------------------------------------------

PIECES = [
    *(
        "* ",
        "1. ",
        ".. note:: ",
        ".. x:: y\n",
        ".. code-block:: z\n",
        "   ",
        "\n",
        "\n\n",
        "====\n",
        "----\n",
        "~~~~\n",
        "::\n\n",
    ),
    *(
        "words",
        "*",
        "**",
        "``",
        "`a`_",
        ":ref:`b`",
        "[1]_",
        ".. [1] c\n",
        "|d|",
        "+--+\n",
        "| ",
        ":e: f\n",
        ">>> g\n",
        "\t",
    ),
    *(
        ".. _h:\n",
        ".. toctree::\n",
        "ش",
        "🙂",
        "\x00",
        "\x0c",
        "\u2028",
        "a\n=\n",
        ".. csv-table::\n",
        ".. list-table::\n",
    ),
]


def check(text: str) -> None:
    try:
        parsed = parse(text)
    except DocumentError:
        return
    count = text.removesuffix("\n").count("\n") + 1
    firsts = [section.lines[0] for section in parsed.sections]
    assert firsts == sorted(firsts)
    for lines in (
        *(block.lines for section in parsed.sections for block in section.blocks),
        *(item.lines for section in parsed.sections for block in section.blocks for item in block.items),
        *((row.line, row.line) for section in parsed.sections for block in section.blocks for row in block.table),
        *(section.lines for section in parsed.sections),
        *(place.lines for place in parsed.left_out),
    ):
        assert 1 <= lines[0] <= lines[1] <= count, (text, lines)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.lists(st.sampled_from(PIECES), max_size=20).map("".join) | st.text(max_size=100))
def test_any_text_is_read_or_refused(text: str) -> None:
    check(text)


@pytest.mark.parametrize(
    "text",
    [
        "".join(" " * depth + "* x\n\n" for depth in range(0, 600, 2)),
        "* " * 2000 + "x",
        "`" * 5000,
        "*a " * 3000,
        "x" * 1_000_000,
        "".join("   " * depth + ".. a:: b\n\n" for depth in range(40)) + "   " * 40 + "x\n",
    ],
    ids=["lists", "items", "quotes", "stars", "line", "directives"],
)
def test_no_text_is_too_deep_or_too_long(text: str) -> None:
    check(text)


def test_what_docutils_cannot_read_is_a_document_error() -> None:
    text = "".join(" " * depth + "* x\n\n" for depth in range(0, 3000, 2))
    with pytest.raises(DocumentError, match=r"^notes\.rst: docutils cannot read it: RecursionError") as caught:
        parse(text)
    assert "python -m docutils" in caught.value.hint

"""Markdown as CommonMark has it: which lines are headings, where each block stands, what a term is."""

import collections
import itertools
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imprint.documents import markdown
from imprint.documents.types import Block, LeftOut, Parsed, Section


def parse(text: str) -> Parsed:
    return markdown.parse("notes.md", text)


def sections(text: str) -> tuple[Section, ...]:
    return parse(text).sections


def texts(text: str) -> list[str]:
    return [block.text for section in sections(text) for block in section.blocks]


def left_out(text: str) -> list[tuple[int, int, str]]:
    return [(*place.lines, place.reason) for place in parse(text).left_out]


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


@pytest.mark.parametrize("fence", ["```", "````", "~~~"])
def test_a_fence_that_is_never_closed_runs_to_the_end_and_is_reported(fence: str) -> None:
    text = f"# A\n\n{fence}\n# b\n```sh\n\ntext\n\n"
    block = only_block(text)
    assert (block.kind, block.text, block.lines) == ("code", f"{fence}\n# b\n```sh\n\ntext", (3, 7))
    assert left_out(text) == [(3, 7, "an unclosed fence")]


@pytest.mark.parametrize("code", ["```\na\n```", "~~~~\na\n~~~~~  ", "  ```\n  a\n  ```", "    a"])
def test_a_closed_fence_at_the_end_is_not_reported(code: str) -> None:
    assert left_out(f"{code}\n\n") == []


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
    assert parse("---\ntitle: Leave\n---\n\n# Other\n\ntext\n").title == "Leave"
    assert parse('+++\ntitle = "Leave"\n+++\n# Other\n').title == "Leave"
    assert parse("---\ntitle: 3.10\n---\n").title == "3.10"
    assert parse("## Sub\n\n# Leave\n\ntext\n\n# Second\n").title == "Leave"
    assert parse("text\n").title == ""


@pytest.mark.parametrize("front", ["title: [1, 2]", "- a\n- b", "author: me", "", "title: null"])
def test_a_front_matter_without_a_usable_title_is_skipped(front: str) -> None:
    parsed = parse(f"---\n{front}\n---\n\ntext\n")
    assert (parsed.title, parsed.left_out) == ("", ())
    assert texts(f"---\n{front}\n---\n\ntext\n") == ["text"]


@pytest.mark.parametrize("front", ["a: b\ntitle: 'open", "a: b\ntitle: [", "a: b\nc: d: e", "a: b\n\t- x: y"])
def test_a_broken_front_matter_is_left_out_and_the_rest_is_read(front: str) -> None:
    parsed = parse(f"---\n{front}\n---\n\ntext\n")
    (place,) = parsed.left_out
    assert (place.lines, place.reason) == ((1, 3 + front.count("\n") + 0), "a broken front matter")
    assert place.detail.startswith("line ")
    assert parsed.sections[0].blocks == (Block("paragraph", "text", (5 + front.count("\n"),) * 2),)


def test_a_broken_front_matter_in_toml_is_left_out() -> None:
    assert left_out("+++\ntitle = \n+++\n\ntext\n") == [(1, 3, "a broken front matter")]


def test_text_between_two_rules_is_no_front_matter() -> None:
    assert headings("---\nOnly a line.\n---\n\ntext\n") == [("Only a line.",)]


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
    assert [row.cells for row in block.table] == [("Name", "Use"), ("`a`", "**b** | c"), ("d", "")]
    assert [row.line for row in block.table] == [1, 3, 4]
    assert block.lines == (1, 4)


def test_ragged_rows_are_padded_and_cut() -> None:
    block = only_block("| a | b |\n|---|---|\n| 1 |\n| 1 | 2 | 3 |\n")
    assert [row.cells for row in block.table] == [("a", "b"), ("1", ""), ("1", "2")]


def test_a_definition_list_ends_before_the_paragraph_that_follows() -> None:
    (section,) = sections("term\n: meaning\n\ntext after it\n")
    assert [(block.kind, block.text, block.lines) for block in section.blocks] == [
        ("definitions", "term\n: meaning", (1, 2)),
        ("paragraph", "text after it", (4, 4)),
    ]


def test_a_definition_list_gives_terms_and_meanings() -> None:
    block = only_block("`run`\n: One pass.\n\nstage\n: A *part* of the work\n  on two lines.\n: And more.\n")
    assert [(found.term, found.meaning, found.lines) for found in block.definitions] == [
        ("run", "One pass.", (1, 2)),
        ("stage", "A *part* of the work\non two lines.", (4, 6)),
        ("stage", "And more.", (7, 7)),
    ]


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
    definitions = only_block(f"- {bullet}\n- **Other**: y\n").definitions
    assert [(each.term, each.meaning) for each in definitions] == [found, ("Other", "y")]


@pytest.mark.parametrize(
    "bullet", ["plain", "**Bold** words go on", "*Term*: x", "`code`", "see **Term**: x", "**Term**:"]
)
def test_one_other_bullet_makes_it_a_plain_list(bullet: str) -> None:
    block = only_block(f"- **Term**: x\n- {bullet}\n")
    assert (block.kind, block.definitions) == ("bullets", ())


def test_items_are_dedented_with_what_is_nested_in_them() -> None:
    text = "  1. one\n     - inner\n       more\n\n         code\n 10. two\n     lazy\n"
    block = only_block(text)
    assert [(item.text, item.lines) for item in block.items] == [
        ("one\n- inner\n  more\n\n    code", (1, 5)),
        ("two\nlazy", (6, 7)),
    ]


def test_items_keep_the_tabs_of_their_code() -> None:
    (item,) = only_block("- make:\n\n  ```make\n  all:\n  \tcc a.c\n  ```\n").items
    assert item.text == "make:\n\n```make\nall:\n\tcc a.c\n```"


def test_task_lists_keep_their_boxes() -> None:
    assert [item.text for item in only_block("- [ ] open\n- [x] done\n").items] == ["[ ] open", "[x] done"]


@pytest.mark.parametrize("text", ["Some words\n:rocket: fast", "Reference\n\n::: package.module\n    :docstring:"])
def test_a_colon_without_a_space_defines_nothing(text: str) -> None:
    assert {block.kind for section in sections(text) for block in section.blocks} == {"paragraph"}
    assert "\n".join(texts(text)).split() == text.split()


# ---- text of blocks -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("[a][b]", "[a](http://x.example/y)"),
        ("[*a* `c`][b]", "[*a* `c`](http://x.example/y)"),
        ("[b]", "[b](http://x.example/y)"),
        ("[B][] x", "[B](http://x.example/y) x"),
        ("![a][b] x", "![a](http://x.example/y) x"),
        ("[b c] and [a](z)", "[b c](<with space>) and [a](z)"),
        ("[a][unknown] [x]", "[a][unknown] [x]"),
        ("`[b]`", "`[b]`"),
        ("- [b]", "- [b](http://x.example/y)"),
        ("> [b]", "> [b](http://x.example/y)"),
    ],
)
def test_reference_links_get_their_address(written: str, text: str) -> None:
    source = f"{written}\n\n[b]: http://x.example/y 'Title'\n[b c]: <with space>\n"
    assert texts(source) == [text]
    assert sections(source)[0].blocks[0].lines == (1, 1)


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("Press <kbd>Ctrl</kbd>+<kbd>C</kbd>", "Press Ctrl+C"),
        ("one<br>two<br/>\nthree", "one two\nthree"),
        ("the <abbr title='x'>API</abbr> <!-- hidden -->here", "the API here"),
        ("`<br>` and <http://x.example/y>", "`<br>` and <http://x.example/y>"),
        ("- a <b>b</b>\n- c", "- a b\n- c"),
        ("- a\n  <!-- hidden -->\n- c", "- a\n  \n- c"),
        ("<p>One &amp; two</p>\n<p>three</p>", "One & two\nthree"),
        ("<ul><li>one</li><li>two</li></ul>", "- one\n- two"),
        ("<table><tr><th>a</th><th>b</th></tr>\n<tr><td>1</td><td>2</td></tr></table>", "a | b\n1 | 2"),
        ("<pre>\n  a\n    b\n</pre>", "  a\n    b"),
        ("<style>p {}</style>\n<div>x<!-- y --></div>", "x"),
    ],
)
def test_html_is_plain_text(written: str, text: str) -> None:
    assert texts(f"{written}\n") == [text]


def test_code_is_verbatim() -> None:
    text = "```html\n<br> [b] <!-- c -->\n```"
    assert only_block(f"{text}\n\n[b]: y\n").text == text


def test_footnotes_follow_the_section_that_first_refers_to_them() -> None:
    text = "# A\n\na\n\n[^n]: The *note*\n    goes on.\n\n## B\n\nb[^n]\n\n## C\n\nc[^n] [^none]\n"
    assert [[block.text for block in section.blocks] for section in sections(text)] == [
        ["a"],
        ["b[^n]", "[^n]: The *note*\ngoes on."],
        ["c[^n] [^none]"],
    ]
    assert sections(text)[1].blocks[1].lines == (5, 6)


def test_a_summary_is_a_heading_until_its_details_end() -> None:
    text = (
        "# A\n\na\n\n<details>\n<summary>More <b>words</b></summary>\n\nb\n\n"
        "<details><summary>Deep</summary>c</details>\n\nd\n\n</details>\n\ne\n"
    )
    assert [(section.heading, section.lines, section.blocks[0].text) for section in sections(text)] == [
        (("A",), (1, 5), "a"),
        (("A", "More words"), (6, 9), "b"),
        (("A", "More words", "Deep"), (10, 9 + 1), "c"),
        (("A", "More words"), (10, 13), "d"),
        (("A",), (14, 16), "e"),
    ]
    assert left_out(text) == []


@pytest.mark.parametrize("text", ["{* ../docs/x.py hl[1] *}", '--8<-- "file.md"', '{% include "x" %}', "{{ macro }}"])
def test_includes_are_text(text: str) -> None:
    assert texts(text) == [text]


def test_admonitions_are_words_and_lines_stay() -> None:
    text = '# A\n\n!!! warning "Careful"\n    words\n\n    - one\n    - two\n\nafter\n'
    (section,) = sections(text)
    assert [(block.kind, block.text, block.lines) for block in section.blocks] == [
        ("paragraph", "**Careful**", (3, 3)),
        ("paragraph", "words", (4, 4)),
        ("bullets", "- one\n- two", (6, 7)),
        ("paragraph", "after", (9, 9)),
    ]


def test_an_admonition_inside_a_step_stays_in_it() -> None:
    (item, _) = only_block("1. one\n\n    !!! note\n        careful\n\n2. two\n").items
    assert [line.strip() for line in item.text.split("\n")] == ["one", "", "**Note**", "careful"]


# ---- what is left out -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("- [A](a.md)\n- [B](b/#c)\n  - [C](#c)", "navigation"),
        ("[Home](/) > [Docs](/docs) > [Here](.)", "navigation"),
        ("[← a]: x\n\n[Next →](next.md)", "navigation"),
        ("[![build](http://x.example/b.svg)](http://x.example)\n![cover](c.svg)", "badges"),
        ("<p align='center'><img src='logo.png'></p>", "badges"),
        ("<a id='x'></a>", "markup without text"),
        ("<!-- words -->", "markup without text"),
        ("<div>\n</div>", "markup without text"),
    ],
)
def test_what_says_nothing_is_left_out(text: str, reason: str) -> None:
    found = left_out(f"{text}\n\nwords\n")
    assert [place[2] for place in found] == [reason]
    assert texts(f"{text}\n\nwords\n") == ["words"]


@pytest.mark.parametrize(
    "text",
    [
        "- [A](a.md) does this\n- [B](b.md)",
        "- [First](https://x.example/first)\n- [Second](https://x.example/second)",
        "Next: [b](b.md)",
        "![diagram](d.png) The flow",
        "[b](b.md) or `c`",
        "1984",
    ],
)
def test_what_says_something_is_kept(text: str) -> None:
    assert texts(f"{text}\n") == [text]


def test_a_file_of_links_is_navigation() -> None:
    assert parse("# Contents\n\n- [A](a.md)\n\n## More\n\n- [B](b.md)\n").left_out == (LeftOut((1, 7), "navigation"),)


def test_a_change_log_is_left_out_whole() -> None:
    text = "# Log\n\nAll changes.\n" + "".join(
        f"\n## [1.{n}.0] - 2024-01-0{n}\n\n### Added\n\n- x\n" for n in (3, 2, 1)
    )
    assert parse(text) == Parsed(title="Log", left_out=(LeftOut((1, text.count("\n")), "change log"),))
    assert markdown.parse("LICENSE.md", "Words.\n").left_out == (LeftOut((1, 1), "licence"),)


# ---- any text -------------------------------------------------------------------------------------------------------

PIECES = [
    *("# ", "## ", "- ", "1. ", "> ", "```", "~~~", "    ", "\t", "\n", "\n\n", "| a | b |\n|---|---|\n", "---\n"),
    *("[a]", "[a]: b\n", "[a](b)", "![", "](", "[^1]", "[^1]: n\n", "<b>", "<!--", "-->", "<details>", "</details>"),
    *("<summary>", "</summary>", "!!! note\n", "??? x\n", ":::", "::: tip\n", "///", "/// note\n", "> [!NOTE]\n"),
    *("**a**: ", "`", "*", "_", "\n: ", "word", "ı", "世", "🙂", "\u202e", "\x00", "\x0b", "\u2028", "&amp;", "===\n"),
]


def check(text: str) -> None:
    parsed = parse(text)
    count = text.removesuffix("\n").count("\n") + 1
    firsts = [section.lines[0] for section in parsed.sections]
    assert firsts == sorted(firsts)
    for lines in (
        *(block.lines for section in parsed.sections for block in section.blocks),
        *(item.lines for section in parsed.sections for block in section.blocks for item in block.items),
        *(section.lines for section in parsed.sections),
        *(place.lines for place in parsed.left_out),
    ):
        assert 1 <= lines[0] <= lines[1] <= count, (text, lines)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.lists(st.sampled_from(PIECES), max_size=25).map("".join) | st.text(max_size=200))
def test_any_text_is_read(text: str) -> None:
    check(text)


@pytest.mark.parametrize(
    "text",
    [
        ">" * 5000 + " deep",
        "".join(" " * 2 * depth + "- x\n" for depth in range(500)),
        "- " * 5000 + "x",
        "[" * 5000 + "x" + "]" * 5000,
        "![" * 5000,
        "<div>" + "<a " * 50_000,
        "<summary>" * 20_000,
        "<div>" + "<!--" * 50_000,
        "<details>\n\n" * 2000 + "x",
        "x" * 1_000_000,
        "a b " * 250_000,
        "| a " * 2000 + "|\n" + "|--" * 2000 + "|\n" + "| b\n" * 10,
        "!!! note\n" * 2000,
        "".join("    " * depth + "!!! note\n" for depth in range(200)),
        "!!! " + "a" * 1_000_000,
        "::: " + "a-" * 400_000 + "%",
        "---\n" + "a: [" * 2000 + "\n---\ntext\n",
        "**" * 50_000,
        "- **" + "a**b " * 20_000 + "\n",
    ],
    ids=lambda text: text[:8],
)
def test_no_text_is_too_deep_or_too_long(text: str) -> None:
    check(text)


# ---- nothing is lost, nothing is there twice ------------------------------------------------------------------------

FORMS = (
    "{} and {}",
    "- {}\n- {}",
    "- {}\n    - {}\n- {}",
    "1. {}\n2. {}\n\n   {}",
    "> {}\n> {}",
    "> [!NOTE]\n> {}",
    "| {} | {} |\n|---|---|\n| {} | {} |",
    "```py\n{}\n\n# {}\n```",
    "    {}",
    "{}\n: {}",
    "{}\n: {}\n\n    {}",
    "{}\n{}\n: {}\n: {}",
    '!!! note "{}"\n    {}\n\n    {}',
    "::: tip {}\n{}\n:::",
    "/// warning | {}\n{}\n///",
    "<div>\n{}\n</div>",
    "<table><tr><td>{}</td><td>{}</td></tr></table>",
    "- [ ] {}\n- [x] {}",
    "- **{}**: {}\n- **{}**: {}",
    "## Part\n\n{}  \n{}",
    "***",
)


@given(st.lists(st.sampled_from(FORMS), min_size=1, max_size=7))
def test_every_word_is_in_one_block(forms: list[str]) -> None:
    numbers = itertools.count()
    text = "\n\n".join(re.sub(r"\{\}", lambda _: f"word{next(numbers)}x", form) for form in forms)
    found = re.findall(r"word\d+x", "\n".join(texts(text)))
    assert collections.Counter(found) == collections.Counter(f"word{number}x" for number in range(next(numbers)))

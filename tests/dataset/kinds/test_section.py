"""Sections as facts: what they are asked as, and how long ones are cut."""

from tests.dataset.making import code, definitions, listing, paragraph, scope, table

from imprint.dataset.kinds import section
from imprint.documents import Block


def find(
    *blocks: Block, heading: tuple[str, ...] = ("Guide", "Retries"), answer: int = 60
) -> list[tuple[str, str, str]]:
    found = scope(*blocks, heading=heading, answer=answer)
    return [
        (fact.kind, fact.slots.get("heading") or fact.slots.get("question") or fact.slots["title"], fact.answer)
        for fact in section.find(found, found.document.sections[0], "place")
    ]


def test_a_section_is_named_by_its_heading_path_without_the_title() -> None:
    assert find(paragraph("Twice."), heading=("Guide", "Network", "Retries")) == [
        ("section", "Network > Retries", "Twice.")
    ]


def test_text_before_the_first_heading_is_the_document() -> None:
    assert find(paragraph("A guide."), heading=()) == [("document", "Guide", "A guide.")]
    assert find(paragraph("A guide."), heading=("Guide",)) == [("document", "Guide", "A guide.")]


def test_a_heading_that_is_a_question_is_asked_as_it_is() -> None:
    assert find(paragraph("Twice."), heading=("Guide", "How often?")) == [("question", "How often?", "Twice.")]
    assert find(paragraph("两次。"), heading=("Guide", "多少次？")) == [("question", "多少次？", "两次。")]


def test_a_section_that_fits_is_answered_whole() -> None:
    blocks = (paragraph("These:"), table(("a", "b"), ("1", "2")))
    assert find(*blocks) == [("section", "Retries", "These:\n\n| a | b |\n| 1 | 2 |")]


def test_of_a_long_section_what_has_facts_of_its_own_is_left_to_them() -> None:
    blocks = (paragraph("These are the ones that we have:"), definitions(*[(f"t{n}", "m " * 9) for n in range(9)]))
    assert find(*blocks, answer=40) == [("section", "Retries", "These are the ones that we have:")]


def test_a_section_of_a_table_alone_is_asked_cell_by_cell() -> None:
    assert find(table(("a", "b"), ("1", "2"))) == []


def test_a_long_section_is_cut_between_its_blocks() -> None:
    found = find(paragraph("one " * 8), paragraph("two " * 8, 3), answer=12)
    assert [heading for _, heading, _ in found] == ["Retries", "Retries (2/2)"]
    assert [set(answer.split()) for _, _, answer in found] == [{"one"}, {"two"}]


def test_a_long_paragraph_is_cut_between_sentences_and_nothing_is_lost() -> None:
    text = "The first one is here. A second, by Dr. Who, e.g. this. And the third! Is it? Yes it is, no doubt."
    found = find(paragraph(text), answer=9)
    assert [answer for _, _, answer in found] == [
        "The first one is here.",
        "A second, by Dr. Who, e.g. this.",
        "And the third! Is it?",
        "Yes it is, no doubt.",
    ]


def test_code_is_never_cut() -> None:
    found = find(paragraph("Look:"), code("\n".join(f"line {n}" for n in range(10))), answer=16)
    assert [answer.count("```") for _, _, answer in found] == [0, 2]


def test_a_long_list_is_cut_between_items() -> None:
    found = find(listing("bullets", *[f"item number {n} of ten" for n in range(6)]), answer=20)
    assert "\n".join(answer for _, _, answer in found).split("\n") == [f"- item number {n} of ten" for n in range(6)]
    assert len(found) > 1


def test_a_long_table_is_cut_between_rows_with_the_header_over_each_part() -> None:
    rows = [(f"key {n}", f"value {n} of the table") for n in range(6)]
    found = find(table(("key", "value"), *rows), heading=("Guide", "Which?"), answer=40)
    assert len(found) > 1
    assert all(answer.startswith("| key | value |\n| --- | --- |\n") for _, _, answer in found)
    assert all(any(f"| {key} | {value} |" in answer for _, _, answer in found) for key, value in rows)


def test_what_cannot_be_cut_and_never_fits_is_left_out_with_its_lines() -> None:
    found = scope(code("word " * 300, line=5), answer=20)
    assert list(section.find(found, found.document.sections[0], "place")) == []
    assert [(item.lines, item.reason) for item in found.left_out] == [((5, 7), "code of more than 60 tokens")]

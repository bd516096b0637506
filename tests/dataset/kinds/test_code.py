"""Code, by its heading and by what leads to it."""

from tests.dataset.making import code, paragraph, scope

from imprint.dataset.kinds import code as kind


def test_code_is_asked_by_heading_and_by_lead_in() -> None:
    found = scope(paragraph("There are ways. To start `it`, run:"), code("x = 1  # *not* emphasis", line=3))
    facts = list(kind.find(found, found.document.sections[0], "place"))
    assert [(fact.kind, fact.slots.get("lead")) for fact in facts] == [
        ("code", None),
        ("code_lead_in", "To start it, run:"),
    ]
    assert {fact.answer for fact in facts} == {"```\nx = 1  # *not* emphasis\n```"}


def test_several_blocks_are_told_apart() -> None:
    found = scope(code("a"), code("b", line=5))
    facts = list(kind.find(found, found.document.sections[0], "place"))
    assert [fact.slots["heading"] for fact in facts] == ["Retries (1/2)", "Retries (2/2)"]

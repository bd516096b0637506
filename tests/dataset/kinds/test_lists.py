"""Steps and bullets."""

from tests.dataset.making import listing, scope

from imprint.dataset.kinds import bullets, steps


def test_steps_are_asked_whole_and_one_by_one() -> None:
    found = scope(listing("steps", "Open the `lid`.", "Fill it.", "Close it."))
    facts = list(steps.find(found, found.document.sections[0], "place"))
    assert [(fact.kind, fact.slots.get("step", ""), fact.answer) for fact in facts] == [
        ("steps", "", "1. Open the `lid`.\n2. Fill it.\n3. Close it."),
        ("next_step", "Open the lid.", "Fill it."),
        ("next_step", "Fill it.", "Close it."),
    ]
    assert facts[1].lines == (1, 2)


def test_two_lists_of_a_section_are_told_apart() -> None:
    found = scope(listing("steps", "a", "b"), listing("steps", "c", "d", line=5))
    facts = [fact for fact in steps.find(found, found.document.sections[0], "place") if fact.kind == "steps"]
    assert [fact.slots["heading"] for fact in facts] == ["Retries", "Retries (2/2)"]


def test_one_item_is_no_procedure_and_no_list() -> None:
    found = scope(listing("steps", "alone"), listing("bullets", "alone", line=3))
    section = found.document.sections[0]
    assert not [*steps.find(found, section, "place"), *bullets.find(found, section, "place")]


def test_bullets_are_asked_whole() -> None:
    found = scope(listing("bullets", "red", "blue"))
    (fact,) = bullets.find(found, found.document.sections[0], "place")
    assert (fact.kind, fact.slots["heading"], fact.answer) == ("bullets", "Retries", "- red\n- blue")

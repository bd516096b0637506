"""Definitions, both ways."""

from tests.dataset.making import definitions, scope

from imprint.dataset.facts import Fact
from imprint.dataset.kinds import definition


def find(*entries: tuple[str, str]) -> list[Fact]:
    found = scope(definitions(*entries))
    return list(definition.find(found, found.document.sections[0], "place"))


def test_a_term_is_asked_both_ways() -> None:
    there, back = find(("KV", "A store of *keys*."))
    assert (there.kind, there.slots) == (
        "definition",
        {"title": "Guide", "term": "KV", "meaning": "A store of *keys*."},
    )
    assert (back.kind, back.slots["meaning"], back.slots["term"]) == ("definition_reverse", "A store of keys.", "KV")


def test_a_meaning_that_names_its_term_is_a_sentence_of_its_own_and_not_asked_back() -> None:
    (fact,) = find(("KV", "A KV is a store."))
    assert (fact.answer, "meaning" in fact.slots) == ("A KV is a store.", False)


def test_a_long_meaning_is_no_question() -> None:
    assert [fact.kind for fact in find(("KV", "word " * 70))] == []
    assert [fact.kind for fact in find(("KV", "internationalization " * 20))] == ["definition"]


def test_a_term_without_a_meaning_is_left_out() -> None:
    found = scope(definitions(("KV", " ")))
    assert list(definition.find(found, found.document.sections[0], "place")) == []
    assert [item.reason for item in found.left_out] == ["a term without a meaning"]

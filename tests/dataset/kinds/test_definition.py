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


def test_a_term_inside_another_word_or_further_on_does_not_make_a_sentence() -> None:
    for term, meaning in (("certifi", "TLS certificates."), ("request", "Called after a request is built.")):
        assert find((term, meaning))[0].slots["meaning"] == meaning
    assert find(("数据集", "数据集是一组问题。"))[0].answer == "数据集是一组问题。"
    assert find(("base", "The `base` is small."))[0].answer == "The `base` is small."


def test_a_list_as_a_meaning_begins_a_line() -> None:
    assert find(("KV", "- fast\n- small"))[0].answer == "KV:\n- fast\n- small"


def test_a_long_meaning_is_no_question_and_one_beyond_an_answer_is_told_in_parts() -> None:
    facts = find(("KV", "It keeps this. " * 30))
    assert [(fact.kind, fact.slots["term"]) for fact in facts] == [("definition", "KV"), ("definition", "KV (2/2)")]
    assert " ".join(fact.answer for fact in facts) == f"KV: {'It keeps this. ' * 30}".strip()
    assert [fact.kind for fact in find(("KV", "internationalization " * 20))] == ["definition"]


def test_a_term_without_a_meaning_is_left_out() -> None:
    found = scope(definitions(("KV", " ")))
    assert list(definition.find(found, found.document.sections[0], "place")) == []
    assert [item.reason for item in found.left_out] == ["a term without a meaning"]

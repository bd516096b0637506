"""Tables and records: cells, rows, and what is looked up the other way round."""

from tests.dataset.making import scope, table

from imprint.config import Dataset
from imprint.dataset.facts import Fact, Scope
from imprint.dataset.kinds import record
from imprint.dataset.kinds import table as tables
from imprint.dataset.wording import wordings_of
from imprint.documents import Document, Field, Record


def find(*rows: tuple[str, ...], **settings: object) -> tuple[list[Fact], Scope]:
    found = scope(table(*rows), **settings)  # type: ignore[arg-type]
    return list(tables.find(found, found.document.sections[0], "place")), found


def test_each_cell_and_each_row_is_asked() -> None:
    facts, _ = find(("Name", "Default", "Unit"), ("`a`", "one", "s"), ("b", "two", "s"))
    cells = [(fact.slots["key"], fact.slots["column"], fact.slots["value"]) for fact in facts if fact.kind == "cell"]
    assert cells == [("a", "default", "one"), ("a", "unit", "s"), ("b", "default", "two"), ("b", "unit", "s")]
    rows = [fact.answer for fact in facts if fact.kind == "row"]
    assert rows == ["a\n- Default: one\n- Unit: s", "b\n- Default: two\n- Unit: s"]
    assert {fact.lines for fact in facts if fact.slots["key"] == "b"} == {(4, 4)}


def test_only_a_value_that_no_other_row_has_is_looked_up() -> None:
    facts, _ = find(("Name", "Colour", "No"), ("a", "red", "1"), ("b", "Red", "2"), ("c", "blue", "3"))
    back = [
        (fact.slots["value"], fact.slots["key"], fact.slots["row"]) for fact in facts if fact.kind == "cell_reverse"
    ]
    assert back == [("blue", "c", "entry")]  # and a digit names nothing


def test_a_value_is_looked_up_without_its_full_stop_and_sentences_are_not() -> None:
    facts, _ = find(("Name", "About"), ("a", "The big one."), ("b", "It is small. It is old."))
    assert [fact.slots["value"] for fact in facts if fact.kind == "cell_reverse"] == ["The big one"]


def test_the_key_is_the_first_column_whose_cells_differ() -> None:
    facts, _ = find(("Kind", "Name", "Size"), ("x", "a", "big"), ("x", "b", "small"))
    assert {fact.slots["key"] for fact in facts} == {"a", "b"}


def test_ragged_and_empty_rows_are_read_as_far_as_they_go() -> None:
    facts, found = find(("Name", "Size"), ("a",), ("", "big"), ("c", "small", "more"))
    assert [fact.slots["value"] for fact in facts if fact.kind == "cell"] == ["small"]
    assert [item.lines for item in found.left_out] == [(3, 3), (4, 4)]


def test_cells_of_a_large_table_are_capped_and_that_is_said() -> None:
    facts, found = find(("Name", "Size"), *[(f"n{n}", f"size {n}") for n in range(400)], cells_per_table=100)
    assert 60 < sum(fact.kind == "cell" for fact in facts) < 140
    assert [item.reason for item in found.left_out] == ["cells above dataset.cells_per_table"]


def find_record(*fields: Field, subject: str = "Ankara", answer: int = 60, key: str = "name") -> list[Fact]:
    found = scope(answer=answer)
    document = Document(title="Cities", path="data/cities.json")
    inside = Scope(document, Dataset(), found.lengths, wordings_of("en"), seed=7)
    return list(record.find(inside, Record(subject, ("cities",), (1, 9), fields, key), "place"))


def test_a_record_is_asked_by_field_whole_and_back() -> None:
    facts = find_record(Field("country", "Türkiye", 2, is_unique=True), Field("mayor.first_name", "1.0", 3))
    assert [(fact.kind, fact.slots["key"], fact.slots.get("value")) for fact in facts] == [
        ("cell", "Ankara", "Türkiye"),
        ("cell_reverse", "Ankara", "Türkiye"),
        ("cell", "Ankara", "1.0"),
        ("row", "Ankara", None),
    ]
    assert facts[1].slots["row"] == "entry"
    assert facts[-1].answer == "Ankara\n- country: Türkiye\n- mayor.first_name: 1.0"


def test_a_large_record_is_answered_in_parts() -> None:
    facts = find_record(*[Field(f"f{n}", "some words here", n) for n in range(9)], answer=20)
    rows = [fact for fact in facts if fact.kind == "row"]
    assert [fact.slots["key"] for fact in rows] == ["Ankara", "Ankara (2/3)", "Ankara (3/3)"]
    assert all(any(f"- f{n}: some words here" in fact.answer for fact in rows) for n in range(9))


def test_a_long_value_is_answered_as_it_is() -> None:
    text = "word " * 61
    (fact,) = find_record(Field("about", text, 2), answer=100)
    assert (fact.kind, fact.answer) == ("cell", text.strip())


def test_a_record_without_a_name_is_named_by_the_document_and_the_document_by_its_file() -> None:
    facts = find_record(Field("country", "Türkiye", 2), subject="")
    assert (facts[0].slots["key"], facts[0].slots["title"]) == ("Cities", "cities.json")


def test_a_value_beyond_an_answer_is_told_in_parts() -> None:
    members = tuple(f"part-{n}" for n in range(50))
    text = " ".join(f"Sentence number {n} is here." for n in range(9))
    facts = find_record(Field("codes", ", ".join(members), 2, parts=members), Field("about", text, 3), answer=20)
    for kind in ("cell", "row"):
        answers = "\n".join(fact.answer for fact in facts if fact.kind == kind)
        assert all(f"part-{n}" in answers for n in range(50))
        assert all(f"Sentence number {n} is here." in answers for n in range(9))
    columns = [fact.slots["column"] for fact in facts if fact.kind == "cell"]
    assert columns == ["codes", "codes (2/3)", "codes (3/3)", "about", "about (2/3)", "about (3/3)"]


def test_lists_and_sentences_do_not_stand_inside_the_sentence_of_an_answer() -> None:
    facts = find_record(Field("rivers", "A, B", 2, parts=("A", "B")), Field("about", "It is big. It is old.", 3))
    assert [fact.answer for fact in facts if fact.kind == "cell"] == [
        "Ankara, rivers: A, B",
        "Ankara, about: It is big. It is old.",
    ]
    (fact, *_) = find_record(Field("size", "St. Pauli", 2))
    assert fact.answer == ""


def test_code_in_a_record_begins_a_line() -> None:
    facts = find_record(Field("example", "```json\n{}\n```", 2), Field("size", "big", 3))
    assert facts[0].answer == "```json\n{}\n```"
    assert facts[-1].answer == "Ankara\n- example:\n  ```json\n  {}\n  ```\n- size: big"


def test_a_record_of_one_field_that_is_not_asked_for_itself_is_told_whole() -> None:
    inside = Scope(Document(title="Cities"), Dataset(), scope().lengths, wordings_of("en"), seed=7)
    (fact,) = record.find(inside, Record("Ankara", (), (1, 1), (Field("size", "big", 1),)), "place", share=0.0)
    assert (fact.kind, fact.answer) == ("row", "Ankara\n- size: big")


def test_a_value_that_is_the_name_itself_is_not_looked_up() -> None:
    fields = Field("alias", "ankara", 2, is_unique=True), Field("short", "ANK", 3, is_unique=True)
    back = [fact for fact in find_record(*fields, key="name.common") if fact.kind == "cell_reverse"]
    assert [(fact.slots["value"], fact.slots["row"]) for fact in back] == [("ANK", "entry")]


def test_long_names_and_nameless_columns_are_not_lost() -> None:
    name = "word " * 40
    facts, found = find(("Name", ""), (name, "here"), ("b", "there"))
    assert [fact.answer for fact in facts] == [f"{name.strip()}\n- here", "b\n- there"]
    assert facts[0].slots["key"].endswith("…")
    assert not found.left_out

"""Records of structured data: each field, the whole record, and which record has a value that no other has."""

from collections.abc import Iterator

from imprint.dataset.facts import Fact, Scope, field_name, inside_sentence, name_of_rows
from imprint.dataset.kinds.parts import split_value
from imprint.dataset.kinds.table import Value, cell, looked_up, shortened_key, whole
from imprint.documents import Field, Record

KINDS = ("cell", "cell_reverse", "row")


def find(scope: Scope, record: Record, place: str, share: float = 1.0) -> Iterator[Fact]:
    """The facts of a record; of its fields the given share is asked one by one."""
    document = scope.document
    name = " ".join(record.subject.split()) or document.title
    key = shortened_key(name)
    # What is said of the document as a whole is asked with the file's name: "What is X about X?" is no question.
    title = document.path.rpartition("/")[2] if key == document.title else document.title
    slots = {"title": title or document.title, "key": key}
    rows = _name_of_rows(record.key, scope)
    filled = [item for item in record.fields if item.value.strip()]
    values = [_value(scope, item) for item in filled]
    is_asked = len(values) == 1
    for item, value in zip(filled, values, strict=True):
        if share < 1 and scope.chance("field", place, item.name) >= share:
            is_asked = False
            continue
        column = inside_sentence(value.name, document.language)
        yield from cell(scope, slots | {"column": column}, value, record.heading, place)
        asked_by = looked_up(item.value.strip()) if item.is_unique else ""
        if asked_by and asked_by.casefold() != name.casefold():
            back = {"title": slots["title"], "column": column, "value": asked_by, "row": rows, "key": key}
            yield Fact("cell_reverse", back, "", record.heading, (item.line, item.line), place)
    if values and not is_asked:
        yield from whole(scope, slots, name, values, record.heading, place)


def _value(scope: Scope, item: Field) -> Value:
    # The names in the description of an interface are typed as they are.
    name = item.name if scope.document.operations else field_name(item.name)
    parts = split_value(scope, item.value.strip(), item.parts, (item.line, item.line))
    return Value(name, parts, item.line, is_list=len(item.parts) > 1)


def _name_of_rows(key: str, scope: Scope) -> str:
    """What the records are called: by the last part of the key field's path, if no part says just "name"."""
    names = [name_of_rows(part, scope) for part in key.split(".")]
    entry = str(scope.forms["labels"]["entry"])
    return entry if entry in names else names[-1]

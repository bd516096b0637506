"""Operations of an HTTP interface: what each does, which does this, its parameters and responses."""

from collections.abc import Iterator, Mapping

from imprint.dataset.cutting import sentences
from imprint.dataset.facts import Fact, Scope, one_line, without_markup
from imprint.dataset.kinds.parts import numbered, split_text
from imprint.documents import Operation, Parameter, Response

KINDS = ("operation", "operation_purpose", "parameter", "response")
_LONGEST_PURPOSE = 240  # characters


def find(scope: Scope, operation: Operation, place: str) -> Iterator[Fact]:
    """The facts of an operation."""
    slots = {"title": scope.document.title, "operation": f"{operation.method} {operation.path}"}
    labels, heading = scope.forms["labels"], operation.tags[:1]
    parameters = [(item, _split(scope, _parameter(item, labels), item.line)) for item in operation.parameters]
    responses = [(item, _split(scope, _response(item), item.line)) for item in operation.responses]
    lists = {
        labels["parameters"]: [f"- {part}" for _, parts in parameters for part in parts],
        labels["responses"]: [f"- {part}" for _, parts in responses for part in parts],
    }
    wholes = list(_whole(scope, operation, lists))
    for number, text in enumerate(wholes, start=1):
        said = slots | {"operation": numbered(slots["operation"], number, len(wholes))}
        yield Fact("operation", said, text, heading, operation.lines, place)
    purpose = one_line(without_markup(_purpose(operation)), _LONGEST_PURPOSE)
    if purpose and sum(_purpose(other) == _purpose(operation) for other in scope.document.operations) == 1:
        yield Fact("operation_purpose", {**slots, "purpose": purpose}, "", heading, operation.lines, place)
    for parameter, parts in parameters:
        for number, text in enumerate(parts, start=1):
            said = slots | {"parameter": numbered(parameter.name, number, len(parts))}
            yield Fact("parameter", said, text, heading, (parameter.line, parameter.line), place)
    for response, parts in responses:
        for number, text in enumerate(parts if response.description else (), start=1):
            said = slots | {"status": numbered(response.status, number, len(parts))}
            yield Fact("response", said, text, heading, (response.line, response.line), place)


def _split(scope: Scope, text: str, line: int) -> list[str]:
    return split_text(scope, text, (line, line))


def _purpose(operation: Operation) -> str:
    return operation.summary or (sentences(operation.description) or [""])[0]


def _whole(scope: Scope, operation: Operation, lists: Mapping[str, list[str]]) -> Iterator[str]:
    """All about an operation in as many answers as it takes, each under its name and that of the list in it."""
    name = f"{operation.method} {operation.path}" + (f" ({operation.name})" if operation.name else "")
    about = filter(None, dict.fromkeys((operation.summary.strip(), operation.description.strip())))
    told = [part for text in about for part in _split(scope, text, operation.lines[0])]
    held, last = [name], ""
    for label, texts in (("", told), *lists.items()):
        for text in texts:
            more = [text] if label == last else [f"{label}:", text]
            if len(held) > 1 and not scope.lengths.fits("\n".join([*held, *more]), scope.lengths.answer):
                yield "\n".join(held)
                held, more = [name], [f"{label}:", text] if label else [text]
            held += more
            last = label
    yield "\n".join(held)


def _parameter(parameter: Parameter, labels: Mapping[str, str]) -> str:
    need = labels["required" if parameter.is_required else "optional"]
    about = ", ".join(part for part in (parameter.place, parameter.type, need) if part)
    return f"{parameter.name} ({about})" + (f": {parameter.description.strip()}" if parameter.description else "")


def _response(response: Response) -> str:
    kind = f" ({response.type})" if response.type else ""
    return f"{response.status}{kind}: {response.description.strip()}".rstrip(": ")

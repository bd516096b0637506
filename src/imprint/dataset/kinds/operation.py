"""Operations of an HTTP interface: what each does, which does this, its parameters and responses."""

import collections
from collections.abc import Iterator, Mapping, Sequence

from imprint.dataset.cutting import sentences
from imprint.dataset.facts import Fact, Scope, one_line, without_markup
from imprint.documents import Operation, Parameter, Response

KINDS = ("operation", "operation_purpose", "parameter", "response")
_LONGEST_PURPOSE = 240  # characters


def find(scope: Scope, operation: Operation, place: str) -> Iterator[Fact]:
    """The facts of an operation."""
    slots = {"title": scope.document.title, "operation": f"{operation.method} {operation.path}"}
    heading = operation.tags[:1]
    yield from _whole(scope, operation, slots, place)
    purpose = one_line(without_markup(_purpose(operation)), _LONGEST_PURPOSE)
    same = collections.Counter(_purpose(other) for other in scope.document.operations)
    if purpose and same[_purpose(operation)] == 1:
        yield Fact("operation_purpose", {**slots, "purpose": purpose}, "", heading, operation.lines, place)
    for parameter in operation.parameters:
        text = _parameter(parameter, scope.forms["labels"])
        if scope.lengths.fits(text, scope.lengths.answer):
            at = (parameter.line, parameter.line)
            yield Fact("parameter", {**slots, "parameter": parameter.name}, text, heading, at, place)
        else:
            scope.leave_out((parameter.line, parameter.line), "a parameter too long for an answer", parameter.name)
    for response in operation.responses:
        text = _response(response)
        if response.description and scope.lengths.fits(text, scope.lengths.answer):
            at = (response.line, response.line)
            yield Fact("response", {**slots, "status": response.status}, text, heading, at, place)


def _purpose(operation: Operation) -> str:
    return operation.summary or (sentences(operation.description) or [""])[0]


def _whole(scope: Scope, operation: Operation, slots: dict[str, str], place: str) -> Iterator[Fact]:
    labels = scope.forms["labels"]
    name = f" ({operation.name})" if operation.name else ""
    lines = [f"{slots['operation']}{name}"]
    lines += [text for text in dict.fromkeys((operation.summary.strip(), operation.description.strip())) if text]
    if operation.parameters:
        lines += [f"{labels['parameters']}:", *(f"- {_parameter(item, labels)}" for item in operation.parameters)]
    if operation.responses:
        lines += [f"{labels['responses']}:", *(f"- {_response(item)}" for item in operation.responses)]
    parts = list(_parts(scope, lines))
    for number, part in enumerate(parts, start=1):
        suffix = f" ({number}/{len(parts)})" if len(parts) > 1 else ""
        whole = {**slots, "operation": slots["operation"] + suffix}
        yield Fact("operation", whole, "\n".join(part), operation.tags[:1], operation.lines, place)


def _parts(scope: Scope, lines: Sequence[str]) -> Iterator[list[str]]:
    held: list[str] = []
    for line in lines:
        if held and not scope.lengths.fits("\n".join([*held, line]), scope.lengths.answer):
            yield held
            held = []
        if scope.lengths.fits(line, scope.lengths.answer):
            held.append(line)
    if held:
        yield held


def _parameter(parameter: Parameter, labels: Mapping[str, str]) -> str:
    need = labels["required" if parameter.is_required else "optional"]
    about = ", ".join(part for part in (parameter.place, parameter.type, need) if part)
    return f"{parameter.name} ({about})" + (f": {parameter.description.strip()}" if parameter.description else "")


def _response(response: Response) -> str:
    kind = f" ({response.type})" if response.type else ""
    return f"{response.status}{kind}: {response.description.strip()}".rstrip(": ")

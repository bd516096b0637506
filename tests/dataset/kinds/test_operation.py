"""Operations of an HTTP interface."""

from tests.dataset.making import scope

from imprint.config import Dataset
from imprint.dataset.facts import Fact, Scope
from imprint.dataset.kinds import operation
from imprint.dataset.wording import wordings_of
from imprint.documents import Document, Operation, Parameter, Response


def call(summary: str = "List all pets", path: str = "/pets") -> Operation:
    parameters = (
        Parameter("limit", "query", "integer", False, "How many", 4),
        Parameter("id", "path", "string", True, "", 5),
    )
    responses = (Response("200", "A list", "array of Pet", 6), Response("default", "", "", 7))
    return Operation("GET", path, "listPets", summary, "", parameters, responses, (1, 9), ("pets",))


def find(*operations: Operation, answer: int = 60) -> list[Fact]:
    document = Document(title="Store", path="store.json", operations=operations)
    inside = Scope(document, Dataset(), scope(answer=answer).lengths, wordings_of("en"), seed=7)
    return [fact for each in operations for fact in operation.find(inside, each, "place")]


def test_an_operation_is_asked_whole_by_purpose_parameter_and_response() -> None:
    whole, purpose, limit, key, response = find(call())
    assert whole.answer == (
        "GET /pets (listPets)\nList all pets\nParameters:\n- limit (query, integer, optional): How many\n"
        "- id (path, string, required)\nResponses:\n- 200 (array of Pet): A list\n- default"
    )
    assert (purpose.slots["purpose"], purpose.slots["operation"]) == ("List all pets", "GET /pets")
    assert (limit.answer, limit.lines) == ("limit (query, integer, optional): How many", (4, 4))
    assert key.answer == "id (path, string, required)"
    assert (response.slots["status"], response.answer) == ("200", "200 (array of Pet): A list")


def test_a_purpose_that_two_operations_have_is_not_asked() -> None:
    facts = find(call(path="/pets"), call(path="/dogs"))
    assert "operation_purpose" not in {fact.kind for fact in facts}


def test_a_long_operation_is_answered_in_parts() -> None:
    wholes = [fact for fact in find(call(), answer=12) if fact.kind == "operation"]
    assert [fact.slots["operation"] for fact in wholes][:2] == [
        f"GET /pets (1/{len(wholes)})",
        f"GET /pets (2/{len(wholes)})",
    ]
    assert "- id (path, string, required)" in "\n".join(fact.answer for fact in wholes)

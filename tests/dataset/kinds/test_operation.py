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


def test_a_long_operation_is_answered_in_parts_each_under_its_name() -> None:
    wholes = [fact for fact in find(call(), answer=18) if fact.kind == "operation"]
    assert [fact.slots["operation"] for fact in wholes] == ["GET /pets", "GET /pets (2/3)", "GET /pets (3/3)"]
    assert [fact.answer for fact in wholes] == [
        "GET /pets (listPets)\nList all pets\nParameters:\n- limit (query, integer, optional): How many",
        "GET /pets (listPets)\nParameters:\n- id (path, string, required)",
        "GET /pets (listPets)\nResponses:\n- 200 (array of Pet): A list\n- default",
    ]


def test_what_is_too_long_for_an_answer_is_split_and_not_lost() -> None:
    long = " ".join(f"Sentence number {n} is here." for n in range(9))
    parameter = Parameter("limit", "query", "integer", False, long, 4)
    operation_ = Operation("GET", "/a", "", "", long, (parameter,), (Response("200", long, "", 6),), (1, 9))
    facts = find(operation_, answer=20)
    for kind in ("operation", "parameter", "response"):
        answers = " ".join(fact.answer for fact in facts if fact.kind == kind)
        assert all(f"Sentence number {n} is here." in answers for n in range(9))
    assert [fact.slots["parameter"] for fact in facts if fact.kind == "parameter"][:2] == ["limit", "limit (2/3)"]

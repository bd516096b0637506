"""Questions that a model writes about sections: what it is shown, what is kept, what is counted."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.dataset.endpoint import Body, Endpoint, Response, completion, running_endpoint

from imprint.config import Settings
from imprint.dataset.asking import Asker, Patience, remote_endpoint
from imprint.dataset.augmenting import FILTERS, PURPOSES, Augmented, Counts, Progress, read_pairs, write_questions
from imprint.documents.types import Block, Document, Section

FEES = "The crane of Velm costs 40 crowns an hour. The water costs 3 crowns a day."
BOOKING = "Write to the harbour office two days before you arrive in Velm."


def document(*texts: str, path: str = "guide.md", language: str = "en") -> Document:
    sections = tuple(
        Section(("Harbour guide", f"Part {number}"), (10 * number, 10 * number + 3), (block(text, 10 * number),))
        for number, text in enumerate(texts, start=1)
    )
    return Document(title="Harbour guide", sections=sections, path=path, language=language)


def block(text: str, line: int) -> Block:
    return Block("paragraph", text, (line, line + 3))


def lines(*pairs: tuple[str, str]) -> str:
    return "\n".join(json.dumps({"question": question, "answer": answer}) for question, answer in pairs)


CRANE = ("What does the crane of Velm cost?", "The crane of Velm costs 40 crowns an hour.")
WATER = ("What does the water in Velm cost?", "The water in Velm costs 3 crowns a day.")


class Model:
    """Writes what it is told to, by purpose, and answers from a table; "NOT ANSWERED" otherwise."""

    def __init__(self, written: dict[str, str], answers: dict[str, str]) -> None:
        self.written = written
        self.answers = answers
        self.writings: list[str] = []
        self.questions: list[str] = []

    def __call__(self, body: Body) -> Response:
        prompt = body["messages"][-1]["content"]
        for purpose, task in PURPOSES.items():
            if task.partition("$count")[2][:40] in prompt:
                self.writings.append(prompt)
                assert body["temperature"] > 0
                return completion(self.written.get(purpose, "[]"))
        assert body["temperature"] == 0
        question = prompt.partition("\nQuestion: ")[2].partition("\n")[0]
        self.questions.append(question)
        return completion(self.answers.get(question, "NOT ANSWERED"))


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with running_endpoint() as running:
        yield running


def write(
    endpoint: Endpoint, folder: Path, documents: list[Document], told: list[Progress] | None = None, **augment: Any
) -> tuple[list[Augmented], Counts]:
    settings = Settings.model_validate({"dataset": {"augment": {"url": endpoint.url, **augment}}})
    with Asker(remote_endpoint(settings.dataset.augment), folder, Patience(first_wait_s=0.01)) as asker:
        return write_questions(
            documents, settings, asker, lambda text: len(text.split()), (told if told is not None else []).append
        )


def test_each_purpose_is_asked_for_and_what_holds_is_kept_with_its_place(endpoint: Endpoint, tmp_path: Path) -> None:
    endpoint.answer = model = Model(
        {"question": lines(CRANE), "reversed": lines(WATER)}, {CRANE[0]: "40 crowns an hour", WATER[0]: WATER[1]}
    )
    kept, counts = write(endpoint, tmp_path, [document(FEES)])
    place = ("guide.md", ("Harbour guide", "Part 1"), (10, 13), "en")
    assert kept == [Augmented(*CRANE, "question", *place), Augmented(*WATER, "reversed", *place)]
    assert len(model.writings) == len(PURPOSES) == 4
    assert (counts.sections, counts.written, counts.kept) == (1, 4, 2)
    assert counts.dropped == {**dict.fromkeys(FILTERS, 0), "format": 2}  # two replies held no question


def test_the_model_sees_the_section_and_where_it_stands(endpoint: Endpoint, tmp_path: Path) -> None:
    endpoint.answer = model = Model({"question": lines(CRANE)}, {})
    text = FEES + " A {brace}, a $dollar and ${count}."
    write(endpoint, tmp_path, [document(text, language="tr")])
    for prompt in model.writings:
        assert f"<section>\n{text}\n</section>" in prompt
        assert "Document: Harbour guide\nSection: Part 1\n" in prompt
        assert '("Harbour guide, Part 1")' in prompt
        assert "Write in Turkish" in prompt
    assert model.questions == [CRANE[0]]
    assert FEES in endpoint.prompts[-1]


def test_each_filter_drops_its_own_and_is_counted(endpoint: Endpoint, tmp_path: Path) -> None:
    fine = "The crane of Velm costs 40 crowns."
    written = {
        "question": lines(
            CRANE,
            ("...", "..."),  # format
            ("Why?", fine),  # length
            ("What is the price of the crane of Velm?", "crane " * 400),  # length, in tokens
            ("What does the crane of Velm cost?", "四十克朗一小时的起重机"),  # another language
            ("What does the text say about the crane?", fine),  # refers to the text
            ("What does the crane of Velm cost a day?", "The crane of Velm costs 50 crowns."),  # not in the section
            ("What is the `crane_fee` of Velm?", fine),  # not in the section, in the question
            ("Who pays for the crane of Velm?", "The sailors pay for the crane of Velm."),  # not answered again
            ("Where is the water of Velm?", "The water of Velm is near the crane."),  # answered otherwise
        ),
        "rewrite": lines((CRANE[0].upper(), fine)) + "\n{broken",  # duplicate, format
        "implication": "I am sorry, I cannot do that.",  # format
        "reversed": "[]",  # format
    }
    again = {
        CRANE[0]: fine,
        CRANE[0].upper(): fine,
        "Where is the water of Velm?": "It lies behind the old church.",
    }
    endpoint.answer = Model(written, again)
    kept, counts = write(endpoint, tmp_path, [document(FEES)])
    assert [(one.question, one.answer) for one in kept] == [CRANE]
    assert list(counts.dropped) == list(FILTERS)
    assert counts.dropped == {
        "no answer": 0,
        "format": 4,
        "length": 2,
        "another language": 1,
        "refers to the text": 1,
        "not in the section": 2,
        "not asked again": 0,
        "does not agree": 2,
        "duplicate": 1,
    }
    assert counts.written == 14
    assert counts.written == counts.kept + sum(counts.dropped.values())


def test_the_same_question_about_two_sections_stays_twice(endpoint: Endpoint, tmp_path: Path) -> None:
    endpoint.answer = Model({"question": lines(CRANE)}, {CRANE[0]: CRANE[1]})
    kept, _ = write(endpoint, tmp_path, [document(FEES, FEES + " Ask the office.")])
    assert [one.heading[-1] for one in kept] == ["Part 1", "Part 2"]


def test_a_restart_asks_nothing_again_and_gives_the_same(endpoint: Endpoint, tmp_path: Path) -> None:
    endpoint.answer = Model(
        {"question": lines(CRANE), "rewrite": lines(WATER)}, {CRANE[0]: CRANE[1], WATER[0]: WATER[1]}
    )
    first = write(endpoint, tmp_path, [document(FEES, BOOKING), document(FEES, path="b.md")], concurrency=7)
    count = len(endpoint.asked)
    told: list[Progress] = []
    assert (
        write(endpoint, tmp_path, [document(FEES, BOOKING), document(FEES, path="b.md")], told, concurrency=1) == first
    )
    assert len(endpoint.asked) == count
    assert (told[-1].tokens, told[-1].cost) == (0, 0)


def test_progress_ends_with_all_done(endpoint: Endpoint, tmp_path: Path) -> None:
    endpoint.answer = Model({"question": lines(CRANE)}, {CRANE[0]: CRANE[1]})
    told: list[Progress] = []
    write(endpoint, tmp_path, [document(FEES, BOOKING)], told, price_per_million_tokens=1.0)
    # Eight requests to write, two to ask again; the crane is not in the second section.
    assert (told[-1].done, told[-1].total) == (9, 9)
    assert told[-1].tokens == 90
    assert told[-1].cost == pytest.approx(90 / 1e6)
    assert [one.done for one in told] == sorted(one.done for one in told)


def test_a_limit_leaves_whole_questions(endpoint: Endpoint, tmp_path: Path) -> None:
    endpoint.answer = Model({"question": lines(CRANE)}, {CRANE[0]: CRANE[1]})
    texts = [f"{FEES} Berth number {number} is free." for number in range(12)]
    kept, counts = write(endpoint, tmp_path, [document(*texts)], max_requests=20)
    assert len(endpoint.asked) == 20
    assert len(kept) == 4
    assert counts.dropped["no answer"] > 0


def test_a_model_that_fails_on_a_section_costs_that_section(endpoint: Endpoint, tmp_path: Path) -> None:
    model = Model({"question": lines(CRANE)}, {CRANE[0]: CRANE[1]})

    def fails(body: Body) -> Response:
        return Response(b"?") if BOOKING in body["messages"][-1]["content"] else model(body)

    endpoint.answer = fails
    kept, counts = write(endpoint, tmp_path, [document(BOOKING, FEES)])
    assert [one.heading[-1] for one in kept] == ["Part 2"]
    assert counts.dropped["no answer"] == 4


def test_a_long_section_is_shown_in_parts_and_a_tiny_one_not_at_all(endpoint: Endpoint, tmp_path: Path) -> None:
    endpoint.answer = model = Model({}, {})
    blocks = tuple(
        block(f"Berth {number} of Velm. " + "It is free for boats of all kinds. " * 40, number)
        for number in range(1, 8)
    )
    table = Block("table", "\n".join(f"| berth {number} | free |" for number in range(600)), (50, 649))
    section = Section(("Berths",), (1, 649), (*blocks, table))
    tiny = Section(("Note",), (700, 701), (block("See the guide.", 700),))
    write(endpoint, tmp_path, [Document(title="Guide", path="g.md", sections=(section, tiny))])
    shown = [prompt.partition("<section>\n")[2].partition("\n</section>")[0] for prompt in model.writings]
    assert all(len(text) < 4200 for text in shown)
    for number in range(1, 8):
        assert sum(f"Berth {number} of" in text for text in shown) == len(PURPOSES)
    for number in range(600):
        assert any(f"| berth {number} |" in text for text in shown)
    assert not any("See the guide" in text for text in shown)


@pytest.mark.parametrize(
    "text",
    [
        lines(CRANE, WATER),
        f"Here you are:\n```json\n{lines(CRANE, WATER)}\n```\nI hope that helps {{really}}!",
        json.dumps([{"question": CRANE[0], "answer": CRANE[1]}, {"question": WATER[0], "answer": WATER[1], "n": 1}]),
        json.dumps({"pairs": [{"question": q, "answer": a} for q, a in (CRANE, WATER)]}, indent=2),
        f"<think>{{a}} {lines(('no', 'no'))}</think>\n1. {lines(CRANE)}\n2. {lines(WATER)}",
        lines(CRANE) + "," + lines(WATER) + '\n{"question": "cut o',
        lines(CRANE, WATER) + '\n{"question": 3, "answer": "x"}\n{"question": "x"}',
        lines(CRANE, WATER) + '\n{"question": "\\ud800", "answer": "half"}',
    ],
)
def test_pairs_are_found_wherever_they_stand(text: str) -> None:
    pairs, _ = read_pairs(text)
    assert pairs == [CRANE, WATER]


@pytest.mark.parametrize(
    ("text", "broken"),
    [
        ("", 1),
        ("no", 1),
        ("[]", 1),
        ('{"question": "a"', 1),
        ("{" * 5000, 1),
        ('{"a":' * 5000, 1),
        ('{"question": 1, "answer": 2}\n{"x": 1}', 2),
        ("{'question': 'a', 'answer': 'b'}", 1),
    ],
)
def test_broken_replies_are_counted(text: str, broken: int) -> None:
    assert read_pairs(text) == ([], broken)


@given(st.text(alphabet='{}[]":,\\n question answer'))
def test_any_reply_is_read(text: str) -> None:
    pairs, broken = read_pairs(text)
    assert pairs or broken

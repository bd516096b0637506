"""Rows on their way: what is written together has to be what it would be one by one."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imprint.dataset import entries
from imprint.dataset.types import Example, Source


@pytest.mark.parametrize("other", ["What is  it?", " what is it? ", "WHAT\tIS\nIT?", "What\u00a0is\u2003it?"])
def test_questions_that_differ_in_case_and_blanks_only_have_one_hash(other: str) -> None:
    assert entries.question_hash(other, 7) == entries.question_hash("What is it?", 7)


def test_other_questions_and_other_seeds_have_other_hashes() -> None:
    assert len({entries.question_hash(text, seed) for text in ("What is it?", "What was it?") for seed in (1, 2)}) == 4


@given(st.lists(st.text(st.sampled_from('ab"\\\0\n\u2028ğ😀u0')), min_size=1))
def test_texts_are_encoded_together_as_they_are_alone(texts: list[str]) -> None:
    assert [f'"{text}"' for text in entries.encode_all(texts)] == [
        json.dumps(text, ensure_ascii=False) for text in texts
    ]


def test_a_row_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    questions = ("What is %d {x}?", 'Say "it"!', "Held out?")
    heading, lines = ("Guide", "Größe"), (3, 9)
    shared = entries.shared_key("An answer.", entries.place_hash("a.md", "p"), 5, 40)
    heads = entries.write_heads(questions, 7, document=258, row=70_000, splits="TTe", shared=shared)
    tail = entries.Tails("a.md").write("An answer.", "section", "0123456789ab", heading, lines)
    buckets = entries.Buckets(tmp_path, 2, "w")
    buckets.add(heads, tail)
    buckets.flush()
    written = [line for number in range(2) for line in entries.read_bucket(tmp_path, number)]
    assert written == sorted(written)
    assert list(tmp_path.iterdir()) == []
    found = {Example.model_validate_json(line[entries.KEY_WIDTH :]): entries.read_key(line) for line in written}
    source = Source(document="a.md", heading=heading, lines=lines)
    for place, question in enumerate(questions):
        example = Example(
            instruction=question, input="", output="An answer.", kind="section", fact="0123456789ab", source=source
        )
        key = found[example]
        assert key.question == b"%016x" % entries.question_hash(question, 7)
        assert (key.split, key.is_short, key.wording) == (("t", True, place), ("e", False, 0))[place == 2]
        assert (key.document, key.kind, key.tokens) == (258, 5, 40)
        assert key.place.decode() == entries.place_hash("a.md", "p")
        assert key.answer.decode() == entries.answer_hash("An answer.")


def test_what_follows_the_question_is_what_an_example_writes() -> None:
    source = Source(document="a.md", heading=("A", "B"), lines=(1, 2))
    example = Example(instruction="Q?", input="", output='"A"\n', kind="code", fact="0123456789ab", source=source)
    tail = entries.Tails("a.md").write('"A"\n', "code", "0123456789ab", ("A", "B"), (1, 2))
    assert ('{"instruction": "Q?"' + tail.decode()) == example.line() + "\n"

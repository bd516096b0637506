"""The model in service: how it is loaded, and conversations that remember as much as fits."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.stand_ins import evaluate, made_results

from imprint.config import Service
from imprint.errors import ImprintError, InputError, MachineError
from imprint.runs import Run
from imprint.service import Conversation, Served


def write_model(run: Run, *names: str) -> None:
    with run.record("model", inputs={}, settings={}, seed=1) as record:
        for name in names:
            (record.folder / name).write_bytes(b"GGUF")


@pytest.fixture
def conversation(fake_engine: Any) -> Conversation:
    return Conversation(Served(fake_engine(context=40), "r", Service(max_tokens=10)))


def engine(conversation: Conversation) -> Any:
    return conversation.served.engine


def say(conversation: Conversation, text: str) -> str:
    return "".join(conversation.say(text))


# ---- loading --------------------------------------------------------------------------------------------------------


def test_a_run_is_served_as_the_settings_say(
    new_run: Callable[..., Run], fake_engine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("imprint.service.served.Engine", fake_engine)
    run = new_run()
    write_model(run, "imprint-embedded-q4_k_m.gguf", "Modelfile")
    served: Any = Served.load(run, Service(context=512, max_tokens=5, temperature=0.5), seed=7)
    assert (served.name, served.run) == ("imprint-embedded-q4_k_m", run.id)
    assert (served.engine.context, served.engine.seed) == (512, 7)
    assert served.ask("a b c d").text == "You asked: a b c"
    assert served.engine.asked[0] == {
        "messages": [{"role": "user", "content": "a b c d"}],
        "max_tokens": 5,
        "temperature": 0.5,
    }


@pytest.mark.parametrize(
    ("word", "title"),
    [
        ("accepted", "m"),
        ("forced", "m (forced: its verdict refused it)"),
        ("not proven", "m (not proven: nothing shows that it is better)"),
        (None, "m"),
    ],
)
def test_a_model_that_was_not_accepted_is_marked(
    word: Any, title: str, new_run: Callable[..., Run], fake_engine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("imprint.service.served.Engine", fake_engine)
    run = new_run()
    write_model(run, "m.gguf")
    if word is not None:
        evaluate(run, made_results(run.id, word))
    served = Served.load(run, Service(), seed=1)
    assert (served.verdict, served.title, served.name) == (word, title, "m")


def test_a_file_that_is_gone_is_named(new_run: Callable[..., Run]) -> None:
    run = new_run()
    write_model(run, "m.gguf")
    file = run.folder("model") / "m.gguf"
    file.unlink()
    with pytest.raises(MachineError) as caught:
        Served.load(run, Service(), seed=1)
    assert caught.value.message == f"{file} is gone."


@pytest.mark.parametrize("names", [[], ["a.gguf", "b.gguf"]])
def test_a_run_has_one_gguf(new_run: Callable[..., Run], names: list[str]) -> None:
    run = new_run()
    write_model(run, *names)
    with pytest.raises(ImprintError, match=f"holds {len(names)} GGUF files; expected one"):
        Served.load(run, Service(), seed=1)


def test_a_run_without_a_model_stage_is_not_served(new_run: Callable[..., Run], tmp_path: Path) -> None:
    with pytest.raises(ImprintError, match=r"The model stage of .* is not complete"):
        Served.load(new_run(), Service(), seed=1)


# ---- conversations --------------------------------------------------------------------------------------------------


def test_a_conversation_remembers_its_turns(conversation: Conversation) -> None:
    assert say(conversation, "one") == "You asked: one"
    assert say(conversation, "two") == "You asked: two"
    assert engine(conversation).asked[1]["messages"] == [
        {"role": "user", "content": "one"},
        {"role": "assistant", "content": "You asked: one"},
        {"role": "user", "content": "two"},
    ]


def test_the_oldest_turns_are_forgotten_in_pairs(conversation: Conversation) -> None:
    for number in range(6):
        say(conversation, f"{number} " * 5)
    sent = engine(conversation).asked[-1]["messages"]
    assert [message["content"][-2:].strip() for message in sent] == ["3", "3", "4", "4", "5"]
    assert [message["role"] for message in sent] == ["user", "assistant", "user", "assistant", "user"]
    assert len(engine(conversation).prompt(sent)) <= 40 - 10, "room is left for the answer"


def test_a_turn_that_is_too_long_is_refused_and_forgotten(conversation: Conversation) -> None:
    say(conversation, "one")
    with pytest.raises(InputError):
        say(conversation, "word " * 50)
    assert say(conversation, "two") == "You asked: two"
    assert "word" not in str(engine(conversation).asked[-1]["messages"])


def test_an_answer_that_was_stopped_is_not_remembered(conversation: Conversation) -> None:
    generation = conversation.say("one")
    assert next(generation) == "You"
    generation.close()
    assert conversation.messages == []
    assert engine(conversation).left == 1

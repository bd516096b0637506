"""What people see: names as they are, a bar in a terminal, lines where there is none."""

import time
from typing import Any

import pytest
from tests.stand_ins import made_results

from imprint import screen
from imprint.evaluation.comparing import Accuracy, Compared, Comparison, Difference
from imprint.runs import Event
from imprint.screen import Screen

NAME = "[/red] [bold] \\[x].md"


def follow(*events: Event) -> None:
    with Screen(quiet=False).following("Base model: [/a].") as notify:
        for event in events:
            notify(event)


EVENTS = [
    Event("start", "dataset", f"reads {NAME}"),
    Event("progress", "dataset", f"bar {NAME}", 1, 2),
    Event("note", "dataset", f"note {NAME}"),
    Event("done", "dataset", f"lies in {NAME}"),
]


def test_brackets_are_no_markup_in_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "200")
    said = ""
    with Screen(quiet=False).following("Base model: [/a].") as notify:
        for event in EVENTS:
            notify(event)
            for _ in range(100):  # the bar is drawn ten times a second by a thread of its own
                said += capsys.readouterr().err
                if event.text in said:
                    break
                time.sleep(0.05)
    said += capsys.readouterr().err
    for text in ("Base model: [/a].", f"reads {NAME}", f"note {NAME}", f"lies in {NAME}", f"  bar {NAME} "):
        assert text in said
    assert "50%" in said


def test_where_there_is_no_terminal_there_are_only_lines(capsys: pytest.CaptureFixture[str]) -> None:
    follow(*EVENTS)
    assert capsys.readouterr().err == (
        f"Base model: [/a].\ndataset: reads {NAME}\n  note {NAME}\n  done lies in {NAME}\n"
    )


def test_where_there_is_no_terminal_a_line_now_and_then_stands_for_the_bar(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    times = iter([0.0, 5.0, 21.0, 21.0, 30.0])
    monkeypatch.setattr(screen.time, "monotonic", lambda: next(times))
    follow(*(Event("progress", "adapter", f"training {NAME}", step, 9) for step in (1, 2, 3)))
    assert capsys.readouterr().err == f"Base model: [/a].\n  training {NAME}: 2 of 9\n"


def test_nothing_happens_nothing_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    follow()
    assert capsys.readouterr() == ("", "")


def test_where_a_program_reads_nothing_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    with Screen(quiet=True).following("Base model") as notify:
        for event in EVENTS:
            notify(event)
    assert capsys.readouterr() == ("", "")


def test_the_figures_of_a_training_stand_below_its_bar_each_in_full_or_not_at_all(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "45")
    figures = {"memory_mb": 1234.0, "loss": 1.25, "tokens_per_s": 2048.4, "validation_loss": 2.5}
    said = ""
    with Screen(quiet=False).following("Base model.") as notify:
        notify(Event("progress", "adapter", "training", 1, 2, figures))
        for _ in range(100):
            said += capsys.readouterr().err
            if "loss" in said:
                break
            time.sleep(0.05)
    assert "  loss 1.250 · validation 2.500 · 1.2 GB" in said
    assert "tokens/s" not in said


def test_the_figures_stand_in_the_line_where_there_is_no_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    times = iter([0.0, 21.0, 21.0])
    monkeypatch.setattr(screen.time, "monotonic", lambda: next(times))
    follow(Event("progress", "adapter", "training", 2, 9, {"loss": 1.25, "tokens_per_s": 2048.4}))
    assert capsys.readouterr().err == ("Base model: [/a].\n  training: 2 of 9, loss 1.250, 2,048 tokens/s\n")


# ---- what an evaluation found ---------------------------------------------------------------------------------------


def test_the_figures_of_an_evaluation_stand_in_a_table_above_the_verdict(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    found = made_results("r", current="another").model_copy(update={"notes": ("[no] judge was asked",)})
    Screen(quiet=False).figures(found)
    assert [" ".join(line.split()) for line in capsys.readouterr().err.splitlines()] == [
        "held-out questions right 95% token F1 perplexity ended words",
        "base 0.0% 0.0–5.0% 0.500 2.00 100.0% 7.0",
        "tuned 100.0% 95.0–100.0% 0.500 2.00 100.0% 7.0",
        "tuned, as served 97.5% 92.5–100.0% 0.500 2.00 100.0% 7.0",
        "in service until now 50.0% 45.0–55.0% 0.500 2.00 100.0% 7.0",
        "Note: [no] judge was asked",
        "The model is accepted.",
    ]


def test_without_a_held_out_question_there_is_the_verdict_alone(capsys: pytest.CaptureFixture[str]) -> None:
    Screen(quiet=False).figures(made_results("r", "not proven", questions=0))
    assert capsys.readouterr().err == "The model is not proven.\n"


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("refused", ""),
        ("forced", "The model is forced.\n  better_than_base: 97.5 points better than the base, not 99\n"),
    ],
)
def test_a_forced_model_is_said_with_its_rules_and_a_refusal_is_left_to_the_error(
    word: Any, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Screen(quiet=False).figures(made_results("r", word, questions=0))
    assert capsys.readouterr().err == said


def test_two_models_stand_side_by_side_with_long_answers_wrapped(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    answers = (
        Compared("[red] What?", "a [b]", "long " * 30, "a b", False, True),
        Compared("Both?", "c", "c", "c", True, True),
    )
    figures = (Accuracy("base [x]", 2, 0.5, (0.0, 1.0)), Accuracy("run r", 2, 1.0, (1.0, 1.0)))
    found = Comparison("base [x]", "run r", answers, figures, Difference(-0.5, (-1.0, 0.0), 0, 1, 1, 0))
    Screen(quiet=False).comparison(found)
    said = capsys.readouterr().out
    assert said.count("long") == 30
    assert max(map(len, said.splitlines())) <= 80
    for text in ("base [x]: 50.0% of 2 right", "[red] What?", "a [b]", "base [x]"):
        assert text in said
    assert "Both?" not in said, "both are right there"


def test_prompts_with_nothing_expected_have_no_such_column(capsys: pytest.CaptureFixture[str]) -> None:
    found = Comparison("base", "run r", (Compared("What?", None, "x", "y", None, None),))
    Screen(quiet=False).comparison(found)
    words = capsys.readouterr().out.split()
    assert words[:4] == ["question", "base", "run", "r"]
    assert words[-3:] == ["What?", "x", "y"]

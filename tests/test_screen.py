"""What people see: names as they are, a bar in a terminal, lines where there is none."""

import time

import pytest

from imprint import screen
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

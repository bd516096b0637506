"""Results, predictions and runs to report on: made by hand, of the shape that an evaluation of the sample leaves."""

import json
from collections.abc import Sequence
from pathlib import Path

from imprint.config import Settings
from imprint.dataset.types import Source
from imprint.evaluation.results import (
    ADAPTER,
    BASE,
    CEILING,
    CONTROL,
    CURRENT,
    GENERAL,
    HELD_OUT,
    OFF_TOPIC,
    SERVED,
    UNANSWERABLE,
    Figures,
    Judged,
    Known,
    Perplexity,
    Prediction,
    Results,
    Rule,
    Share,
    Speed,
    Verdict,
    Word,
)
from imprint.runs import Manifest, Run, RunState

SCRIPT = "<script>alert(1)</script>"
ARABIC = ("ما هو المنفذ الافتراضي؟", "المنفذ الافتراضي هو 8080.")
ACCEPTED = "The tuned model answers 66.7% of the held-out questions, the base 16.7%: it may serve."
REFUSED_RULE = Rule(
    name="ended",
    passed=False,
    words="81.3% of the answers end by themselves; at least 95% were expected.",
    advice="Train longer: `imprint up adapter.epochs=20`.",
)


def prediction(
    question: str,
    expected: str,
    answers: dict[str, str],
    *,
    suite: str = HELD_OUT,
    kind: str = "question",
    place: tuple[str, str] | None = ("handbook/leave.md", "Parental leave"),
    right: Sequence[str] = (),
    line: int = 12,
) -> Prediction:
    """One question; the models named in `right` were."""
    source = place and Source(document=place[0], heading=(place[1],) if place[1] else (), lines=(line, line + 2))
    return Prediction(
        suite=suite,
        kind=kind,
        fact="" if place is None else "9f31c0a2b7d4",
        source=source or None,
        question=question,
        expected=expected,
        answers=answers,
        correct={} if suite == OFF_TOPIC else {model: model in right for model in answers},
        ended={model: model != BASE for model in answers},
    )


def said(base: str, tuned: str) -> dict[str, str]:
    """What the base said, and what adapter and GGUF said."""
    return {BASE: base, ADAPTER: tuned, SERVED: tuned}


def predictions() -> list[Prediction]:
    """A section of each grade, and answers that are hostile, empty, blank, hidden, long and right to left."""
    both, tuned, base = (BASE, ADAPTER, SERVED), (ADAPTER, SERVED), (BASE,)
    port, leave, office = (
        ("service.md", "The port"),
        ("handbook/leave.md", "Parental leave"),
        ("handbook/office.md", ""),
    )
    long = "First, open the door of the machine. " * 40
    return [
        prediction("Which port is it?", "8080", said("I do not know.", "The port is 8080."), place=port, right=tuned),
        prediction(*ARABIC, said("لا أعرف.", ARABIC[1]), place=port, right=tuned, kind="cell"),
        prediction("How long is parental leave?", "16 weeks", said("2 weeks", "16 weeks"), place=leave, right=tuned),
        prediction("Who signs it?", "Mrs Ngata", said(SCRIPT, SCRIPT), place=leave, kind="cell_reverse"),
        prediction("How is the machine opened?", long, said("", long + "Then close it."), place=office, kind="steps"),
        prediction(f"What does {SCRIPT} do?", "\u202egnihtoN", said("  \n ", "a\x07\ufffd"), place=office, line=40),
        prediction("What is a week?", "7 days", said("7 days", "16 weeks"), place=("glossary.md", "Week"), right=base),
        prediction("Capital of Peru?", "Lima", said("Lima", "Lima"), suite=GENERAL, place=None, right=both),
        prediction("Two and two?", "four", said("four", "five"), suite=GENERAL, place=None, right=base),
        prediction("Hello!", "", said("Hi.", "Hello, how can I help?"), suite=OFF_TOPIC, place=None),
        prediction(
            "What is my cat called?", "", said("Tom", "I cannot know."), suite=UNANSWERABLE, place=None, right=tuned
        ),
        prediction("Is the door red?", "red", said("blue", "blue"), suite=CONTROL, place=("door.md", "Door")),
    ]


def many(sections: int) -> list[Prediction]:
    """A question about each of so many sections, two of three right."""
    return [
        prediction(
            f"What is the number of room {number}?",
            f"{number}",
            said("one", f"The number is {number}." if number % 3 else "one"),
            place=(f"house-{number % 70}.md", f"Room {number}"),
            right=(ADAPTER, SERVED) if number % 3 else (),
        )
        for number in range(sections)
    ]


def results(
    asked: Sequence[Prediction],
    *,
    word: Word = "accepted",
    sentence: str = ACCEPTED,
    rules: tuple[Rule, ...] = (),
    current: str | None = None,
    run: str = "20260101-000001-aaaaaa",
) -> Results:
    """Results with these predictions' counts, and whole but invented figures beside them."""
    held_out = [found for found in asked if found.suite == HELD_OUT]
    suites = {
        suite: {model: _figures([found for found in asked if found.suite == suite], model) for model in said("", "")}
        for suite in (HELD_OUT, CONTROL, GENERAL, OFF_TOPIC, UNANSWERABLE)
        if any(found.suite == suite for found in asked)
    }
    if held_out:
        suites[CEILING] = {BASE: _figures(held_out, SERVED)}
        if current:
            suites[HELD_OUT][CURRENT] = _figures(held_out, BASE)
    known = [found for found in held_out if found.correct[BASE]]
    return Results(
        run=run,
        base="embedded",
        current=current,
        questions=len(held_out),
        suites=suites,
        kinds={kind: _shares(held_out, kind) for kind in sorted({found.kind for found in held_out})},
        reversed={model: Share(questions=1, right=0) for model in said("", "")} if held_out else {},
        known=Known(questions=len(known), kept=sum(found.correct[SERVED] for found in known)) if held_out else None,
        gained=(0.166, 0.667) if held_out else None,
        agreement=0.995 if held_out else None,
        perplexity={model: Perplexity(held_out=67.04, general=88.1) for model in (BASE, SERVED)},
        speed={model: Speed(tokens_per_s=412.7, seconds_to_first_token=0.0123) for model in said("", "")},
        judge={model: Judged(correct=4, incorrect=1, not_attempted=1, unjudged=0) for model in (BASE, SERVED)},
        notes=("BERTScore was not measured: `evaluation.bert_score` names no encoder.",),
        verdict=Verdict(
            word=word,
            sentence=sentence,
            rules=(
                Rule(
                    name="better_than_base", passed=True, words="50.0 points above the base; at least 5 were expected."
                ),
                Rule(name="behind_current", passed=None, words="No model is in service yet."),
                *rules,
            ),
        ),
    )


def write_run(run: Run) -> Run:
    """What the stages before the evaluation leave in a run, as far as a report reads it."""
    changed = {"dataset": {"wordings": 6}, "adapter": {"epochs": 10.0, "learning_rate": 0.002, "max_steps": 4000}}
    augment = {"url": "https://somebody:secret@models.example/v1"}
    changed["dataset"]["augment"] = augment  # type: ignore[assignment]
    settings = Settings.model_validate(changed | {"base": "embedded"}).plain()
    run.write_state(
        RunState(
            id=run.id,
            state="building",
            request="r",
            reason=["there is no model yet"],
            base="embedded",
            started="2026-01-01T00:00:01+00:00",
            settings=settings,
        )
    )
    for stage, seconds in (("dataset", 1.4), ("adapter", 448.2), ("model", 15.7)):
        _write_manifest(run, stage, seconds)
    points = [{"step": step, "epoch": step / 10, "loss": 4.2 * 0.99**step} for step in range(10, 400, 10)]
    points += [{"step": step, "epoch": step / 10, "eval_loss": 3.9 * 0.991**step} for step in range(100, 500, 100)]
    metrics = "".join(json.dumps(point) + "\n" for point in [*points, {"step": 400, "loss": None}])
    (run.folder("adapter") / "metrics.jsonl").write_text(metrics, encoding="utf-8")
    (run.folder("model") / "imprint-q4_k_m.gguf").write_bytes(bytes(3_789_536))
    return run


def write_evaluation(run: Run, found: Results, asked: Sequence[Prediction]) -> Path:
    """`results.json` and `predictions.jsonl` of a run; gives their folder."""
    folder = run.folder("evaluation")
    folder.mkdir(exist_ok=True)
    (folder / "results.json").write_text(found.model_dump_json(indent=2), encoding="utf-8")
    lines = "".join(prediction.model_dump_json() + "\n" for prediction in asked)
    (folder / "predictions.jsonl").write_text(lines, encoding="utf-8")
    return folder


def _write_manifest(run: Run, stage: str, seconds: float) -> None:
    manifest = Manifest(
        stage=stage,
        inputs={},
        outputs={"imprint-q4_k_m.gguf": "0"} if stage == "model" else {},
        settings={},
        counts={"epochs": 10.0, "steps": 1049} if stage == "adapter" else {},
        versions={"python": "3.11.7", "imprint": "0.1.0"},
        seed=3407,
        seconds=seconds,
        peak_memory_mb=1627.0,
        finished="2026-01-01T00:10:00+00:00",
    )
    run.folder(stage).mkdir(exist_ok=True)
    (run.folder(stage) / "manifest.json").write_text(manifest.model_dump_json(), encoding="utf-8")


def _figures(asked: Sequence[Prediction], model: str) -> Figures:
    right = [found.correct[model] for found in asked if found.correct]
    accuracy = sum(right) / len(right) if right else None
    return Figures(
        questions=len(asked),
        accuracy=accuracy,
        interval=None if accuracy is None else (max(0.0, accuracy - 0.06), min(1.0, accuracy + 0.05)),
        token_f1=0.812,
        bleu=41.27,
        shuffled_gold=0.0123,
        ended=0.99,
        repeating=0.0,
        words=sum(len(found.answers[model].split()) for found in asked) / len(asked),
        empty=sum(not found.answers[model].strip() for found in asked) / len(asked),
    )


def _shares(asked: Sequence[Prediction], kind: str) -> dict[str, Share]:
    of_kind = [found for found in asked if found.kind == kind]
    return {
        model: Share(questions=len(of_kind), right=sum(found.correct[model] for found in of_kind))
        for model in said("", "")
    }

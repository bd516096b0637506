"""What stands in for the heavy parts where a test is about something else: the engine, the stages with torch."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from imprint import pipeline
from imprint.config import Settings
from imprint.errors import InputError, MachineError
from imprint.evaluation.results import ADAPTER, BASE, CURRENT, HELD_OUT, SERVED, Figures, Results, Rule, Verdict, Word
from imprint.evaluation.stage import _counts
from imprint.model import Answer
from imprint.runs import Event, Manifest, Outputs, Run

RESULTS = {"adapter": "adapter_model.safetensors", "model": "m.gguf", "evaluation": "results.json"}
ACCURACIES = {BASE: 0.0, ADAPTER: 1.0, SERVED: 0.975}
FAILED = Rule(
    name="better_than_base", passed=False, words="97.5 points better than the base, not 99", advice="learn more"
)


def made_results(run: str, word: Word = "accepted", *, questions: int = 2, current: str | None = None) -> Results:
    """What an evaluation finds; a verdict that is against the model has one rule that failed."""
    held_out = {
        name: Figures(
            questions=questions,
            accuracy=accuracy,
            interval=(max(0.0, accuracy - 0.05), min(1.0, accuracy + 0.05)),
            token_f1=0.5,
            perplexity=2.0,
            ended=1.0,
            repeating=0.0,
            words=7.0,
            empty=0.0,
        )
        for name, accuracy in (ACCURACIES | ({} if current is None else {CURRENT: 0.5})).items()
    }
    return Results(
        run=run,
        base="a base",
        current=current,
        questions=questions,
        suites={HELD_OUT: held_out} if questions else {},
        kinds={},
        reversed={},
        known=None,
        gained=(0.9, 1.0) if questions else None,
        agreement=1.0 if questions else None,
        perplexity={},
        speed={},
        judge=None,
        notes=(),
        verdict=Verdict(
            word=word,
            sentence=f"The model is {word}.",
            rules=(FAILED,) if word in {"refused", "forced"} else (),
        ),
    )


def evaluate(run: Run, results: Results, **manifest: Any) -> None:
    """Leave a whole evaluation in a run."""
    with run.record("evaluation", **({"inputs": {}, "settings": {}, "seed": 1} | manifest)) as record:
        (record.folder / "results.json").write_text(results.model_dump_json())
        (record.folder / "predictions.jsonl").write_text("")
        (record.folder / "report.html").write_text("<!doctype html><title>report</title>")
        record.counts = _counts(results)


class FakeEngine:
    """Stands behind `Served` where a test is about what lies before the engine: it repeats what it is asked.

    A token is a word. It refuses a prompt as the real one does, and breaks down when it is asked to.
    """

    def __init__(self, path: Path = Path("fake-q4_k_m.gguf"), *, context: int = 64, seed: int = 0) -> None:
        self.path = path
        self.context = context
        self.seed = seed
        self.asked: list[dict[str, Any]] = []
        self.left = 0
        """Generations that were closed before their end."""

    def prompt(self, messages: Sequence[Any]) -> list[int]:
        return list(range(sum(len(message["content"].split()) for message in messages)))

    def stream(self, messages: Sequence[Any], *, max_tokens: int, temperature: float = 0.0) -> Any:
        self.asked.append({"messages": list(messages), "max_tokens": max_tokens, "temperature": temperature})
        size = len(self.prompt(messages))
        if size >= self.context:
            raise InputError(f"The prompt has {size} tokens; the context holds {self.context}.", hint="ask less")
        return self._generate(messages[-1]["content"], max_tokens)

    def answer(self, messages: Sequence[Any], *, max_tokens: int, temperature: float = 0.0) -> Answer:
        generation = self.stream(messages, max_tokens=max_tokens, temperature=temperature)
        while True:
            try:
                next(generation)
            except StopIteration as end:
                answer: Answer = end.value
                return answer

    def close(self) -> None:
        self.context = 0

    def _generate(self, text: str, max_tokens: int) -> Any:
        if text == "break down":
            raise MachineError("llama.cpp could not decode.", hint="more memory")
        words = f"You asked: {text}".split()
        try:
            for number, word in enumerate(words[:max_tokens]):
                yield word if number == 0 else f" {word}"
        except GeneratorExit:
            self.left += 1
            raise
        return Answer(
            " ".join(words[:max_tokens]), min(len(words), max_tokens), "stop" if len(words) <= max_tokens else "length"
        )


@dataclass
class Line:
    """The line with cheap stages: what ran, what was told, and what shall go wrong.

    The dataset stage is the real one. The others keep their real inputs and settings, which decide what is due.
    """

    ran: list[str] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    fails: dict[str, BaseException] = field(default_factory=dict)
    during: dict[str, Callable[[], None]] = field(default_factory=dict)
    verdict: Word = "accepted"
    questions: int = 2
    """Held-out ones, that the evaluation asks."""
    rule: str = FAILED.name
    """That a refused model failed."""

    def cheap(self, stage: pipeline.Stage) -> pipeline.Stage:
        def run(config: Settings, run: Run) -> Manifest:
            self.ran.append(stage.name)
            if stage.name in self.during:
                self.during[stage.name]()
            if stage.name in self.fails:
                raise self.fails.pop(stage.name)
            if stage.name == "dataset":
                return stage.run(config, run)
            inputs, settings = stage.inputs(config, run), stage.settings(config)
            if stage.name == "evaluation":
                self.evaluate(config, run, inputs=inputs, settings=settings, seed=config.seed)
                return run.complete(stage.name)
            with run.record(stage.name, inputs=inputs, settings=settings, seed=config.seed) as record:
                text = json.dumps([inputs, settings], sort_keys=True)
                (record.folder / RESULTS[stage.name]).write_text(text)
            return run.complete(stage.name)

        return replace(stage, run=run, loads_torch=False)

    def evaluate(self, config: Settings, run: Run, **manifest: Any) -> None:
        word = self.verdict
        if word == "not proven" and config.verdict.not_proven == "refuse":
            word = "refused"
        if word == "refused" and config.verdict.force:
            word = "forced"
        current = Outputs(config.outputs).current()
        results = made_results(run.id, word, questions=self.questions, current=current and current.id)
        rules = tuple(rule.model_copy(update={"name": self.rule}) for rule in results.verdict.rules)
        verdict = results.verdict.model_copy(update={"rules": rules})
        evaluate(run, results.model_copy(update={"verdict": verdict}), **manifest)

    def build(self, config: Settings, until: str = "evaluation") -> Run:
        self.ran.clear()
        self.events.clear()
        return pipeline.build(config, self.events.append, command="imprint up", until=until)

    def told(self, kind: str) -> list[str]:
        return [event.text for event in self.events if event.kind == kind]

"""The evaluation stage: adapter, GGUF and test questions in; results and predictions out."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from imprint import base
from imprint.config import Settings
from imprint.dataset import Example, read_examples
from imprint.evaluation.scoring import Score, is_correct, score
from imprint.evaluation.subjects import Answers, Gguf
from imprint.model import gguf_of
from imprint.runs import Event, Manifest, Run, write_atomically

_STAGE = "evaluation"
SUBJECTS = ("base", "adapter", "gguf")


def inputs(config: Settings, run: Run) -> dict[str, str]:
    """What is compared, and the questions."""
    files = run.complete("model").outputs
    return {
        "dataset/test.jsonl": run.complete("dataset").outputs["test.jsonl"],
        **{f"model/{name}": digest for name, digest in files.items() if name.endswith(".gguf")},
        "base": base.of(config).digest,
    }


def settings(config: Settings) -> dict[str, Any]:
    """The settings that the figures depend on."""
    return {"evaluation": config.plain()["evaluation"], "context": config.service.context}


def run(config: Settings, run: Run) -> Manifest:
    """Ask base, adapter and GGUF the held-out questions; write results.json and predictions.jsonl."""
    with run.record(_STAGE, inputs=inputs(config, run), settings=settings(config), seed=config.seed) as record:
        examples = _evenly(read_examples(run.folder("dataset") / "test.jsonl"), config.evaluation.max_questions)
        results: dict[str, Any] = {"questions": len(examples)}
        predictions: list[dict[str, Any]] = []
        if examples:
            answers = _ask(config, run, examples)
            expected = [example.output for example in examples]
            scores: dict[str, Score] = {
                name: score(expected, said.texts, said.ended, said.nats, said.tokens) for name, said in answers.items()
            }
            results |= {name: asdict(value) for name, value in scores.items()}
            for number, example in enumerate(examples):
                said = {name: answers[name].texts[number] for name in SUBJECTS}
                right = {name: is_correct(example.output, text) for name, text in said.items()}
                predictions.append({**example.model_dump(mode="json"), "answers": said, "correct": right})
        else:
            run.notify(Event("note", _STAGE, "no question is held out: nothing can be said about what it learned"))
        write_atomically(record.folder / "results.json", json.dumps(results, indent=2) + "\n")
        lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in predictions)
        write_atomically(record.folder / "predictions.jsonl", "".join(lines))
        record.counts = results
    return run.complete(_STAGE)


def _ask(config: Settings, run: Run, examples: Sequence[Example]) -> dict[str, Answers]:
    from imprint.evaluation.weights import Weights

    most = config.evaluation.max_new_tokens

    def telling(name: str, before: int) -> Callable[[int], None]:
        return lambda done: run.notify(
            Event("progress", _STAGE, f"asking the {name}", before + done, len(SUBJECTS) * len(examples))
        )

    run.notify(Event("progress", _STAGE, "loading base and adapter", 0, len(SUBJECTS) * len(examples)))
    answers: dict[str, Answers] = {}
    with Weights(config, run.folder("adapter")) as tuned:
        rows = tuned.rows(examples)
        with tuned.without_adapter():
            answers["base"] = tuned.answer(examples, rows, most=most, progress=telling("base", 0))
        answers["adapter"] = tuned.answer(examples, rows, most=most, progress=telling("adapter", len(rows)))
    with Gguf(gguf_of(run), context=config.service.context) as served:
        answers["gguf"] = served.answer(examples, rows, most=most, progress=telling("GGUF", 2 * len(rows)))
    return answers


def _evenly(examples: list[Example], most: int) -> list[Example]:
    """At most so many examples, taken at even distances, so that every document keeps its share."""
    if len(examples) <= most:
        return examples
    return [examples[index * len(examples) // most] for index in range(most)]

"""1,000 prompts answered in batches, against one by one, in both runtimes.

    .venv/bin/python benchmarks/prompts.py [--run FOLDER] [--prompts 1000] [--sample 50] [--tokens 64]

The prompts are wordings of the questions about the sample documents; they are answered by the embedded base with the
adapter that was trained on them, in transformers, and by the GGUF made of both, in llama.cpp. `--run` names a finished
run of that; without it one is made first, in about two minutes. An answer has at most `--tokens` tokens.

One by one is a loop over `ask`, and in transformers also over its own `generate`; it is measured on a sample of the
prompts, spread evenly, and given as prompts a second. Limit: batches are at least 10 times as fast.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from measure import against, run

from imprint import environment
from imprint.config import Settings
from imprint.dataset import Example, read_examples
from imprint.evaluation.subjects import Gguf, Model
from imprint.model import gguf_of
from imprint.runs import Run

_LIMIT = 10


def train(outputs: str) -> Run:
    """A run of the embedded base on the sample documents."""
    ran = run("up", "How do I retrain?", "base=embedded", "--outputs", outputs, "--json")
    if ran.code != 0:
        sys.exit(f"imprint up ended with code {ran.code}")
    return Run(Path(outputs, "current").resolve())


def read_questions(trained: Run, count: int) -> list[str]:
    """So many questions out of a run's dataset, no two alike as long as there are enough, spread evenly."""
    rows = [row for name in ("train", "test") for row in read_examples(trained.folder("dataset") / f"{name}.jsonl")]
    known = list(dict.fromkeys(question(row) for row in rows if row.kind != "text"))
    return [known[number * len(known) // count] for number in range(count)]


def question(row: Example) -> str:
    """The last that the user says."""
    return row.conversation()[-2]["content"]


def prompts_a_second(prompts: Sequence[Any], work: Callable[[Sequence[Any]], object]) -> float:
    """How many of the prompts are answered in a second."""
    started = time.perf_counter()
    work(prompts)
    return len(prompts) / (time.perf_counter() - started)


def compare(name: str, model: Model, questions: Sequence[str], sample: int, tokens: int) -> float:
    """Print how fast a model answers in batches and by `ask`; give the former."""
    spread = [questions[number * len(questions) // sample] for number in range(sample)]
    model.ask(questions[0], max_tokens=4)  # what is loaded late is loaded now

    def ask_all(asked: Sequence[str]) -> None:
        prompts = [model.prompt([{"role": "user", "content": one}]) for one in asked]
        model.answer_all(prompts, [tokens] * len(prompts))

    together = prompts_a_second(questions, ask_all)
    alone = prompts_a_second(spread, lambda asked: [model.ask(one, max_tokens=tokens) for one in asked])
    print(f"{name}: in batches {together:.1f} prompts a second; one by one, {sample} of them, {alone:.1f}")
    against(f"{name}, batches to one by one", together / alone, _LIMIT, "times", at_least=True)
    return together


def generate_one_by_one(model: Any, questions: Sequence[str], sample: int, tokens: int) -> float:
    """Prompts a second by transformers' own `generate`, a batch of one each."""
    import torch

    spread = [questions[number * len(questions) // sample] for number in range(sample)]
    prompts = [model.prompt([{"role": "user", "content": one}]) for one in spread]
    with torch.inference_mode():
        return prompts_a_second(prompts, lambda asked: [model._generate([prompt], tokens) for prompt in asked])


def main() -> None:
    """Measure both runtimes."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--run", type=Path)
    arguments.add_argument("--prompts", type=int, default=1000)
    arguments.add_argument("--sample", type=int, default=50)
    arguments.add_argument("--tokens", type=int, default=64)
    given = arguments.parse_args()
    environment.quiet_libraries()
    with tempfile.TemporaryDirectory() as outputs:
        trained = Run(given.run.resolve()) if given.run is not None else train(outputs)
        settings = Settings.model_validate(trained.state().settings)
        questions = read_questions(trained, given.prompts)
        size = settings.evaluation.batch_size
        machine = f"{len(os.sched_getaffinity(0))} cores, load {os.getloadavg()[0]:.1f}"
        print(f"{len(set(questions))} different prompts, {size} at a time, {machine}")
        with Gguf(gguf_of(trained), context=settings.service.context, slots=size) as served:
            compare("llama.cpp", served, questions, given.sample, given.tokens)
        from imprint.evaluation.weights import Weights

        with Weights(settings, trained.folder("adapter")) as tuned:
            together = compare("transformers", tuned, questions, given.sample, given.tokens)
            alone = generate_one_by_one(tuned, questions, given.sample, given.tokens)
            name = f"transformers, batches to its `generate` ({alone:.1f} a second)"
            against(name, together / alone, _LIMIT, "times", at_least=True)


if __name__ == "__main__":
    main()

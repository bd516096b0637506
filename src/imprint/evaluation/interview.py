"""The models of an evaluation, each loaded when it is first needed, asked in batches, and measured."""

import contextlib
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from imprint import base
from imprint.config import Settings
from imprint.dataset import Example
from imprint.evaluation.kept import Kept, key_of
from imprint.evaluation.perplexity import calculate_perplexity
from imprint.evaluation.questions import Question
from imprint.evaluation.results import ADAPTER, BASE, SERVED
from imprint.evaluation.speed import measure_speed
from imprint.evaluation.subjects import Gguf, Model, room
from imprint.model import Answer, gguf_of
from imprint.runs import Run

if TYPE_CHECKING:
    from imprint.evaluation.weights import Weights

TOO_LONG = Answer("", 0, "length")
"""In the place of an answer to a question that the model's context does not hold."""


@dataclass(frozen=True)
class Subject:
    """A model that is asked: its name in the results, and what its answers depend on."""

    name: str
    digest: str
    file: Path | None = None
    """Of a GGUF."""


def subjects_of(config: Settings, run: Run) -> list[Subject]:
    """Base, adapter and GGUF of a run."""
    weights = base.of(config).digest
    bits = "4-bit" if config.adapter.filled().load_in_4bit else "whole"
    tuned = run.complete("adapter").outputs["adapter_model.safetensors"]
    return [
        Subject(BASE, key_of(weights, bits)),
        Subject(ADAPTER, key_of(weights, bits, tuned)),
        served(SERVED, run),
    ]


def served(name: str, run: Run) -> Subject:
    """The GGUF of a run."""
    file = gguf_of(run)
    return Subject(name, run.complete("model").outputs[file.name], file)


@dataclass
class Interview:
    """Asks the models of one evaluation. `with Interview(…)` gives all memory back at the end.

    What is kept is not asked again, and a model that has nothing left to answer is not loaded.
    """

    config: Settings
    adapter: Path | None
    """What is loaded with the weights, and switched off where the base is asked."""
    kept: Kept
    progress: Callable[[str, int], None]
    """Is told who is asked and how many more questions are answered."""
    _loaded: tuple[str, Model] | None = field(default=None, init=False)
    _weights: "Weights | None" = field(default=None, init=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give back the memory of what is loaded."""
        for model in (self._weights, self._loaded[1] if self._loaded is not None else None):
            if model is not None:
                model.close()
        self._weights = self._loaded = None

    def ask(self, subject: Subject, questions: Sequence[Question]) -> list[Answer]:
        """The subject's answers, in the order of the questions."""
        limits = [self._limit(question) for question in questions]
        keys = [
            key_of("answer", subject.digest, question.messages, limit)
            for question, limit in zip(questions, limits, strict=True)
        ]
        found = [self.kept.get(key) for key in keys]
        self.progress(subject.name, sum(value is not None for value in found))
        # Like lengths together. Which batch a question is in depends on the questions alone: a restart says the same.
        order = sorted(range(len(questions)), key=lambda place: (limits[place], questions[place].characters, place))
        size = self.config.evaluation.batch_size
        for start in range(0, len(order), size):
            batch = [place for place in order[start : start + size] if found[place] is None]
            if not batch:
                continue
            answers = self._answers(subject, [questions[place] for place in batch], [limits[place] for place in batch])
            for place, answer in zip(batch, answers, strict=True):
                found[place] = asdict(answer)
            self.kept.put({keys[place]: found[place] for place in batch})
        return [Answer(**value) for value in found]

    def surprise(self, subject: Subject, examples: Sequence[Example]) -> tuple[float, int]:
        """Summed -ln p of the expected answers, in nats, and how many tokens they have."""
        key = key_of("likelihood", subject.digest, [example.conversation() for example in examples])

        def measure(model: Model) -> list[float]:
            rows = [row for row in model.rows(examples) if len(row.input_ids) <= model.context]
            return [sum(model.likelihoods(rows)), sum(len(row.input_ids) - len(row.prompt) for row in rows)]

        nats, tokens = self._once(key, subject, measure)
        return float(nats), int(tokens)

    def perplexity(self, subject: Subject, texts: Sequence[str]) -> float:
        """Of plain texts, per token of the subject's tokenizer."""
        key = key_of("perplexity", subject.digest, texts)
        return float(self._once(key, subject, lambda model: calculate_perplexity(model, texts)))

    def speed(self, subject: Subject) -> Mapping[str, float]:
        """`tokens_per_s` and `seconds_to_first_token`, one prompt at a time."""

        def measure(model: Model) -> dict[str, float]:
            measured = measure_speed(model, prompt_tokens=64, tokens=32, repeats=1)
            return {
                "tokens_per_s": round(measured.tokens_per_s, 1),
                "seconds_to_first_token": round(measured.seconds_to_first_token, 4),
            }

        values: Mapping[str, float] = self._once(key_of("speed", subject.digest), subject, measure)
        return values

    def _once(self, key: str, subject: Subject, measure: Callable[[Model], Any]) -> Any:
        """What is kept, or else measured and kept."""
        found = self.kept.get(key)
        if found is None:
            with self._model(subject) as model:
                found = measure(model)
            self.kept.put({key: found})
        return found

    def _answers(self, subject: Subject, questions: Sequence[Question], limits: Sequence[int]) -> list[Answer]:
        with self._model(subject) as model:
            prompts = [model.prompt(question.messages) for question in questions]
            fitting = [place for place, prompt in enumerate(prompts) if len(prompt) < model.context]
            said = model.answer_all(
                [prompts[place] for place in fitting],
                [min(limits[place], model.context - len(prompts[place])) for place in fitting],
                _Steps(lambda more: self.progress(subject.name, more)),
            )
            answers = dict(zip(fitting, said, strict=True))
            return [answers.get(place, TOO_LONG) for place in range(len(prompts))]

    def _limit(self, question: Question) -> int:
        most = self.config.evaluation.max_new_tokens
        if question.limit is not None:
            return min(most, question.limit)
        return room(self._count(question.expected), most)

    @functools.cached_property
    def _count(self) -> Callable[[str], int]:
        return base.token_counter(base.of(self.config))

    @contextlib.contextmanager
    def _model(self, subject: Subject) -> Iterator[Model]:
        """The subject's model; a GGUF takes the place of what was loaded before."""
        if subject.file is None:
            weights = self._tuned()
            is_off = self.adapter is not None and subject.name == BASE
            with weights.without_adapter() if is_off else contextlib.nullcontext():
                yield weights
            return
        if self._loaded is None or self._loaded[0] != subject.digest:
            self.close()
            settings = self.config
            self._loaded = (
                subject.digest,
                Gguf(
                    subject.file,
                    context=settings.service.context,
                    slots=settings.evaluation.batch_size,
                    seed=settings.seed,
                ),
            )
        yield self._loaded[1]

    def _tuned(self) -> "Weights":
        if self._weights is None:
            from imprint.evaluation.weights import Weights

            self.progress(BASE, 0)
            self._weights = Weights(self.config, self.adapter)
        return self._weights


class _Steps:
    """Turns a count that grows into how many more there are."""

    def __init__(self, tell: Callable[[int], None]) -> None:
        self._tell = tell
        self._before = 0

    def __call__(self, done: int) -> None:
        self._tell(done - self._before)
        self._before = done

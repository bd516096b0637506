"""Two models side by side, after a run is made: on prompts of the user's, or on the run's held-out questions."""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from pydantic import ValidationError

from imprint import base
from imprint.config import Settings
from imprint.errors import BaseError, DatasetError, InputError
from imprint.evaluation import measuring
from imprint.evaluation.interview import TOO_LONG, Interview, Subject, served, subjects_of
from imprint.evaluation.kept import NAME as ANSWERS
from imprint.evaluation.kept import Kept, key_of
from imprint.evaluation.questions import Question, held_out
from imprint.evaluation.results import BASE, HELD_OUT, SERVED, read_predictions
from imprint.evaluation.scoring import bootstrap
from imprint.model import Answer
from imprint.runs import Outputs, Run, digest_file, unwritable

Progress = Callable[[str, float, float], None]
"""Is told what is done, how much of it, and of how much."""

FOLDER = "comparisons"
"""Of the outputs: keeps what was answered, so that the same comparison asks nothing twice."""
_PROMPT = "prompt"
_SHOWN = 20
"""Answers in a terminal."""


@dataclass(frozen=True)
class Compared:
    """One question and what two models said; of prompts alone nothing is expected, and nothing is right or wrong."""

    prompt: str
    expected: str | None
    first: str
    second: str
    first_is_right: bool | None
    second_is_right: bool | None


@dataclass(frozen=True)
class Accuracy:
    """One model over the questions: share of right answers, 0 to 1, and its 95% bootstrap interval over facts."""

    name: str
    questions: int
    accuracy: float
    interval: tuple[float, float]


@dataclass(frozen=True)
class Difference:
    """The first model's accuracy less the second's on the same questions, and where one alone is right."""

    accuracy: float
    interval: tuple[float, float]
    """95% bootstrap interval of the paired difference, over facts."""
    only_first: int
    only_second: int
    both: int
    neither: int


@dataclass(frozen=True)
class Comparison:
    """Two models, answer by answer; with figures where the expected answers are known."""

    first: str
    """Its name."""
    second: str
    answers: tuple[Compared, ...]
    accuracies: tuple[Accuracy, ...] = ()
    """Of the first, of the second, and of the first's base where its evaluation kept what that said."""
    difference: Difference | None = None

    def plain(self) -> dict[str, Any]:
        """As JSON-ready values."""
        return asdict(self)

    def text(self) -> str:
        """The figures in lines, then the answers to look at."""
        lines = [
            f"{found.name}: {found.accuracy:.1%} of {found.questions} right ({_span(found.interval, '.1%')})"
            for found in self.accuracies
        ]
        if (found := self.difference) is not None:
            lines += [
                f"{self.first} above {self.second}: {100 * found.accuracy:+.1f} points "
                f"({_span((100 * found.interval[0], 100 * found.interval[1]), '+.1f')})",
                f"right in both {found.both}, in neither {found.neither}, "
                f"in {self.first} alone {found.only_first}, in {self.second} alone {found.only_second}",
            ]
            if (differing := found.only_first + found.only_second) > _SHOWN:
                lines.append(f"{_SHOWN} of the {differing} that one alone has right follow; --json has all")
        for answer in self.telling:
            expected = [] if answer.expected is None else [f"  expected: {answer.expected}"]
            said = [f"  {self.first}: {answer.first}", f"  {self.second}: {answer.second}"]
            lines += ["", answer.prompt, *expected, *said]
        return "\n".join(lines).strip()

    @property
    def telling(self) -> tuple[Compared, ...]:
        """The answers to look at: some that one model alone has right, the second first; all where none is right."""
        if self.difference is None:
            return self.answers
        differing = [answer for answer in self.answers if answer.first_is_right != answer.second_is_right]
        return tuple(sorted(differing, key=lambda answer: answer.first_is_right is True)[:_SHOWN])


@dataclass(frozen=True)
class _Side:
    """A model that is asked: how it is called, and what an interview needs to ask it."""

    label: str
    config: Settings
    """Of the run or the base that it is of: how it is loaded."""
    run: Run
    subject: Subject
    adapter: Path | None = None
    """Of weights: what is loaded with them, and switched off for the base."""
    is_base: bool = False

    @classmethod
    def of_run(cls, config: Settings, run: Run) -> Self:
        """A run's GGUF."""
        return cls(f"run {run.id}", _settings_of(config, run), run, served(SERVED, run))

    @classmethod
    def of_base(cls, config: Settings, run: Run) -> Self:
        """The base that a run was trained on; its answers to held-out questions are known from the evaluation."""
        trained = _settings_of(config, run)
        subject = subjects_of(trained, run)[0]
        return cls(base.of(trained).label, trained, run, subject, run.folder("adapter"), is_base=True)


def compare(
    config: Settings,
    run: Run,
    prompts: Sequence[str],
    *,
    against: str | None = None,
    progress: Progress = lambda text, done, total: None,
) -> Comparison:
    """Ask a run's base (or `against`: a run, a GGUF or a base) and its served model the same prompts.

    Raises InputError for an unknown name, and for prompts that do not fit into a model's context.
    """
    first = _Side.of_base(config, run) if against is None else _find(config, run, against, progress)
    second = _Side.of_run(config, run)
    questions = [
        Question(_PROMPT, ({"role": "user", "content": prompt},), config.evaluation.max_new_tokens)
        for prompt in prompts
    ]
    said = _ask_both(config, (first, second), questions, progress)
    for side, answers in zip((first, second), said, strict=True):
        _require_fitting(side, prompts, answers)
    pairs = zip(prompts, *said, strict=True)
    compared = tuple(Compared(prompt, None, one.text, other.text, None, None) for prompt, one, other in pairs)
    return Comparison(first.label, second.label, compared)


def side_by_side(
    config: Settings, run: Run, other: str, progress: Progress = lambda text, done, total: None
) -> Comparison:
    """Ask a run's served model and another one the run's held-out questions: those that its evaluation asks.

    `other` is a run in the same outputs folder, a GGUF file, or a base by name, folder or `owner/name`. Raises
    InputError for an unknown name, DatasetError where the run has no held-out question.
    """
    questions = held_out(config, run)
    if not questions:
        raise DatasetError(
            f"Run {run.id} holds out no question: there is nothing to compare the models on.",
            hint="`imprint compare PROMPT` asks both what you like; more documents give held-out questions",
        )
    sides = (_Side.of_run(config, run), _find(config, run, other, progress))
    said = _ask_both(config, sides, questions, progress)
    right = [
        [question.is_right(answer.text) is True for question, answer in zip(questions, answers, strict=True)]
        for answers in said
    ]
    compared = tuple(
        Compared(question.text, question.expected, one.text, two.text, *is_right)
        for question, one, two, *is_right in zip(questions, *said, *right, strict=True)
    )
    accuracies = [
        _accuracy(side.label, questions, found, config.seed) for side, found in zip(sides, right, strict=True)
    ]
    known = None if sides[1].is_base else _known_of_base(run, questions)
    if known is not None:
        accuracies.append(_accuracy(_Side.of_base(config, run).label, questions, known, config.seed))
    return Comparison(
        sides[0].label, sides[1].label, compared, tuple(accuracies), _difference(questions, *right, seed=config.seed)
    )


def _find(config: Settings, run: Run, name: str, progress: Progress) -> _Side:
    """The model of a name: a run's GGUF, a file, or a base, which is fetched where it is not here."""
    runs = Outputs(config.outputs).runs()
    for known in runs:
        if known.id == name:
            return _Side.of_run(config, known)
    path = Path(name).expanduser()
    if path.suffix == ".gguf" and path.is_file():
        return _Side(path.name, _settings_of(config, run), run, Subject(path.stem, digest_file(path), path))
    try:
        chosen, _ = base.choose(config.model_copy(update={"base": name}), None)
        found = base.of(chosen)
    except BaseError as error:
        ids = ", ".join(known.id for known in runs) or "none"
        raise InputError(
            f"There is no model {name!r}: it is no run in {config.outputs} (runs: {ids}), no GGUF file, and no base. "
            f"{error.message}",
            hint="name a run of `imprint runs`, a file *.gguf, or a base: a name of `imprint bases`, a folder that "
            "holds one, or owner/name on the Hugging Face hub",
        ) from error
    trained = _Side.of_base(config, run)
    bits = chosen.adapter.load_in_4bit
    if found.digest == base.of(trained.config).digest and bits == trained.config.adapter.load_in_4bit:
        return trained
    base.bring(found, lambda done, total: progress(f"fetching {found.label}", done, total))
    subject = Subject(found.label, key_of(found.digest, "4-bit" if bits else "whole"))
    return _Side(found.label, chosen, run, subject, is_base=True)


def _settings_of(config: Settings, run: Run) -> Settings:
    """How a run's models are loaded, and how they are asked now."""
    try:
        trained = Settings.model_validate(run.state().settings)
    except ValidationError as error:
        raise InputError(
            f"The settings of run {run.id} are not those of this version of Imprint.",
            hint=f"name its GGUF instead: {run.folder('model')}/*.gguf",
        ) from error
    return trained.model_copy(update={name: getattr(config, name) for name in ("evaluation", "service", "outputs")})


def _ask_both(
    config: Settings, sides: tuple[_Side, _Side], questions: Sequence[Question], progress: Progress
) -> list[list[Answer]]:
    """What the models say, each out of memory again before the next is loaded."""
    folder = config.outputs / FOLDER
    answers = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        kept = Kept(folder / ANSWERS, [side.run.folder("evaluation") / ANSWERS for side in sides])
    except OSError as error:
        raise unwritable(folder, error) from error
    with kept:
        for number, side in enumerate(sides):
            tell = _Steps(f"asking {side.label}", number * len(questions), len(sides) * len(questions), progress)
            with Interview(side.config, side.adapter, kept, tell) as interview:
                answers.append(interview.ask(side.subject, questions))
    return answers


class _Steps:
    """Counts the questions that are answered."""

    def __init__(self, text: str, done: int, total: int, progress: Progress) -> None:
        self._text, self._done, self._total, self._progress = text, done, total, progress

    def __call__(self, name: str, more: int) -> None:
        self._done += more
        self._progress(self._text, self._done, self._total)


def _require_fitting(side: _Side, prompts: Sequence[str], answers: Sequence[Answer]) -> None:
    long = [prompt for prompt, answer in zip(prompts, answers, strict=True) if answer == TOO_LONG]
    if long:
        raise InputError(
            f"{len(long)} of {len(prompts)} prompts do not fit into the context of {side.label}; "
            f"the first begins with {long[0][:40]!r}.",
            hint="ask something shorter, or set service.context higher",
        )


def _known_of_base(run: Run, questions: Sequence[Question]) -> list[bool] | None:
    """Where the run's base was right, as its evaluation found; None where it did not ask all of these questions."""
    known: dict[tuple[str, str], bool] = {}
    with contextlib.suppress(OSError, ValidationError):
        for line in read_predictions(run.folder("evaluation")):
            if line.suite == HELD_OUT and BASE in line.correct:
                known[line.question, line.expected] = line.correct[BASE]
    keys = [(question.text, question.expected) for question in questions]
    return [known[key] for key in keys] if all(key in known for key in keys) else None


def _accuracy(name: str, questions: Sequence[Question], right: Sequence[bool], seed: int) -> Accuracy:
    values = [float(value) for value in right]
    interval = bootstrap(values, measuring.clusters(questions), seed)
    return Accuracy(name, len(questions), sum(values) / len(values), interval)


def _difference(
    questions: Sequence[Question], first: Sequence[bool], second: Sequence[bool], *, seed: int
) -> Difference:
    mean, interval = measuring.difference(
        questions, [float(value) for value in first], [float(value) for value in second], seed=seed
    )
    pairs = list(zip(first, second, strict=True))
    return Difference(
        mean,
        interval,
        only_first=pairs.count((True, False)),
        only_second=pairs.count((False, True)),
        both=pairs.count((True, True)),
        neither=pairs.count((False, False)),
    )


def _span(interval: tuple[float, float], form: str) -> str:
    return f"95%: {interval[0]:{form}} to {interval[1]:{form}}"

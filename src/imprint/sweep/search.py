"""What is tried next: Optuna's study in an SQLite file, so that a sweep that was stopped goes on.

The sampler is TPE (Bergstra et al. 2011); what is worse than the median of the others at the same part of its training
is pruned.
"""

import contextlib
import urllib.parse
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imprint.config import Settings
from imprint.errors import ImprintError, InputError
from imprint.runs import digest_of
from imprint.sweep.trials import LABELS, Trial

if TYPE_CHECKING:
    from optuna import Study
    from optuna.distributions import BaseDistribution
    from optuna.storages import RDBStorage
    from optuna.trial import FrozenTrial
    from optuna.trial import Trial as OpenTrial

    Space = dict[str, BaseDistribution]

_FIRST_TRIALS = 5
"""So many are drawn at random and run to their end: the sampler and the pruner learn from them."""
_FIRST_PRUNED_QUARTER = 2
"""Earlier, a high learning rate looks worse than it is: it has not come down yet."""
_DIGITS = 3
"""Of a number that was drawn: more make no difference, and are hard to read."""
_CONTINUES = "continues"
"""Where a trial keeps the number of the one that it continues."""


def space_of(settings: Settings) -> "Space":
    """What is searched, by the names of the settings in `adapter`. `settings` are resolved."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution

    wanted, around = settings.sweep, settings.adapter.filled()
    rank, rate, epochs = around.lora_r, around.learning_rate, around.epochs
    ranks = wanted.lora_r or (max(1, rank // 2), rank, 2 * rank)
    space: Space = {
        "lora_r": CategoricalDistribution(sorted(set(ranks))),
        "learning_rate": FloatDistribution(*(wanted.learning_rate or (rate / 4, 4 * rate)), log=True),
        "epochs": FloatDistribution(*(wanted.epochs or (epochs / 2, 2 * epochs))),
    }
    if wanted.max_seq_length:
        space["max_seq_length"] = CategoricalDistribution(sorted(set(wanted.max_seq_length)))
    return space


def describe(space: "Space") -> dict[str, str]:
    """What is searched, as text that changes with it."""
    from optuna.distributions import distribution_to_json

    return {name: distribution_to_json(distribution) for name, distribution in space.items()}


class Attempt:
    """A trial under way."""

    def __init__(self, number: int, study: "Study", trial: "OpenTrial", before: "FrozenTrial | None") -> None:
        """`before` is the trial that this one continues: what was told of it counts."""
        self.number = number
        self.values = _settings(trial.params)
        self._study = study
        self._trial = trial
        self._reported: set[int] = set()
        self.seconds_before = 0.0
        """That it took until it was stopped."""
        if before is not None:
            self.seconds_before = before.user_attrs.get("seconds", 0.0)
            for quarter, loss in before.intermediate_values.items():
                self._report(quarter, loss)

    def is_hopeless(self, quarter: int, loss: float) -> bool:
        """Take the validation loss after a quarter of the training; the first one counts that is told of it."""
        if quarter in self._reported:
            return False
        self._report(quarter, loss)
        return self._trial.should_prune()

    def remember(self, **facts: Any) -> None:
        """Keep facts, which are fields of `Trial`."""
        for name, fact in facts.items():
            self._trial.set_user_attr(name, fact)

    def end(self, loss: float | None) -> None:
        """It is done, with that validation loss; or pruned, without one."""
        from optuna.trial import TrialState

        self._study.tell(self._trial, loss, TrialState.PRUNED if loss is None else TrialState.COMPLETE)

    def fail(self, error: ImprintError) -> None:
        """It ended with an error."""
        from optuna.trial import TrialState

        self.remember(reason=error.message, hint=error.hint, kind=type(error).__name__)
        self._study.tell(self._trial, state=TrialState.FAIL)

    def _report(self, quarter: int, loss: float) -> None:
        self._reported.add(quarter)
        self._trial.report(loss, quarter)


class Search:
    """The trials of a sweep, those that have ended and those to come."""

    def __init__(self, study: "Study", storage: "RDBStorage", space: "Space", seed: int) -> None:
        self._study = study
        self._storage = storage
        self._space = space
        self._seed = seed

    @classmethod
    @contextlib.contextmanager
    def opened(cls, file: Path, name: str, space: "Space", seed: int) -> "Iterator[Search]":
        """The search of that name in a file. Raises InputError for a file that cannot be read."""
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        pruner = optuna.pruners.MedianPruner(_FIRST_TRIALS, _FIRST_PRUNED_QUARTER)
        try:
            storage = optuna.storages.RDBStorage(f"sqlite:///{urllib.parse.quote(str(file))}")
        except Exception as error:  # of SQLAlchemy, which Optuna uses, or a RuntimeError for the file of a newer Optuna
            reason = str(error).partition("\n")[0]
            raise InputError(
                f"{file} is not the study of a sweep: {reason}.", hint=f"remove {file}; the sweep begins anew then"
            ) from error
        try:
            study = optuna.create_study(storage=storage, study_name=name, pruner=pruner, load_if_exists=True)
            yield cls(study, storage, space, seed)
        finally:
            storage.remove_session()
            storage.engine.dispose()

    def begin(self, first: Mapping[str, float]) -> bool:
        """Put a trial first that a stop cut off, or in a new study `first`, where that is in reach.

        Gives whether the study is new.
        """
        from optuna.trial import TrialState

        trials = self._study.get_trials(deepcopy=False)
        continued = _continued(trials)
        for trial in trials:
            if trial.state == TrialState.RUNNING:
                if trial.number not in continued:  # otherwise a kill came between these two
                    self._study.enqueue_trial(trial.params, user_attrs={_CONTINUES: trial.number})
                self._study.tell(trial.number, state=TrialState.FAIL)
        if not trials and all(_holds(reach, first[name]) for name, reach in self._space.items()):
            self._study.enqueue_trial({name: first[name] for name in self._space})
        return not trials

    def has_others(self) -> bool:
        """Whether its file holds more searches than this one."""
        import optuna

        return len(optuna.get_all_study_names(self._storage)) > 1

    def ended(self) -> list[Trial]:
        """The trials that have ended, in their order."""
        return [_ended(number, trial) for number, trial in enumerate(self._counted(), 1) if trial.state.is_finished()]

    def ask(self) -> Attempt:
        """The next trial."""
        import optuna

        number = len(self.ended()) + 1
        # A seed for each trial, not one generator's turn: a sweep that goes on draws what it would have drawn.
        seed = int(digest_of([self._seed, number])[:8], 16)
        self._study.sampler = optuna.samplers.TPESampler(n_startup_trials=_FIRST_TRIALS, seed=seed)
        trial = self._study.ask(self._space)
        continued = trial.user_attrs.get(_CONTINUES)
        before = None if continued is None else self._study.get_trials(deepcopy=False)[continued]
        return Attempt(number, self._study, trial, before)

    def _counted(self) -> "list[FrozenTrial]":
        """All but those that go on as others."""
        trials = self._study.get_trials(deepcopy=False)
        continued = _continued(trials)
        return [trial for trial in trials if trial.number not in continued]


def _continued(trials: "list[FrozenTrial]") -> set[int]:
    """The numbers of trials that a stop cut off, and that go on as others."""
    return {trial.user_attrs[_CONTINUES] for trial in trials if _CONTINUES in trial.user_attrs}


def _holds(reach: "BaseDistribution", value: float) -> bool:
    from optuna.distributions import CategoricalDistribution, FloatDistribution

    if isinstance(reach, CategoricalDistribution):
        return value in reach.choices
    return isinstance(reach, FloatDistribution) and reach.low <= value <= reach.high


def _settings(drawn: Mapping[str, float]) -> dict[str, float]:
    """What was drawn, as the settings that the trial gets."""

    def rounded(value: float) -> float:
        return value if isinstance(value, int) else float(f"{value:.{_DIGITS}g}")

    return {name: rounded(drawn[name]) for name in LABELS if name in drawn}


def _ended(number: int, trial: "FrozenTrial") -> Trial:
    from optuna.trial import TrialState

    told = trial.user_attrs
    states: dict[TrialState, Any] = {TrialState.COMPLETE: "done", TrialState.PRUNED: "pruned"}
    return Trial(
        number=number,
        state=states.get(trial.state, "failed"),
        values=_settings(trial.params),
        steps=told.get("steps"),
        validation_loss=trial.value,
        seconds=told.get("seconds", 0.0),
        reason=told.get("reason", ""),
        hint=told.get("hint", ""),
        kind=told.get("kind", ""),
        run=told.get("run"),
    )

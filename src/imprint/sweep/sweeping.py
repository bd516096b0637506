"""The trials of a sweep, one after the other, and what they leave.

A trial is a run in `<outputs>/sweep/`, so what holds for runs holds for it: the dataset is taken over from another
trial, and a training that was stopped goes on from its checkpoint.
"""

import math
import shutil
import time
from typing import Any

from imprint import adapter, base, dataset, documents, pipeline
from imprint.base.preflight import REPORT
from imprint.config import Settings
from imprint.errors import FullMemoryError, InputError, Interrupted, Paused, TrainingError, from_name
from imprint.runs import Event, Notify, Outputs, Run, digest_of
from imprint.sweep.search import Attempt, Search, describe, space_of
from imprint.sweep.trials import PICTURE, Result, draw, in_words, write

_COMMAND = "imprint sweep"
_STAGE = "sweep"
_STUDY = "study.db"
_QUARTERS = 4
"""Trainings are compared at these parts of them: each has so many evaluations at least, whatever its length."""
_SHORT_BY = 0.1
"""Evaluations lie at whole steps, so one may come so much of a quarter before its end."""
_LENGTHS = (
    "each length has a dataset of its own, with longer rows split: losses of two lengths are not measured on quite the "
    "same rows"
)


class _PrunedError(Exception):
    """Ends a training from where its events are listened to."""


class _Listener:
    """Passes events on, and ends a training that is hopeless."""

    def __init__(self, attempt: Attempt, notify: Notify) -> None:
        self.has_pruned = False
        self._attempt = attempt
        self._notify = notify

    def __call__(self, event: Event) -> None:
        self._notify(event)
        step = event.figures.get("validation_step")
        if step is None or self.has_pruned:  # it writes a checkpoint before it ends, and tells of that
            return
        quarter = math.floor(_QUARTERS * step / event.total + _SHORT_BY)
        if quarter and self._attempt.is_hopeless(quarter, event.figures["validation_loss"]):
            self.has_pruned = True
            self._attempt.remember(steps=int(event.done))
            raise _PrunedError


def sweep(config: Settings, notify: Notify) -> Result:
    """Make the trials that are missing, with `config` as the user gave it; give all of them.

    Raises Paused where the user stops it, LockedError where another process is building, InputError where there are no
    validation rows to measure the loss on, and the last trial's error where all failed.
    """
    settings, chosen = pipeline.resolve(config)
    outputs = Outputs(config.outputs)
    space = space_of(settings)
    # Unreadable documents are found here, before a lock or a folder is made.
    name = digest_of([describe(space), *_fixed(settings, list(space))])
    notify(Event("note", _STAGE, chosen))
    with outputs.lock(_COMMAND):
        outputs.sweep.path.mkdir(exist_ok=True)
        with Search.opened(outputs.sweep.path / _STUDY, name, space, settings.seed) as search:
            is_new = search.begin(settings.adapter.model_dump())
            notify(Event("note", _STAGE, _beginning(search, settings, is_new=is_new)))
            if "max_seq_length" in space:
                notify(Event("note", _STAGE, _LENGTHS))
            result = Result(outputs.sweep.path, search.ended())
            _leave(result, config, settings.base, notify)  # a kill may have come before the last time
            while len(result.trials) < settings.sweep.trials:
                _try(search.ask(), settings, outputs.sweep, notify)
                result = Result(outputs.sweep.path, search.ended())
                _leave(result, config, settings.base, notify)
    if result.best is None:
        last = result.trials[-1]
        raise from_name(last.kind, f"All {len(result.trials)} trials failed; the last one: {last.reason}", last.hint)
    return result


def _fixed(settings: Settings, searched: list[str]) -> list[Any]:
    """All that the loss of a trial depends on, but what is searched."""
    same = dict.fromkeys(searched, 1)
    fixed = settings.model_copy(update={"adapter": settings.adapter.model_copy(update=same)})
    return [
        base.of(settings).digest,
        documents.digests(settings.documents),
        dataset.settings(fixed),
        adapter.settings(fixed),
    ]


def _beginning(search: Search, settings: Settings, *, is_new: bool) -> str:
    made, wanted = len(search.ended()), settings.sweep.trials
    if not is_new:
        return f"goes on: {made} of {wanted} trials are made"
    why = "documents, base or settings are not those of an earlier sweep: " if search.has_others() else ""
    return f"{why}a new sweep of {wanted} trials"


def _try(attempt: Attempt, settings: Settings, outputs: Outputs, notify: Notify) -> None:
    """Make one trial. Raises Paused where the user stops it: it is left open, and goes on the next time."""
    which = f"trial {attempt.number} of {settings.sweep.trials}"
    notify(Event("start", which, in_words(attempt.values)))
    chosen = settings.model_copy(
        update={
            "adapter": settings.adapter.model_copy(update=attempt.values),
            "outputs": outputs.path,
            "retrain": "auto",
        }
    )
    listener = _Listener(attempt, notify)
    began = time.monotonic()
    loss, failure = None, None
    try:
        loss = _train(chosen, attempt, listener)
    except (TrainingError, FullMemoryError) as error:
        failure = error
    except (KeyboardInterrupt, Interrupted, _PrunedError) as error:
        # A worker that was ended tells that it was stopped, whoever wanted it.
        if isinstance(error, KeyboardInterrupt) or not listener.has_pruned:
            text = f"Stopped in {which}; what is done is kept."
            raise Paused(text, hint=f"`{_COMMAND}` goes on from there") from None
    finally:
        run = next((run for run in reversed(outputs.runs()) if run.state().settings == chosen.plain()), None)
        seconds = round(attempt.seconds_before + time.monotonic() - began, 1)
        attempt.remember(seconds=seconds, run=None if run is None else run.id)
    if failure is not None:
        attempt.fail(failure)
        notify(Event("note", _STAGE, f"failed: {failure.message}"))
    elif loss is not None:
        attempt.end(loss)
        notify(Event("done", _STAGE, f"validation loss {loss:.4f}"))
    else:
        attempt.end(None)
        notify(Event("note", _STAGE, "pruned: it was worse than half of the others at this part of the training"))


def _train(settings: Settings, attempt: Attempt, notify: Notify) -> float:
    """Train an adapter in a run of its own; give its validation loss."""
    run = pipeline.build(settings, notify, command=_COMMAND, until="dataset")
    if not run.complete("dataset").counts["validation"]:
        raise InputError(
            "The dataset has no validation rows, so there is nothing to compare trainings by.",
            hint="a higher dataset.validation_share, such as 0.5; or more documents",
        )
    _take_over_check(run, Outputs(settings.outputs))
    run = pipeline.build(settings, notify, command=_COMMAND, until="adapter")
    counts = run.complete("adapter").counts
    loss = counts["validation_loss"]
    if loss is None or not math.isfinite(loss):
        raise TrainingError(f"The validation loss is {loss}.", hint="lower learning rates: sweep.learning_rate")
    attempt.remember(steps=counts["steps"])
    return float(loss)


def _take_over_check(run: Run, outputs: Outputs) -> None:
    """The base is the same in all trials, and looked at once."""
    reports = (other.path / REPORT for other in reversed(outputs.runs()))
    checked = next((report for report in reports if report.is_file()), None)
    if checked is not None and checked.parent != run.path:
        shutil.copy2(checked, run.path)


def _leave(result: Result, config: Settings, base: str, notify: Notify) -> None:
    """Write the files of the sweep so far, and remove every adapter but the best: a sweep shall not fill the disk."""
    runs = {run.id: run for run in Outputs(result.folder).runs()}
    kept = None if result.best is None else result.best.run
    for trial in result.trials:
        if trial.run in runs and trial.run != kept:
            adapter.discard(runs[trial.run])
    if not result.trials:
        return
    write(result, config, base)
    try:
        draw(result)
    except Exception as error:  # a picture is not worth a sweep
        notify(Event("note", _STAGE, f"{PICTURE} was not drawn: {type(error).__name__}: {error}"))

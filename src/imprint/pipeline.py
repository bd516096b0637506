"""`imprint up`: which stages are due, why, in order.

documents/ -> dataset -> adapter -> model -> evaluation -> service
"""

import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from imprint import adapter, base, dataset, documents, evaluation, model
from imprint.config import Settings
from imprint.errors import FullMemoryError, InputError, RefusedError
from imprint.evaluation.results import read_results
from imprint.machine import Machine
from imprint.runs import (
    NO_ROOM,
    Event,
    Manifest,
    Notify,
    Outputs,
    Run,
    RunState,
    digest_of,
    new_run_id,
    require_space,
    unwritable,
    utc_now,
)
from imprint.worker import run_stage, serving_base


@dataclass(frozen=True)
class Stage:
    """A stage of the line: what it reads, which settings it depends on, and its one function."""

    name: str
    does: str
    inputs: Callable[[Settings, Run], dict[str, str]]
    settings: Callable[[Settings], dict[str, Any]]
    run: Callable[[Settings, Run], Manifest]
    loads_torch: bool = True
    """Runs in a worker process."""
    processes: Callable[[Settings], int] = lambda config: 1
    """So many of them, which work together."""
    shrink: Callable[[Settings, Run], str | None] = lambda config, run: None
    """Has its next run need less memory and says how; None where it cannot."""


def _make_dataset(config: Settings, run: Run) -> Manifest:
    """The base lies further down the line than the dataset, so it is handed over, to be started where it is needed."""
    return dataset.run(config, run, lambda: serving_base(config, run.path))


LINE = (
    Stage(
        "dataset",
        "write questions and answers from the documents",
        dataset.inputs,
        dataset.settings,
        _make_dataset,
        loads_torch=False,
    ),
    Stage(
        "adapter",
        "train the adapter on them",
        adapter.inputs,
        adapter.settings,
        adapter.run,
        processes=lambda config: config.adapter.processes,
        shrink=adapter.shrink,
    ),
    Stage("model", "merge, convert to GGUF, quantize", model.inputs, model.settings, model.run),
    Stage(
        "evaluation",
        "ask base and tuned model what neither was trained on",
        evaluation.inputs,
        evaluation.settings,
        evaluation.run,
    ),
)


@dataclass(frozen=True)
class Due:
    """A stage and why it has to run; no reasons where it is up to date."""

    stage: Stage
    reasons: tuple[str, ...]


def resolve(config: Settings, *, elsewhere: Machine | None = None) -> tuple[Settings, str]:
    """Fill in what `base=auto` and open training settings stand for; give a line that says what was chosen.

    For this machine, with the base of the model in service; or for another one.
    """
    current = Outputs(config.outputs).current() if elsewhere is None else None
    settings, line = base.choose(config, current.state().base if current is not None else None, elsewhere=elsewhere)
    settings.adapter.filled()  # settings that do not go together are found before anything long begins
    return settings, line


def examine(config: Settings, run: Run) -> Iterator[Due]:
    """Each stage of a run with the reasons why it is due under these settings and documents."""
    before: list[str] = []
    for stage in LINE:
        manifest = run.manifest(stage.name)
        if before:
            reasons = [f"{' and '.join(before)} will change"]
        elif manifest is None:
            reasons = ["not made yet"]
        else:
            reasons = [
                *_changed_inputs(manifest.inputs, stage.inputs(config, run)),
                *_changed_settings(manifest.settings, stage.settings(config)),
            ]
        if reasons:
            before.append(stage.name)
        yield Due(stage, tuple(reasons))


def build(config: Settings, notify: Notify, *, command: str, until: str = LINE[-1].name) -> Run:
    """Bring everything up to `until` up to date and give the run that holds it.

    A run that is whole becomes current if its verdict lets it serve; otherwise it raises RefusedError. So does the next
    start with the same documents and settings, at once; with `verdict.force` that evaluates the run again, as one that
    serves all the same. `config` is resolved (see `resolve`). Raises LockedError when another one is building there.
    """
    outputs = Outputs(config.outputs)
    if config.retrain == "never":
        return outputs.require_current()
    current = outputs.current()
    if current is not None and config.retrain == "auto" and not _first_reasons(config, current):
        return current
    documents.digests(config.documents)  # unreadable documents are found before a lock or a folder is made
    with outputs.lock(command):
        try:
            run = _open(outputs, config, current)
            run.notify = _logged(run, notify)
            if until == LINE[-1].name:
                _reopen(config, run, current)
            try:
                _make(outputs, config, run, until)
            except InputError:
                if not any(run.manifest(stage.name) for stage in LINE):  # nothing in it to go on from
                    shutil.rmtree(run.path, ignore_errors=True)
                raise
        except OSError as error:
            if error.errno in NO_ROOM:
                raise unwritable(outputs.path, error) from error
            raise
    return run


def _logged(run: Run, notify: Notify) -> Notify:
    """Keep what is told in the run's log as well; progress is too much for it."""

    def tell(event: Event) -> None:
        if event.kind != "progress":
            run.log(event)
        notify(event)

    return tell


def _make(outputs: Outputs, config: Settings, run: Run, until: str) -> None:
    made: list[str] = []
    if until != "dataset" and config.base != base.EMBEDDED:  # that one is checked by its tests
        _check_base(config, run)
    for stage in LINE:
        reasons = _reasons(config, run, stage)
        donor = _donor(outputs, config, run, stage) if reasons and config.retrain != "always" else None
        if donor is not None:
            run.reuse(stage.name, donor)
            run.notify(Event("note", stage.name, f"{stage.name}: unchanged, taken over from run {donor.id}"))
        elif reasons:
            if outputs.current() is not None:  # in a run of its own nothing is made yet: say what made it due
                reasons = (f"new {' and '.join(made)}",) if made else tuple(run.state().reason)
            run.notify(Event("start", stage.name, f"{stage.does} ({'; '.join(reasons)})"))
            made.append(stage.name)
            _run_stage(stage, config, run)
            run.notify(Event("done", stage.name, str(run.folder(stage.name))))
        if stage.name == until:
            break
    if until == LINE[-1].name:
        _take_verdict(outputs, run)


def _take_verdict(outputs: Outputs, run: Run) -> None:
    """The run becomes the current one, or RefusedError says why not."""
    judged = run.complete(LINE[-1].name).counts
    refused = judged["verdict"] == "refused"
    run.write_state(run.state().model_copy(update={"state": "refused" if refused else "complete"}))
    if not refused:
        outputs.activate(run)
        return
    advice = dict.fromkeys(rule["advice"] for rule in judged["failed"] if rule["advice"])
    report = run.folder(LINE[-1].name) / "report.html"
    # The sentence may have said what one of them found.
    rules = [
        f"  {rule['name']}: {rule['words']}" for rule in judged["failed"] if rule["words"] not in judged["sentence"]
    ]
    raise RefusedError(
        "\n".join([judged["sentence"], *rules]),
        hint="\n".join([*advice, f"read {report}", "verdict.force=true serves it all the same"]),
        run=run.id,
    )


def _reopen(config: Settings, run: Run, current: Run | None) -> None:
    """Have a refused run judged again, if the user forces it or what it was held against has left the service.

    Its manifest goes, its answers stay: nothing is trained, and only the new model in service is asked.
    """
    evaluation = run.manifest(LINE[-1].name)
    if evaluation is None or evaluation.counts.get("verdict") != "refused":
        return
    if config.verdict.force:
        why = "verdict.force"
    elif _is_behind_another(evaluation, run, current):
        why = "another model is in service now"
    else:
        return
    run.reopen(LINE[-1].name, config.plain())
    run.notify(Event("note", LINE[-1].name, f"run {run.id} was refused and is judged again: {why}"))


def _is_behind_another(evaluation: Manifest, run: Run, current: Run | None) -> bool:
    """Whether it was refused beside a model in service that is not the one there is now."""
    if all(rule["name"] != "behind_current" for rule in evaluation.counts["failed"]):
        return False
    return current is None or read_results(run.folder(LINE[-1].name)).current != current.id


def _check_base(config: Settings, run: Run) -> None:
    """Before anything long begins, where it is to be trained."""
    if any(due.reasons and due.stage.name == "adapter" for due in examine(config, run)):
        run.notify(Event("progress", "base", "checking the base", 0, 1))
        run_stage("base.preflight", run)


def _run_stage(stage: Stage, config: Settings, run: Run) -> None:
    """Where memory ran out, again with less, and in a new process, which holds nothing yet."""
    while True:
        try:
            if stage.loads_torch:
                run_stage(stage.name, run, stage.processes(config))
            else:
                stage.run(config, run)
            return
        except FullMemoryError as error:
            less = stage.shrink(config, run)
            if less is None:
                raise
            run.notify(Event("note", stage.name, f"{error.message} It {less}."))


def _open(outputs: Outputs, config: Settings, current: Run | None) -> Run:
    """The run to work in: an unfinished or a refused one of the same request, or a new one."""
    request = digest_of(
        [
            base.of(config).digest,
            documents.digests(config.documents),
            {stage.name: stage.settings(config) for stage in LINE},
        ]
    )
    if config.retrain == "always":
        request = digest_of([request, utc_now()])
    found = outputs.unfinished(request) or outputs.refused(request)
    if found is not None:  # what the request does not depend on may have changed
        found.write_state(found.state().model_copy(update={"settings": config.plain()}))
        return found
    require_space(outputs.path, base.of(config).disk_mb)
    if config.retrain == "always":
        reason = ["retrain=always"]
    else:
        reason = _first_reasons(config, current) if current is not None else ["there is no model yet"]
    state = RunState(
        id=new_run_id(request),
        state="building",
        request=request,
        reason=reason,
        base=config.base,
        started=utc_now(),
        settings=config.plain(),
    )
    return outputs.create(state)


def _reasons(config: Settings, run: Run, stage: Stage) -> tuple[str, ...]:
    return next(due.reasons for due in examine(config, run) if due.stage is stage)


def _first_reasons(config: Settings, run: Run) -> list[str]:
    return next((list(due.reasons) for due in examine(config, run) if due.reasons), [])


def _donor(outputs: Outputs, config: Settings, run: Run, stage: Stage) -> Run | None:
    """The newest other run whose result of this stage came from the same inputs and settings; of a sweep if need be.

    A verdict that was refused or forced is not taken over: it may be another one now.
    """
    inputs, settings = stage.inputs(config, run), stage.settings(config)
    for other in reversed([*outputs.sweep.runs(), *outputs.runs()]):
        manifest = other.manifest(stage.name) if other.id != run.id else None
        if manifest is None or manifest.counts.get("verdict") in {"refused", "forced"}:
            continue
        if manifest.inputs == inputs and manifest.settings == settings:
            return other
    return None


def _changed_inputs(before: Mapping[str, str], now: Mapping[str, str]) -> Iterator[str]:
    verbs = {
        "added": sorted(now.keys() - before.keys()),
        "removed": sorted(before.keys() - now.keys()),
        "changed": sorted(name for name in before.keys() & now.keys() if before[name] != now[name]),
    }
    for verb, names in verbs.items():
        shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
        if names:
            yield f"{shown} {verb}"


def _changed_settings(before: Mapping[str, Any], now: Mapping[str, Any], place: str = "") -> Iterator[str]:
    for key in sorted(before.keys() | now.keys()):
        old, new = before.get(key), now.get(key)
        if isinstance(old, dict) and isinstance(new, dict):
            yield from _changed_settings(old, new, f"{place}{key}.")
        elif key not in before:  # made by an Imprint without it
            yield f"{place}{key} is new"
        elif old != new:
            yield f"{place}{key} was {old}, is {new}"

"""What the training left that explains the figures: its settings, its length, its losses."""

import json
import math
from dataclasses import dataclass
from typing import Any, TypeGuard

from pydantic import ValidationError

from imprint.config import Settings
from imprint.errors import ImprintError
from imprint.runs import Run, RunState

Point = tuple[float, float]
"""Optimizer step and loss in nats a token."""

_NOTICEABLE = 0.02  # nats a token; also the share of the loss


@dataclass(frozen=True)
class Training:
    """The training of a run, as far as it can be read."""

    settings: Settings | None
    """None where `run.json` is missing or of another version."""
    losses: tuple[Point, ...]
    validation_losses: tuple[Point, ...]
    counts: dict[str, Any]

    @property
    def still_falling(self) -> bool:
        """Whether the validation loss fell noticeably to the very end: more steps would have helped."""
        losses = [loss for _, loss in self.validation_losses]
        return len(losses) > 1 and min(losses[:-1]) - losses[-1] > _NOTICEABLE * max(1.0, losses[-1])

    @property
    def rising(self) -> bool:
        """Whether the validation loss had been noticeably lower before the end: rows were learned by heart."""
        losses = [loss for _, loss in self.validation_losses]
        return len(losses) > 1 and losses[-1] - min(losses) > _NOTICEABLE * max(1.0, min(losses))


def read_training(run: Run) -> Training:
    """What can be read of a run's training; what is missing or damaged is left out."""
    points = _read_metrics(run)
    manifest = run.manifest("adapter")
    return Training(
        settings=read_settings(read_state(run)),
        losses=_course(points, "loss"),
        validation_losses=_course(points, "eval_loss"),
        counts=manifest.counts if manifest else {},
    )


def read_state(run: Run) -> RunState | None:
    """`run.json`, or None where it cannot be read."""
    try:
        return run.state()
    except ImprintError:
        return None


def read_settings(state: RunState | None) -> Settings | None:
    """The settings of a run, or None where they are not those of this version."""
    try:
        return Settings.model_validate(state.settings) if state else None
    except ValidationError:
        return None


def _read_metrics(run: Run) -> list[dict[str, Any]]:
    try:
        lines = (run.folder("adapter") / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
        points = [json.loads(line) for line in lines]
    except (OSError, ValueError):
        return []
    return [point for point in points if isinstance(point, dict)]


def _course(points: list[dict[str, Any]], name: str) -> tuple[Point, ...]:
    """Losses by step; what is no number is left out."""
    found = ((point.get("step"), point.get(name)) for point in points)
    return tuple((step, loss) for step, loss in found if _is_finite(step) and _is_finite(loss))


def _is_finite(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and math.isfinite(value)

"""When a training has left its course: a loss that is no number, or one that jumps and stays up."""

import math
from dataclasses import dataclass

_JUMP_NATS = 2.0
"""Above the usual loss. The batches of one dataset differ by less, and a model that guesses is further up."""
_TIMES = 3
"""One bad batch is no divergence."""
_MEMORY = 0.9
HALVINGS = 2
"""Of the learning rate, until a training is given up that diverges."""


@dataclass(frozen=True)
class Divergence:
    """What was seen. `good_step` is the last step whose loss was as usual."""

    step: int
    loss: float
    usual: float
    good_step: int


class LossGuard:
    """Looks at each loss as it is logged."""

    def __init__(self) -> None:
        self._usual = math.nan
        self._good_step = 0
        self._jumps = 0

    def look(self, step: int, loss: float) -> Divergence | None:
        """The mean `loss` of the steps up to `step`, in nats a token; gives what is wrong, if it is."""
        if math.isfinite(loss) and not loss > self._usual + _JUMP_NATS:  # nothing is above NaN, the first
            self._usual = loss if math.isnan(self._usual) else _MEMORY * self._usual + (1 - _MEMORY) * loss
            self._good_step, self._jumps = step, 0
            return None
        self._jumps += 1
        if math.isfinite(loss) and self._jumps < _TIMES:
            return None
        return Divergence(step, loss, self._usual, self._good_step)

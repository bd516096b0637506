"""Which matrices of a base get an adapter."""

from collections.abc import Sequence
from typing import Any

from imprint.errors import SettingsError

_LINEAR = {"Linear", "Linear4bit", "Linear8bitLt", "Conv1D"}  # the last is GPT-2's name for one


def find(model: Any, wanted: Sequence[str]) -> list[str]:
    """The linear layers named in `wanted`, by the last part of their names; all but the output head where it is empty.

    Raises SettingsError for a name that the model has not, with those that it has.
    """
    head = model.get_output_embeddings()
    names = {
        name.rpartition(".")[2]
        for name, module in model.named_modules()
        if type(module).__name__ in _LINEAR and module is not head
    }
    unknown = sorted(set(wanted) - names)
    if unknown:
        raise SettingsError(
            [f"adapter.target_modules: the base has no linear layer {name!r}" for name in unknown],
            hint=f"adapter.target_modules=[{','.join(sorted(names))}], or leave it out",
        )
    return sorted(wanted or names)

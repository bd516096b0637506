"""The tree of exceptions: kinds, exit codes, and the way through a worker process."""

import inspect

import pytest

from imprint import errors
from imprint.errors import ImprintError, SettingsError, from_name

KINDS = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, ImprintError)]


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (errors.ImprintError, 1),
        (errors.InputError, 2),
        (errors.SettingsError, 2),
        (errors.DocumentError, 2),
        (errors.DatasetError, 2),
        (errors.BaseError, 2),
        (errors.NoModelError, 2),
        (errors.MachineError, 3),
        (errors.LockedError, 3),
        (errors.RefusedError, 4),
        (errors.Interrupted, 130),
        (errors.Paused, 0),
    ],
)
def test_a_kind_has_the_exit_code_of_the_design(kind: type[ImprintError], code: int) -> None:
    assert kind.exit_code == code


def test_the_drawing_of_the_tree_names_every_kind() -> None:
    drawing = errors.__doc__ or ""
    assert [kind.__name__ for kind in KINDS if kind.__name__ not in drawing] == []


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind is not SettingsError], ids=lambda kind: kind.__name__)
def test_an_error_comes_back_from_a_worker_as_it_was(kind: type[ImprintError]) -> None:
    error = from_name(kind.__name__, "found this", "do that")
    assert type(error) is kind
    assert (str(error), error.message, error.hint) == ("found this", "found this", "do that")


def test_an_unknown_kind_is_a_fault_of_imprint() -> None:
    assert type(from_name("KeyError", "x", "")) is ImprintError


def test_settings_error_counts_one_problem_in_the_singular() -> None:
    assert SettingsError(["a: b"]).message == "1 problem in the settings:\n  a: b"

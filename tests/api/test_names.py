"""The public names: all there, and nothing heavy behind `import imprint`."""

import subprocess
from collections.abc import Callable

import pytest

import imprint

RunPython = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.mark.parametrize("name", sorted(set(imprint.__all__) - {"__version__"}))
def test_every_public_name_is_there_and_documented(name: str) -> None:
    assert getattr(imprint, name).__doc__


def test_what_is_public_is_listed() -> None:
    assert set(imprint.__all__) <= set(dir(imprint))
    listed = {name for names in imprint._MODULES.values() for name in names}
    assert listed == set(imprint.__all__) - {"__version__"}
    assert imprint.prepare is imprint.prepare_dataset


def test_another_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="'imprint' has no attribute 'Trainer'"):
        imprint.Trainer  # noqa: B018  # it is the access that raises


def test_importing_imprint_imports_nothing_else(run_python: RunPython) -> None:
    program = "import sys, imprint; print(*sorted(name for name in sys.modules if name.startswith('imprint')))"
    assert run_python("-c", program).stdout.split() == ["imprint"]


def test_the_trainers_load_no_torch_here(run_python: RunPython) -> None:
    heavy = "{'torch', 'transformers', 'unsloth', 'llama_cpp', 'datasets', 'peft'}"
    program = f"import sys; from imprint import *; print(*({heavy} & set(sys.modules)))"
    ended = run_python("-c", program)
    assert (ended.returncode, ended.stdout.strip()) == (0, ""), ended.stderr

"""Every YAML file that ships, loaded."""

import itertools
from pathlib import Path
from typing import Any

import pytest
import yaml

from imprint import config
from imprint.config import Adapter, Dataset, Settings

ROOT = Path(__file__).parents[1]
DEFAULT = ROOT / "configs" / "default.yaml"


def read(file: Path) -> Any:
    return yaml.safe_load(file.read_text(encoding="utf-8"))


def names_in(tree: dict[str, Any], prefix: str = "") -> set[str]:
    """Every leaf of a tree by its full name."""
    return {
        name
        for key, value in tree.items()
        for name in (names_in(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key})
    }


def test_default_yaml_is_the_whole_tree_with_its_defaults() -> None:
    assert Settings.model_validate(read(DEFAULT)) == Settings()
    assert names_in(read(DEFAULT)) == set(config.setting_names())


def test_every_key_of_default_yaml_has_a_comment_above() -> None:
    lines = DEFAULT.read_text(encoding="utf-8").splitlines()
    bare = [
        line
        for above, line in itertools.pairwise(["", *lines])
        if line.strip() and not line.lstrip().startswith("#") and not above.lstrip().startswith("#")
    ]
    assert bare == []


OTHERS = ROOT / "configs" / "lm_eval"
"""Holds a task of another tool; tests/evaluation/test_lm_eval_task.py reads it."""
SHIPPED = [file for file in sorted((ROOT / "configs").glob("**/*.y*ml")) if OTHERS not in file.parents]


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.name)
def test_every_file_in_configs_is_accepted(file: Path) -> None:
    config.load(file, environment={})


def test_the_registry_fills_every_open_training_setting() -> None:
    registry = read(ROOT / "src/imprint/base/registry.yaml")
    for section, settings in (("adapter", Adapter()), ("dataset", Dataset())):
        open_settings = {name for name, value in settings.model_dump().items() if value is None}
        assert set(registry["defaults"][section]) == open_settings - {"load_in_4bit", "per_device_train_batch_size"}
    for entry in registry["bases"].values():
        assert {"licence", "end", "converts"} <= entry.keys()
        values = {"load_in_4bit": True, **registry["defaults"]["adapter"], **entry.get("adapter", {})}
        assert Adapter(**values).filled().lora_r == values["lora_r"]

"""Every YAML file that ships, loaded."""

import itertools
import string
from pathlib import Path
from typing import Any

import pytest
import yaml

from imprint import config
from imprint.config import Adapter, Settings

ROOT = Path(__file__).parents[1]
DEFAULT = ROOT / "configs" / "default.yaml"
WORDINGS = sorted((ROOT / "src/imprint/dataset/wordings").glob("*.yaml"))
SLOTS = {
    "section": {"title", "heading"},
    "document": {"title"},
    "question": {"title", "question"},
    "definition": {"title", "term", "meaning"},
    "table": {"title", "key", "column", "value"},
    "record": {"title", "key", "column", "value"},
    "steps": {"title", "heading"},
}
ANSWERED = {"definition", "table", "record"}
"""Kinds whose answer a wording makes; the others answer with the document's own text."""


def read(file: Path) -> Any:
    return yaml.safe_load(file.read_text(encoding="utf-8"))


def slots_of(form: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(form) if name is not None}


def test_default_yaml_is_the_whole_tree_with_its_defaults() -> None:
    assert Settings.model_validate(read(DEFAULT)) == Settings()
    written = {
        name if not isinstance(value, dict) else f"{name}.{key}"
        for name, value in read(DEFAULT).items()
        for key in (value if isinstance(value, dict) else [name])
    }
    assert written == set(config.setting_names())


def test_every_key_of_default_yaml_has_a_comment_above() -> None:
    lines = DEFAULT.read_text(encoding="utf-8").splitlines()
    bare = [
        line
        for above, line in itertools.pairwise(["", *lines])
        if line.strip() and not line.lstrip().startswith("#") and not above.lstrip().startswith("#")
    ]
    assert bare == []


@pytest.mark.parametrize("file", sorted((ROOT / "configs").glob("**/*.y*ml")), ids=lambda file: file.name)
def test_every_file_in_configs_is_accepted(file: Path) -> None:
    config.load(file, environment={})


def test_the_registry_fills_every_open_training_setting() -> None:
    registry = read(ROOT / "src/imprint/base/registry.yaml")
    open_settings = {name for name, value in Adapter().model_dump().items() if value is None}
    assert set(registry["defaults"]["adapter"]) == open_settings
    for entry in registry["bases"].values():
        assert {"about", "licence"} <= entry.keys()
        values = {**registry["defaults"]["adapter"], **entry.get("adapter", {})}
        assert Adapter(**values).filled().lora_r == values["lora_r"]


@pytest.mark.parametrize("file", WORDINGS, ids=lambda file: file.stem)
def test_wordings_fill_only_what_their_kind_of_fact_has(file: Path) -> None:
    forms = read(file)
    assert forms.keys() == SLOTS.keys()
    for kind, slots in SLOTS.items():
        questions = forms[kind]["questions"]
        assert len(questions) == len(set(questions))
        assert len(questions) >= Settings().dataset.wordings + 2, "the default, and some to hold out from"
        assert all(slots_of(question) <= slots - {"meaning", "value"} for question in questions)
        assert all(slots_of(question) - {"title"} or kind == "document" for question in questions)
        assert ("answer" in forms[kind]) == (kind in ANSWERED)
        assert slots_of(forms[kind].get("answer", "")) <= slots


@pytest.mark.parametrize("file", WORDINGS, ids=lambda file: file.stem)
def test_patterns_put_the_rest_of_a_question_into_other_words(file: Path) -> None:
    for pattern in read(file)["question"]["patterns"]:
        assert pattern["begins"].endswith(" ")
        assert len(pattern["questions"]) >= 3
        assert all(slots_of(form) == {"rest"} for form in pattern["questions"])
        assert not any(form.startswith(pattern["begins"]) for form in pattern["questions"])


def test_every_yaml_file_of_the_package_is_covered_here() -> None:
    package = {file.relative_to(ROOT / "src/imprint").as_posix() for file in (ROOT / "src/imprint").rglob("*.y*ml")}
    assert package == {"base/registry.yaml", *(f"dataset/wordings/{file.name}" for file in WORDINGS)}

"""Settings: where they come from, who wins, and what is said about wrong ones."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from imprint import config
from imprint.config import Settings
from imprint.errors import SettingsError


@pytest.fixture
def file(tmp_path: Path) -> Callable[[str], Path]:
    def write(text: str) -> Path:
        path = tmp_path / "mine.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def problems(*overrides: str, file: Path | None = None, environment: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        config.load(file, overrides, environment or {})
    return caught.value.problems


# ---- where they come from -------------------------------------------------------------------------------------------


def test_nothing_given_is_the_defaults() -> None:
    loaded = config.load(environment={})
    expected = Settings().plain()
    expected["documents"]["path"] = str(Path.cwd() / "documents")
    assert loaded.plain() | {"outputs": "outputs"} == expected


def test_each_place_is_stronger_than_the_one_before(file: Callable[[str], Path]) -> None:
    yaml = file("service: {port: 1, context: 1024, max_tokens: 11}\nseed: 1\n")
    environment = {"IMPRINT_SERVICE__PORT": "2", "IMPRINT_SERVICE__CONTEXT": "2000"}
    loaded = config.load(yaml, ["service.port=3"], environment)
    assert (loaded.service.port, loaded.service.context, loaded.service.max_tokens) == (3, 2000, 11)
    assert loaded.seed == 1
    assert loaded.service.host == "127.0.0.1"


def test_the_process_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMPRINT_SERVICE__PORT", "9000")
    monkeypatch.setenv("IMPRINT_SEED", "5")
    loaded = config.load()
    assert (loaded.service.port, loaded.seed) == (9000, 5)


def test_an_empty_variable_and_imprint_home_are_no_settings() -> None:
    environment = {"IMPRINT_SEED": "", "IMPRINT_HOME": "/somewhere", "PATH": "/bin", "SEED": "9"}
    assert config.load(environment=environment).seed == Settings().seed


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("adapter.learning_rate=1e-3", 0.001),
        ("adapter.learning_rate=2.5e-4", 0.00025),
        ("adapter.learning_rate=null", None),
        ("adapter.load_in_4bit=false", False),
        ("adapter.max_steps=12", 12),
        ("model.quantization=q8_0", "q8_0"),
        ("base=/models/a=b", "/models/a=b"),
        ("base='owner/name'", "owner/name"),
    ],
)
def test_values_are_yaml_scalars(text: str, value: object) -> None:
    found: object = config.load(overrides=[text], environment={})
    for key in text.partition("=")[0].split("."):
        found = getattr(found, key)
    assert found == value


def test_a_file_may_be_empty(file: Callable[[str], Path]) -> None:
    assert config.load(file("# nothing yet\n"), environment={}).plain() == config.load(environment={}).plain()


def test_settings_cannot_be_changed_in_place() -> None:
    with pytest.raises(ValueError, match="frozen"):
        config.load(environment={}).seed = 1  # type: ignore[misc]


# ---- what is said about wrong ones ----------------------------------------------------------------------------------


def test_every_problem_is_listed_at_once(file: Callable[[str], Path]) -> None:
    found = problems(
        "adapter.lora_alhpa=3",
        "seed=minus",
        "nonsense",
        file=file("servce:\n  port: 80\nservice:\n  temperature: 9\nmodel:\n  quantization: q3\n"),
        environment={"IMPRINT_DATASET__WORDING": "4"},
    )
    text = "\n".join(found)
    assert len(found) == 7, text
    assert "adapter.lora_alhpa: unknown setting; did you mean adapter.lora_alpha?" in found
    assert "dataset.wording: unknown setting; did you mean dataset.wordings?" in found
    assert "servce: unknown setting; did you mean service?" in found
    assert "'nonsense': expected section.key=value" in found
    assert "seed: Input should be a valid integer" in text
    assert "(found 'minus')" in text
    assert "service.temperature: Input should be less than or equal to 2 (found 9)" in found
    assert "'q4_k_m', 'q5_k_m', 'q6_k', 'q8_0' or 'f16' (found 'q3')" in text


def test_the_message_counts_the_problems_and_names_the_list() -> None:
    with pytest.raises(SettingsError) as caught:
        config.load(overrides=["sed=1", "bse=x"], environment={})
    assert caught.value.message.startswith("2 problems in the settings:\n  ")
    assert "configs/default.yaml" in caught.value.hint
    assert caught.value.exit_code == 2


def test_a_right_key_in_the_wrong_section_is_recognized() -> None:
    assert problems("evaluation.warmup_ratio=0.1") == [
        "evaluation.warmup_ratio: unknown setting; did you mean adapter.warmup_ratio?"
    ]


def test_a_name_like_none_gets_no_suggestion() -> None:
    assert problems("zzz.qqq=1") == ["zzz: unknown setting"]


@pytest.mark.parametrize(
    "override",
    [
        "service.port=65536",
        "service.port=eighty",
        "service.context=8192",
        "dataset.wordings=0",
        "dataset.wordings=13",
        "dataset.validation_share=1",
        "documents.max_file_mb=0",
        "retrain=sometimes",
        "seed=-1",
        "base=null",
        "service=8080",
        "adapter.epochs=0",
        "adapter.epochs=.inf",  # no number of steps
        "adapter.learning_rate=.nan",
        "documents.max_file_mb=.inf",  # JSON has no such number, so run.json would lose it
    ],
)
def test_a_wrong_value_is_refused_with_its_place(override: str) -> None:
    (line,) = problems(override)
    assert line.startswith(f"{override.partition('=')[0]}: ")
    assert "(found " in line


def test_a_key_below_a_value_is_refused() -> None:
    assert "seed.deep=2: 'seed' holds a value, not a section" in problems("seed=1", "seed.deep=2")


def test_a_file_that_is_no_tree_is_refused(file: Callable[[str], Path]) -> None:
    (line,) = problems(file=file("- a\n- b\n"))
    assert line.endswith("expected sections with keys, found a list")


def test_broken_yaml_is_named_with_its_line(file: Callable[[str], Path]) -> None:
    (line,) = problems(file=file("service:\n  port: [80\n"))
    assert "mine.yaml: not valid YAML" in line
    assert "line 3" in line


def test_a_file_that_is_not_utf8_is_named(tmp_path: Path) -> None:
    path = tmp_path / "latin.yaml"
    path.write_bytes("base: Müller\n".encode("latin-1"))
    (line,) = problems(file=path)
    assert "latin.yaml: not valid YAML" in line


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    assert problems(file=tmp_path / "none.yaml") == [f"{tmp_path / 'none.yaml'}: No such file or directory"]


# ---- folders --------------------------------------------------------------------------------------------------------


def test_default_folders_lie_in_the_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("IMPRINT_HOME", str(tmp_path / "home"))
    loaded = config.load(environment={})
    assert loaded.documents.path == tmp_path / "home" / "documents"
    assert loaded.outputs == tmp_path / "home" / "outputs"


def test_without_a_home_they_lie_where_the_user_stands(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert config.load(environment={}).outputs == tmp_path / "outputs"


def test_named_folders_start_where_the_user_stands(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("IMPRINT_HOME", "/elsewhere")
    monkeypatch.chdir(tmp_path)
    loaded = config.load(overrides=["documents.path=here", "outputs=there"], environment={})
    assert loaded.documents.path == tmp_path / "here"
    assert loaded.outputs == tmp_path / "there"


def test_a_setting_beside_the_folder_leaves_the_folder_in_the_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMPRINT_HOME", "/elsewhere")
    assert config.load(overrides=["documents.max_file_mb=1"], environment={}).documents.path == Path(
        "/elsewhere/documents"
    )


def test_a_tilde_is_the_users_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ayşe")
    assert config.load(overrides=["outputs=~/runs"], environment={}).outputs == Path("/home/ayşe/runs")


def test_a_tilde_of_nobody_stands_for_itself(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert config.load(overrides=["outputs=~nobody-of-that-name/runs"], environment={}).outputs.is_absolute()


# ---- the tree -------------------------------------------------------------------------------------------------------


def test_names_are_those_of_the_tree() -> None:
    def leaves(tree: dict[str, Any], prefix: str = "") -> Iterator[str]:
        for key, value in tree.items():
            if isinstance(value, dict):
                yield from leaves(value, f"{prefix}{key}.")
            else:
                yield prefix + key

    assert config.setting_names() == list(leaves(Settings().plain()))


def test_documents_may_be_a_list_of_folders_with_weights(tmp_path: Path) -> None:
    loaded = config.load(overrides=["documents=[{path: a, weight: 2}, {path: 'hf:owner/name'}]"], environment={})
    assert [(str(folder.path), folder.weight) for folder in loaded.documents.sources] == [
        (str(Path.cwd() / "a"), 2.0),
        ("hf:owner/name", 1.0),
    ]
    assert problems("documents=[{path: a, wieght: 2}]") == [
        "documents.folders.0.wieght: unknown setting; did you mean documents.folders?"
    ]


def test_the_source_of_more_questions_may_be_named_alone() -> None:
    assert config.load(overrides=["dataset.augment=base"], environment={}).dataset.augment.url == "base"
    assert problems("dataset.augment.modle=x") == [
        "dataset.augment.modle: unknown setting; did you mean dataset.augment.model?"
    ]


def test_plain_is_json_and_comes_back_the_same() -> None:
    loaded = config.load(overrides=["adapter.learning_rate=1e-3"], environment={})
    assert Settings.model_validate_json(json.dumps(loaded.plain())) == loaded


def test_open_training_settings_have_to_be_filled() -> None:
    with pytest.raises(ValueError, match="lora_r"):
        Settings().adapter.filled()

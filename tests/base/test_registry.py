"""Base models by name, folder and repository; and which one a machine gets."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer

from imprint import base, config, machine
from imprint.base import hub, registry
from imprint.config import Settings
from imprint.errors import BaseError, MachineError

RESERVED_REPOSITORY = "imprint-tests/there-is-no-such-model"


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The hub client has nothing of anybody's downloads."""
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """An NVIDIA GPU's device file, and nothing that hides it."""
    exists = Path.exists
    monkeypatch.setattr(Path, "exists", lambda path: str(path) == "/dev/nvidiactl" or exists(path))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")


# ---- the registry ---------------------------------------------------------------------------------------------------


def test_the_registry_names_its_bases() -> None:
    names = [entry.name for entry in base.entries()]
    assert names[:2] == ["embedded", "phi-3.5-mini"]
    assert {"llama-3.2-1b", "mistral-7b", "qwen-3-4b", "gemma-3-1b", "smollm2-135m", "gpt2"} < set(names)


def test_the_embedded_base_lies_in_the_package_with_settings_of_its_own() -> None:
    found = base.find("embedded")
    assert found.folder is not None
    assert found.folder.parent == Path(registry.__file__).parent
    assert found.label == "embedded"
    assert found.settings["adapter"]["lora_alpha"] == 128
    assert set(found.settings["adapter"]) >= {"lora_r", "learning_rate", "epochs", "max_steps"}
    assert 100 < found.disk_mb < 300


def test_phi_is_microsofts_own_repository() -> None:
    """Mirrors are "llamafied": llama.cpp's converter loses their LongRoPE factors."""
    found = base.find("phi-3.5-mini")
    assert (found.source, found.folder) == ("microsoft/Phi-3.5-mini-instruct", None)
    assert found.settings["adapter"]["lora_r"] == 64
    assert found.settings["adapter"]["lora_alpha"] == 16
    assert found.digest == "hub:microsoft/Phi-3.5-mini-instruct"
    assert 19_000 < found.disk_mb < 20_000


# ---- folders --------------------------------------------------------------------------------------------------------


def test_a_folder_is_a_base(small_base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = base.find(str(small_base))
    assert (found.source, found.folder, found.label) == (str(small_base), small_base, small_base.name)
    monkeypatch.chdir(small_base.parent)
    assert base.find(f"./{small_base.name}").folder == small_base


def test_the_digest_of_a_folder_changes_with_its_files(small_base: Path, tmp_path: Path) -> None:
    folder = tmp_path / "base"
    shutil.copytree(small_base, folder)
    before = base.find(str(folder)).digest
    assert base.find(str(folder)).digest == before
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes() + b"x")
    assert base.find(str(folder)).digest != before


def test_the_digest_of_a_folder_changes_when_bytes_do_and_sizes_do_not(small_base: Path, tmp_path: Path) -> None:
    folder = tmp_path / "base"
    shutil.copytree(small_base, folder)
    before = base.find(str(folder)).digest
    status = (folder / "model.safetensors").stat()
    (folder / "model.safetensors").write_bytes(b"x" * status.st_size)
    os.utime(folder / "model.safetensors", ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    assert base.find(str(folder)).digest != before


@pytest.mark.parametrize("name", ["./none", "/no/such/folder", "nonsense", "a/b/c", "~nobody-of-that-name/x"])
def test_a_base_that_does_not_exist(name: str) -> None:
    with pytest.raises(BaseError) as caught:
        base.find(name)
    assert caught.value.message == (
        f"There is no base model {name!r}: not in the registry (`imprint bases`), not a folder, not owner/name."
    )
    assert "base=embedded" in caught.value.hint


@pytest.mark.parametrize("missing", ["config.json", "tokenizer_config.json", "model.safetensors"])
def test_a_folder_that_lacks_a_file_is_told_which(missing: str, small_base: Path, tmp_path: Path) -> None:
    folder = tmp_path / "base"
    shutil.copytree(small_base, folder)
    (folder / missing).unlink()
    with pytest.raises(BaseError) as caught:
        base.find(str(folder))
    shown = "*.safetensors" if missing.endswith("safetensors") else missing
    assert caught.value.message == f"{folder} is not a base model: it has no {shown}."


def test_every_file_that_lacks_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(BaseError, match=r"no config\.json, no tokenizer_config\.json, no \*\.safetensors\."):
        base.find(str(tmp_path))


@pytest.mark.parametrize("content", [b"{", b"\xff\xfe"])
def test_a_broken_config_is_named(content: bytes, small_base: Path, tmp_path: Path) -> None:
    folder = tmp_path / "base"
    shutil.copytree(small_base, folder)
    (folder / "config.json").write_bytes(content)
    with pytest.raises(BaseError, match=r"base/config\.json is not valid JSON"):
        base.find(str(folder))


@pytest.mark.parametrize("name", ["my models/of mine", "-a/b", "a..b/c", f"a/{'b' * 100}"])
def test_a_name_that_no_repository_can_have(name: str) -> None:
    with pytest.raises(BaseError, match="There is no base model"):
        base.find(name)


# ---- the hub --------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("empty_cache")
def test_a_repository_where_the_hub_cannot_be_reached(no_network: Any) -> None:
    with pytest.raises(MachineError) as caught:
        base.find(RESERVED_REPOSITORY)
    assert caught.value.message == (
        f"The Hugging Face hub cannot be reached to fetch config.json of {RESERVED_REPOSITORY}."
    )
    assert f"`hf download {RESERVED_REPOSITORY} --local-dir there-is-no-such-model`" in caught.value.hint
    assert "base=./there-is-no-such-model" in caught.value.hint
    assert "base=embedded, which needs none" in caught.value.hint
    assert len(no_network.take()) == 1, "retries would take a minute"


@pytest.mark.usefixtures("empty_cache")
def test_a_repository_with_the_hub_switched_off(monkeypatch: pytest.MonkeyPatch, no_network: Any) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(MachineError, match="hub cannot be reached"):
        base.find(RESERVED_REPOSITORY)
    assert no_network.attempts() == []


def test_a_repository_that_was_fetched_before_needs_no_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    cached = tmp_path / f"models--{RESERVED_REPOSITORY.replace('/', '--')}"
    snapshot = cached / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    (snapshot / "config.json").write_text("{}")
    (cached / "refs").mkdir()
    (cached / "refs" / "main").write_text("abc")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    found = base.find(RESERVED_REPOSITORY)
    assert (found.source, found.folder) == (RESERVED_REPOSITORY, None)
    assert found.label == "there-is-no-such-model"


@pytest.mark.usefixtures("empty_cache")
def test_a_tokenizer_that_cannot_be_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(MachineError, match=r"to fetch tokenizer\.json of microsoft/Phi-3\.5-mini-instruct\.$"):
        base.token_counter(base.find("phi-3.5-mini"))


# ---- which one a machine gets ---------------------------------------------------------------------------------------


def resolve(*overrides: str, kept: str | None = None) -> tuple[Settings, str]:
    return base.choose(config.load(overrides=list(overrides)), kept)


def test_without_a_gpu_auto_is_the_embedded_base() -> None:
    settings, line = resolve()
    assert settings.base == "embedded"
    assert line.startswith("Base model: embedded (no GPU is visible), a 5.")
    assert "knows nothing else" in line, "what it is not"
    assert "\n" not in line


@pytest.mark.usefixtures("gpu")
def test_with_a_gpu_and_no_way_to_the_hub_it_is_the_embedded_base(no_network: Any) -> None:
    settings, line = resolve()
    assert settings.base == "embedded"
    assert "(the Hugging Face hub cannot be reached)" in line
    assert "huggingface.co" in no_network.take()[0]


@pytest.mark.usefixtures("gpu")
def test_with_a_gpu_and_the_hub_switched_off_nothing_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert resolve()[0].base == "embedded"


@pytest.mark.usefixtures("gpu")
def test_with_a_gpu_and_the_hub_it_is_phi(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "reachable", lambda: True)
    settings, line = resolve()
    assert settings.base == "phi-3.5-mini"
    assert "(a GPU is visible)" in line


@pytest.mark.usefixtures("gpu")
def test_auto_stays_with_the_base_in_service() -> None:
    settings, line = resolve(kept="embedded")
    assert settings.base == "embedded"
    assert line.startswith("Base model: embedded, ")


def test_a_named_base_is_taken_whatever_is_in_service(small_base: Path) -> None:
    assert resolve(f"base={small_base}", kept="embedded")[0].base == str(small_base)


@pytest.mark.parametrize(("value", "visible"), [("", False), ("-1", False), ("0", True), ("1,2", True)])
@pytest.mark.usefixtures("gpu")
def test_a_hidden_gpu_is_none(value: str, visible: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    assert machine.gpu_visible()
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", value)
    assert machine.gpu_visible() is visible


def test_open_training_settings_take_the_bases_values() -> None:
    chosen = resolve("base=embedded")[0].adapter
    filled = chosen.filled().model_dump(mode="json")
    assert filled | base.find("embedded").settings["adapter"] == filled


@pytest.mark.parametrize(("name", "four_bit"), [("embedded", False), ("qwen-2.5-0.5b", False), ("llama-3.2-1b", True)])
def test_large_bases_are_loaded_in_four_bits(name: str, four_bit: bool) -> None:
    assert resolve(f"base={name}")[0].adapter.load_in_4bit is four_bit
    assert resolve(f"base={name}", f"adapter.load_in_4bit={not four_bit}")[0].adapter.load_in_4bit is not four_bit


def test_for_a_machine_that_is_not_here(no_network: Any) -> None:
    gpu, none = machine.machine_named("RTX 4060 8GB"), machine.machine_named("CPU")
    assert base.choose(config.load(), None, elsewhere=gpu)[0].base == "phi-3.5-mini"
    assert base.choose(config.load(), None, elsewhere=none)[0].base == "embedded"
    assert no_network.attempts() == []


def test_training_settings_that_are_given_stay() -> None:
    chosen = resolve("base=embedded", "adapter.lora_r=8", "adapter.epochs=1.5")[0].adapter
    assert (chosen.lora_r, chosen.epochs) == (8, 1.5)
    assert chosen.lora_alpha == 128


# ---- counting -------------------------------------------------------------------------------------------------------


def test_tokens_are_counted_without_special_ones(small_base: Path) -> None:
    count = base.token_counter(base.find(str(small_base)))
    assert count("") == 0
    assert 0 < count("a") < count("a longer text with İ, ı, ğ and ş")


@pytest.mark.parametrize(
    "text", ["", " ", "word", "  two\n\nblanks ", "ağ 日本 😀", "a<|end|>b", "<|end|>", "▁x", "<|end"]
)
def test_tokens_are_counted_as_the_tokenizer_makes_them(text: str) -> None:
    found = base.find("embedded")
    assert found.folder is not None
    tokenizer = Tokenizer.from_file(str(found.folder / "tokenizer.json"))
    assert base.token_counter(found)(text) == len(tokenizer.encode(text, add_special_tokens=False).ids)


def test_a_base_without_a_fast_tokenizer_is_told(small_base: Path, tmp_path: Path) -> None:
    folder = tmp_path / "base"
    shutil.copytree(small_base, folder)
    (folder / "tokenizer.json").unlink()
    with pytest.raises(BaseError, match=r"has no tokenizer\.json"):
        base.token_counter(base.find(str(folder)))


def test_a_broken_fast_tokenizer_is_named(small_base: Path, tmp_path: Path) -> None:
    folder = tmp_path / "base"
    shutil.copytree(small_base, folder)
    (folder / "tokenizer.json").write_text("{}")
    with pytest.raises(BaseError, match=r"tokenizer\.json cannot be used"):
        base.token_counter(base.find(str(folder)))


def test_looking_for_a_base_loads_nothing_heavy(run_python: Callable[..., Any]) -> None:
    code = "import json, sys; from imprint import base; base.find('embedded'); print(json.dumps(sorted(sys.modules)))"
    loaded = json.loads(run_python("-c", code).stdout)
    assert not {"torch", "transformers", "huggingface_hub", "tokenizers", "numpy"} & set(loaded)


@pytest.mark.parametrize(
    ("name", "given", "expected"), [("gpt2", 2048, 1024), ("gpt2", 512, 512), ("embedded", 4096, 2048)]
)
def test_no_row_is_longer_than_the_bases_context(name: str, given: int, expected: int) -> None:
    chosen, _ = resolve(f"base={name}", f"adapter.max_seq_length={given}")
    assert chosen.adapter.max_seq_length == expected

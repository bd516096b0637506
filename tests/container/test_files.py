"""Dockerfile, docker-compose.yml and the scripts: linted, and in agreement with each other."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
SCRIPTS = [ROOT / "entrypoint.sh", ROOT / ".ci/run", *sorted((ROOT / "scripts").glob("*.sh"))]


def run_tool(name: str, *arguments: str | Path) -> None:
    """Run a linter out of this Python's environment or off PATH; its words are the failure's."""
    tool = shutil.which(name, path=Path(sys.executable).parent) or shutil.which(name)
    if tool is None:
        pytest.skip(f"{name} is not installed; `make check` runs it")
    done = subprocess.run([tool, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def compose() -> dict[str, Any]:
    tree: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return tree


def test_hadolint_finds_nothing() -> None:
    run_tool("hadolint", "Dockerfile")


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_shellcheck_finds_nothing(script: Path) -> None:
    run_tool("shellcheck", script)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_a_script_can_be_run_and_stops_at_the_first_failure(script: Path) -> None:
    assert script.stat().st_mode & 0o111 == 0o111
    assert "\nset -euo pipefail\n" in script.read_text()


def test_compose_accepts_its_file() -> None:
    run_tool("docker-compose", "--profile", "cpu", "config", "--quiet")


@pytest.mark.parametrize("service", ["imprint", "imprint-cpu"])
def test_a_service_is_reached_from_this_machine_only_and_leaves_the_documents_alone(
    compose: dict[str, Any], service: str
) -> None:
    assert compose["services"][service]["ports"] == ["127.0.0.1:8080:8080"]
    assert "./documents:/app/documents:ro" in compose["services"][service]["volumes"]


def test_only_the_gpu_service_reserves_a_gpu(compose: dict[str, Any]) -> None:
    devices = compose["services"]["imprint"]["deploy"]["resources"]["reservations"]["devices"]
    assert devices == [{"driver": "nvidia", "count": 1, "capabilities": ["gpu"]}]
    assert "deploy" not in compose["services"]["imprint-cpu"]


def test_what_the_image_copies_exists_and_reaches_the_engine() -> None:
    copied = {
        source
        for line in (ROOT / "Dockerfile").read_text().splitlines()
        if line.startswith("COPY ")
        for source in line.split()[1:-1]
    }
    sent = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert copied == sent
    assert [source for source in sorted(copied) if not (ROOT / source).exists()] == []


def test_compose_mounts_where_the_image_has_its_folders(compose: dict[str, Any]) -> None:
    image = (ROOT / "Dockerfile").read_text()
    mounted = {volume.split(":")[1] for volume in compose["services"]["imprint"]["volumes"]}
    assert mounted == {"/app/documents", "/app/outputs", "/home/imprint/.cache/huggingface"}
    assert {"IMPRINT_HOME=/app", "HF_HOME=/home/imprint/.cache/huggingface"} <= set(re.findall(r"\w+=/\S+", image))

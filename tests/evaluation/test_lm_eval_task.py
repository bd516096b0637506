"""The task for EleutherAI's lm-evaluation-harness asks what Imprint asks, of the rows that a run leaves."""

from pathlib import Path

import jinja2
import pytest
import yaml

from imprint.dataset import Example
from imprint.dataset.types import Source


@pytest.mark.parametrize("more", ["", "boats, ferries"])
def test_the_task_reads_rows_as_imprint_does(root: Path, more: str) -> None:
    task = yaml.safe_load((root / "configs" / "lm_eval" / "imprint_held_out.yaml").read_text(encoding="utf-8"))
    source = Source(document="a.md", heading=(), lines=(1, 1))
    row = Example(instruction="Who is it?", input=more, output="Ada, 36.", kind="cell", fact="f", source=source)
    asked, expected = row.conversation()
    fields = row.model_dump(mode="json")
    assert jinja2.Template(task["doc_to_text"]).render(fields) == asked["content"]
    assert jinja2.Template(task["doc_to_target"]).render(fields) == expected["content"]
    assert task["dataset_kwargs"]["data_files"] == {task["test_split"]: "outputs/current/dataset/test.jsonl"}
    assert task["generation_kwargs"]["do_sample"] is False
    assert f"--tasks {task['task']} " in (root / "docs" / "evaluation.md").read_text(encoding="utf-8")

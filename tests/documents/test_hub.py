"""Datasets from the hub (a small server here that speaks what huggingface_hub asks), its cache, and from disk."""

import hashlib
import io
import json
import re
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pyarrow
import pytest
from pyarrow import parquet

from imprint.documents import hub
from imprint.documents.types import LeftOut, Parsed, Row
from imprint.errors import DocumentError, MachineError

COMMIT, CONVERTED = "a" * 40, "b" * 40


def to_parquet(rows: list[dict[str, object]]) -> bytes:
    buffer = io.BytesIO()
    parquet.write_table(pyarrow.Table.from_pylist(rows), buffer)
    return buffer.getvalue()


ROWS: list[dict[str, object]] = [{"instruction": f"q{number}", "output": f"a{number}"} for number in range(3)]
FILES = {
    "README.md": b"# A dataset",
    "data/train-00000-of-00002.parquet": to_parquet(ROWS[:2]),
    "data/train-00001-of-00002.parquet": to_parquet(ROWS[2:]),
    "data/test-00000-of-00001.parquet": to_parquet([{"instruction": "t", "output": "u"}]),
}
EXPECTED = tuple(Row((number, number), f"q{number - 1}", "", f"a{number - 1}") for number in (1, 2, 3))


class LittleHub(ThreadingHTTPServer):
    """Answers for one dataset, owner/set, with the files that it is given."""

    def __init__(self, files: dict[str, bytes]) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.commits = {COMMIT: files}
        """The files of each commit; CONVERTED is that of the branch which the hub keeps as Parquet."""
        self.is_down = False


class _Answers(BaseHTTPRequestHandler):
    server: LittleHub

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        about, _, rest = path.partition("owner/set")
        named = re.sub("main$|main(?=/)", COMMIT, rest).replace("refs/convert/parquet", CONVERTED)
        commit = next((commit for commit in self.server.commits if commit in named), "" if named else COMMIT)
        files = self.server.commits.get(commit, {})
        file = named.rpartition(f"{commit}/")[2]
        if self.server.is_down:
            self._send(503, b"{}")
        elif path == about:
            self._send(404, b"{}", {"X-Error-Code": "RepoNotFound"})
        elif not commit:
            self._send(404, b"{}", {"X-Error-Code": "RevisionNotFound"})
        elif named.startswith("/resolve/"):
            self._send(200, files[file], {"X-Repo-Commit": commit})
        elif named.startswith("/tree/"):
            listed = [
                {"type": "file", "path": name, "size": len(raw), "oid": hashlib.sha1(raw).hexdigest()}
                for name, raw in files.items()
            ]
            self._send(200, json.dumps(listed).encode())
        else:
            siblings = [{"rfilename": name} for name in files]
            self._send(200, json.dumps({"id": "owner/set", "sha": commit, "siblings": siblings}).encode())

    def _send(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {
            "Content-Length": str(len(body)),
            "ETag": f'"{hashlib.sha1(body).hexdigest()}"',
            "Content-Type": "application/json",
            **(headers or {}),
        }.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing: the screen is pytest's."""


@pytest.fixture
def serve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[dict[str, bytes]], LittleHub]]:
    """`serve({"train.csv": b"…"})` starts a hub with this dataset; huggingface_hub asks it, with an empty cache."""
    from huggingface_hub import constants

    started: list[tuple[LittleHub, threading.Thread]] = []

    def start(files: dict[str, bytes]) -> LittleHub:
        server = LittleHub(files)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        started.append((server, thread))
        # Constants are read from the environment once, at the import.
        endpoint = f"http://127.0.0.1:{server.server_port}"
        monkeypatch.setattr(constants, "ENDPOINT", endpoint)
        monkeypatch.setattr(
            constants, "HUGGINGFACE_CO_URL_TEMPLATE", endpoint + "/{repo_id}/resolve/{revision}/{filename}"
        )
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        return server

    yield start
    for server, thread in started:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_dataset_by_name_is_read_from_its_training_split(serve: Callable[[dict[str, bytes]], LittleHub]) -> None:
    serve(FILES)
    assert hub.digest("hf:owner/set") == COMMIT
    assert hub.read("hf:owner/set") == Parsed(rows=EXPECTED)


def test_a_split_may_be_named(serve: Callable[[dict[str, bytes]], LittleHub]) -> None:
    serve(FILES)
    assert hub.read("hf:owner/set:test").rows == (Row((1, 1), "t", "", "u"),)
    with pytest.raises(DocumentError, match="there is no split 'other'; there are: test, train"):
        hub.read("hf:owner/set:other")


def test_other_tables_than_parquet_are_read(serve: Callable[[dict[str, bytes]], LittleHub]) -> None:
    serve(
        {"train.jsonl": b'{"question": "a", "answer": "b"}\n', "more/train.csv": b"name,n\nx,1\ny,2\n", "LICENSE": b"x"}
    )
    found = hub.read("hf:owner/set")
    assert found.rows == (Row((1, 1), "a", "", "b"),)
    assert [record.subject for record in found.records] == ["x", "y"]


def test_what_was_read_once_is_read_again_without_the_hub(serve: Callable[[dict[str, bytes]], LittleHub]) -> None:
    server = serve(FILES)
    hub.read("hf:owner/set")
    server.is_down = True
    assert hub.digest("hf:owner/set") == COMMIT
    assert hub.read("hf:owner/set") == Parsed(rows=EXPECTED)


def test_a_dataset_without_tables_is_read_as_the_hub_has_converted_it(
    serve: Callable[[dict[str, bytes]], LittleHub],
) -> None:
    server = serve({"script.py": b"x"})
    server.commits[CONVERTED] = {"default/train/0000.parquet": to_parquet(ROWS)}
    assert hub.digest("hf:owner/set") == COMMIT
    assert hub.read("hf:owner/set") == Parsed(rows=EXPECTED)
    server.is_down = True
    assert hub.read("hf:owner/set") == Parsed(rows=EXPECTED)


def test_a_hub_that_cannot_be_reached_is_the_machines_fault(serve: Callable[[dict[str, bytes]], LittleHub]) -> None:
    serve(FILES).is_down = True
    with pytest.raises(MachineError, match="the Hugging Face hub cannot be reached"):
        hub.digest("hf:owner/set")


def test_a_dataset_that_does_not_exist_is_the_users(serve: Callable[[dict[str, bytes]], LittleHub]) -> None:
    serve(FILES)
    with pytest.raises(DocumentError, match="there is no such dataset on the hub"):
        hub.digest("hf:owner/other")


def test_a_dataset_without_tables_is_said(serve: Callable[[dict[str, bytes]], LittleHub]) -> None:
    serve({"README.md": b"x", "picture.png": b"x"})
    with pytest.raises(DocumentError, match="no Parquet, JSON or CSV files in it"):
        hub.read("hf:owner/set")


@pytest.mark.parametrize("name", ["hf:", "hf:a/b/c", "hf:a b", "hf:owner/set:x/y", "hf:../x y"])
def test_a_name_that_cannot_be_one_is_refused(name: str) -> None:
    with pytest.raises(DocumentError, match="expected hf:owner/name"):
        hub.digest(name)


# ---- from disk ------------------------------------------------------------------------------------------------------


def test_a_saved_dataset_is_read_as_it_was(tmp_path: Path) -> None:
    from datasets import Dataset

    folder = tmp_path / "saved"
    Dataset.from_list(ROWS).select([2, 0]).save_to_disk(folder)
    assert hub.is_saved_dataset(folder)
    assert hub.read_saved(folder) == Parsed(rows=(Row((1, 1), "q2", "", "a2"), Row((2, 2), "q0", "", "a0")))


def test_of_saved_splits_the_one_to_train_on_is_read(tmp_path: Path) -> None:
    from datasets import Dataset, DatasetDict

    folder = tmp_path / "saved"
    DatasetDict(train=Dataset.from_list(ROWS), test=Dataset.from_list(ROWS[:1])).save_to_disk(folder)
    assert hub.is_saved_dataset(folder)
    found = hub.read_saved(folder)
    assert found.rows == EXPECTED
    assert found.left_out == (LeftOut((1, 1), "a split that is not trained on", "test"),)


@pytest.mark.parametrize("broken", ["state.json", "data-00000-of-00001.arrow"])
@pytest.mark.parametrize("how", [b"", b"{}", b"\xff\xff\xff\xff0000", None])
def test_a_broken_saved_dataset_is_a_typed_error(tmp_path: Path, broken: str, how: bytes | None) -> None:
    from datasets import Dataset

    folder = tmp_path / "saved"
    Dataset.from_list(ROWS).save_to_disk(folder)
    if how is None:
        (folder / broken).unlink()
    else:
        (folder / broken).write_bytes(how)
    with pytest.raises(DocumentError, match="saved: not a whole saved dataset"):
        hub.read_saved(folder)


def test_a_folder_of_other_files_is_no_saved_dataset(tmp_path: Path) -> None:
    (tmp_path / "state.json").write_text("{}")
    assert not hub.is_saved_dataset(tmp_path)

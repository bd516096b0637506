"""One file to one document, and bad input of every kind: a document or an error with a place, and never a traceback."""

import hashlib
import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from imprint import documents
from imprint.config import Documents
from imprint.documents import Document, LeftOut
from imprint.documents.readers import READERS
from imprint.errors import DocumentError

Write = Callable[..., Path]
SLOW = (".docx", ".epub", ".htm", ".html", ".pdf", ".pptx")
"""What the extra `documents` converts."""


def read(folder: Path, **chosen: Any) -> list[Document]:
    """Every document of a folder."""
    settings = Documents(path=folder, **chosen)
    return [documents.read(file, settings) for file in documents.find(settings).files]


def refusal(folder: Path, **chosen: Any) -> DocumentError:
    with pytest.raises(DocumentError) as caught:
        read(folder, **chosen)
    return caught.value


def good_and_bad(folder: Path) -> tuple[dict[str, Document], dict[str, LeftOut]]:
    """What a caller does that goes on after a bad file."""
    settings, good, bad = Documents(path=folder), {}, {}
    for file in documents.find(settings).files:
        try:
            good[file.name] = documents.read(file, settings)
        except DocumentError as error:
            bad[file.name] = documents.left_out_for(error)
    return good, bad


# ---- one file -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends_and_the_byte_order_mark_make_no_difference(write: Write, end: str) -> None:
    raw = b"\xef\xbb\xbf" + "# Başlık\n\nİlk satır.\n\nSon satır.\n".replace("\n", end).encode()
    (document,) = read(write({"a.md": raw}))
    assert document.title == "Başlık"
    assert [(block.text, block.lines) for block in document.sections[0].blocks] == [
        ("İlk satır.", (3, 3)),
        ("Son satır.", (5, 5)),
    ]
    assert document.digest == hashlib.sha256(raw).hexdigest()


@pytest.mark.parametrize("suffix", [".md", ".MARKDOWN", ".txt", ".rst", ".html"])
def test_prose_becomes_sections(write: Write, suffix: str) -> None:
    texts = {
        ".rst": "Alpha\n=====\n\nBeta gamma.\n",
        ".html": "<h1>Alpha</h1><p>Beta gamma.</p>",
        ".txt": "Beta gamma.\n",
    }
    (document,) = read(write({f"a{suffix}": texts.get(suffix, "# Alpha\n\nBeta gamma.\n")}))
    assert [block.text for section in document.sections for block in section.blocks] == ["Beta gamma."]
    assert document.title == ("a" if suffix == ".txt" else "Alpha")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.json", '[{"name": "A", "size": 1}, {"name": "B", "size": 2}]'),
        ("a.jsonl", '{"name": "A", "size": 1}\n{"name": "B", "size": 2}\n'),
        ("a.csv", "name,size\nA,1\nB,2\n"),
        ("a.tsv", "name\tsize\nA\t1\nB\t2\n"),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_data_becomes_records(write: Write, name: str, text: str, encoding: str) -> None:
    (document,) = read(write({name: text.encode(encoding)}))
    assert [(record.subject, record.fields[0].value) for record in document.records] == [("A", "1"), ("B", "2")]


def test_a_document_without_a_title_is_called_by_its_file(write: Write) -> None:
    (document,) = read(write({"sub/parental_leave-rules.md": "text"}))
    assert (document.path, document.title) == ("sub/parental_leave-rules.md", "parental leave rules")


def test_warnings_and_the_language_are_kept(write: Write, tmp_path: Path) -> None:
    text = "Çalışma saatleri sabah dokuzda başlar ve akşam altıda biter; son çıkan kişi ışıkları kapatır. " * 3
    write({"a.md": text.encode("windows-1254")})
    settings = Documents(path=tmp_path / "documents")
    (file,) = documents.find(settings).files
    document = documents.read(file, settings)
    assert document.language == "tr"
    assert document.warnings == ("read as windows-1254; save it as UTF-8 to be sure",)


def test_a_saved_dataset_is_one_document(write: Write, tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    rows = [{"question": f"What is {number}?", "answer": f"A number, {number}."} for number in range(3)]
    datasets.Dataset.from_list(rows).save_to_disk(tmp_path / "documents" / "faq")
    write({"a.md": "x"})
    settings = Documents(path=tmp_path / "documents")
    found = documents.find(settings)
    assert [(file.name, file.kind) for file in found.files] == [("a.md", "file"), ("faq", "saved dataset")]
    assert (found.left_out, found.files[1].size > 0) == ((), True)
    document = documents.read(found.files[1], settings)
    assert (document.path, document.title) == ("faq", "faq")
    assert [row.output for row in document.rows] == [row["answer"] for row in rows]


def test_a_saved_dataset_may_be_the_source_itself(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    rows = datasets.Dataset.from_list([{"text": "One."}])
    datasets.DatasetDict({"train": rows, "test": rows}).save_to_disk(tmp_path / "faq")
    (document,) = read(tmp_path / "faq")
    assert document.path == "faq"
    assert [row.output for row in document.rows] == ["One."]  # what there is to train on


def test_processes_give_the_same_documents(write: Write) -> None:
    folder = write({f"{number}.md": f"# Title {number}\n\ntext {number}\n" for number in range(8)})
    settings = Documents(path=folder)
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        assert list(pool.map(partial(documents.read, settings=settings), documents.find(settings).files)) == read(
            folder
        )


def test_nothing_heavy_is_imported_until_it_is_needed(run_python: Callable[..., Any]) -> None:
    heavy = "{'pandas', 'pyarrow', 'docutils', 'markitdown', 'datasets', 'py3langid', 'charset_normalizer', 'numpy'}"
    done = run_python("-c", f"import sys, imprint.documents; print({heavy} & set(sys.modules))")
    assert done.stdout.strip() == "set()", done.stderr


# ---- bad input ------------------------------------------------------------------------------------------------------


def test_a_file_that_grows_while_it_is_read(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write({"a.md": "x"})
    (file,) = documents.find(settings_ := Documents(path=folder)).files
    fstat = os.fstat

    def then_append(descriptor: int) -> os.stat_result:
        status = fstat(descriptor)
        with file.path.open("ab") as stream:
            stream.write(b"x")
        return status

    monkeypatch.setattr(os, "fstat", then_append)
    with pytest.raises(DocumentError, match=r"^a\.md changed while it was read\.$"):
        documents.read(file, settings_)


def test_a_file_that_became_a_pipe_is_not_waited_for(write: Write) -> None:
    folder = write({"a.md": "x"})
    (file,) = documents.find(settings_ := Documents(path=folder)).files
    (folder / "a.md").unlink()
    os.mkfifo(folder / "a.md")
    with pytest.raises(DocumentError, match=r"^a\.md cannot be read: it is not a regular file\.$"):
        documents.read(file, settings_)


def test_a_file_that_is_gone_or_has_grown_over_the_limit(write: Write) -> None:
    folder = write({"a.md": "x", "b.md": "x"})
    a, b = documents.find(settings_ := Documents(path=folder, max_file_mb=1)).files
    a.path.unlink()
    os.truncate(b.path, 1_500_000)
    with pytest.raises(DocumentError, match=r"^a\.md cannot be read: No such file or directory\.$"):
        documents.read(a, settings_)
    with pytest.raises(DocumentError, match=r"^b\.md has 1\.5 MB; at most 1 MB are read of one document\.$"):
        documents.read(b, settings_)


def test_a_reader_that_fails_is_named_and_the_work_goes_on(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(path: str, text: str) -> None:
        raise KeyError(len(text))

    monkeypatch.setattr("imprint.documents.markdown.parse", fail)
    error = refusal(write({"a.md": "x"}))
    assert error.message == "a.md: its reader failed with KeyError: 1"
    assert error.hint.startswith("this is a fault in Imprint")


@pytest.mark.parametrize(
    ("name", "raw", "lines", "message"),
    [
        ("a.md", b"one\ntwo\x00\n", (2, 2), "not text: a NUL byte at offset 7."),
        ("a.json", "ğ\n\xff".encode().replace("\xff".encode(), b"\xff") + "ş".encode(), (2, 2), "not UTF-8 text"),
        ("sub/x.json", b'{"a":\n }', (2, 2), "not valid JSON"),
        ("a.json", b"[" * 10_000 + b"]" * 10_000, (0, 0), "too deep"),
        ("a.json", b'{"a":' * 10_000 + b"1" + b"}" * 10_000, (0, 0), "too deep"),
        ("a.jsonl", b'{"a": 1}\n{"a": \n', (2, 2), "not valid JSON"),
        ("a.parquet", b"PAR1 nothing", (0, 0), "a.parquet"),
        ("a.pdf", b"%PDF-1.4\n1 0 obj\n<</Length 5>>stream\n\x00\xff\xfe", (0, 0), "a.pdf"),
        ("a.docx", b"PK\x03\x04" + b"\0" * 40, (0, 0), "a.docx"),
    ],
)
def test_a_bad_file_is_reported_with_its_place_and_the_rest_goes_on(
    write: Write, name: str, raw: bytes, lines: tuple[int, int], message: str
) -> None:
    good, bad = good_and_bad(write({name: raw} | {f"good{number}.md": "# T\n\ntext\n" for number in range(20)}))
    assert len(good) == 20
    assert bad.keys() == {name}
    assert message in bad[name].detail
    assert bad[name].detail.startswith(name)
    assert lines in ((0, 0), bad[name].lines)  # where no line is to blame a reader may name one
    assert bad[name].reason == "it cannot be read"
    assert "its reader failed" not in bad[name].detail


@pytest.mark.parametrize(
    ("name", "text", "kept"),
    [
        ("a.md", "---\ntitle: [broken\n---\n\n# A\n\nThe text is kept.\n", "The text is kept."),
        ("a.md", "# A\n\nThe text is kept.\n\n```python\nprint('never closed')\n\n# no heading\n", "The text is kept."),
        (
            "a.md",
            "# A\n\n| a | b |\n|---|---|\n| one |\n| The | text | is kept |\n\nThe text is kept.\n",
            "text is kept",
        ),
        ("a.md", "# A\r\n\rThe text\nis\rkept.\r\n\n", "kept."),
        ("a.md", "# عنوان\n\nهذا نص من اليمين إلى اليسار \u200f(RTL)\u202e.\n", "من اليمين"),
        ("a.md", "# 🙂\n\nFamily 👩‍👩‍👧‍👦 and flag 🇹🇷.\n", "👩‍👩‍👧‍👦 and flag 🇹🇷"),
        ("a.txt", "Family 👩‍👩‍👧‍👦 and flag 🇹🇷.\n", "👩‍👩‍👧‍👦 and flag 🇹🇷"),
        ("a.csv", "name,size\nA\nB,2,3,4\nC,5\n", "5"),
        ("a.json", '{"name": "👩‍👩‍👧‍👦", "text": "\\ud83d\\ude42 kept"}', "🙂 kept"),
    ],
)
def test_broken_parts_do_not_lose_the_rest(write: Write, name: str, text: str, kept: str) -> None:
    (document,) = read(write({name: text}))
    blocks = [block.text for section in document.sections for block in section.blocks]
    values = [field.value for record in document.records for field in record.fields]
    assert any(kept in text for text in (*blocks, *values))


@pytest.mark.parametrize("suffix", [suffix for suffix in READERS if suffix not in SLOW])
def test_an_empty_file_is_an_empty_document_or_an_error(write: Write, suffix: str) -> None:
    good, bad = good_and_bad(write({f"a{suffix}": b""}))
    assert len(good) + len(bad) == 1
    assert all("its reader failed" not in why.detail for why in bad.values())


def _pieces(*texts: str) -> st.SearchStrategy[bytes]:
    """Rubbish that looks like something: pieces of syntax in any order."""
    return st.lists(st.sampled_from(texts), max_size=30).map(
        lambda parts: "".join(parts).encode("utf-8", "surrogatepass")
    )


ANY = st.binary(max_size=300) | _pieces(
    *(
        "\n",
        "\n\n",
        " ",
        "\t",
        "    ",
        "# ",
        "---\n",
        "===\n",
        "```",
        "~~~",
        "- ",
        "1. ",
        "> ",
        "|",
        "|-|-|\n",
        "<!--",
        "-->",
    ),
    *(
        "<details>",
        "</p>",
        "![a](b)",
        "[a]: b\n",
        ":::",
        "!!! note\n",
        "..",
        "::",
        "{",
        "}",
        "[",
        "]",
        '"',
        ":",
        ",",
        "null",
    ),
    *(
        "1e999",
        "-0",
        "\\ud800",
        "\\",
        "a",
        "b: c",
        "ı",
        "🙂",
        "\u202e",
        "\r",
        "\x0c",
        "\x85",
        "\u2028",
        "\ufeff",
        "\ud800",
        "\0",
    ),
)


@settings(derandomize=True, deadline=None, max_examples=60, suppress_health_check=list(HealthCheck), database=None)
@example(raw=b"\xff\xfe")
@example(raw=b"\xff\xfe\x00\xd8")
@example(raw=b'"\\ud800"')
@example(raw=b"a: &a [*a, *a]\n")
@given(raw=ANY)
@pytest.mark.parametrize("suffix", [suffix for suffix in READERS if suffix not in SLOW])
def test_any_bytes_give_a_document_or_an_error(tmp_path: Path, suffix: str, raw: bytes) -> None:
    check_any_bytes(tmp_path / f"a{suffix}", raw)


@settings(derandomize=True, deadline=None, max_examples=4, suppress_health_check=list(HealthCheck), database=None)
@example(raw=b"%PDF-1.4\n1 0 obj\n<</Length 5>>stream\n")
@example(raw=b"PK\x03\x04" + b"\0" * 40)
@given(raw=ANY)
@pytest.mark.parametrize("suffix", SLOW)
def test_any_bytes_to_convert_give_a_document_or_an_error(tmp_path: Path, suffix: str, raw: bytes) -> None:
    check_any_bytes(tmp_path / f"a{suffix}", raw)


def check_any_bytes(path: Path, raw: bytes) -> None:
    path.write_bytes(raw)
    good, bad = good_and_bad(path)
    for document in good.values():
        assert document.digest == hashlib.sha256(raw).hexdigest()
        repr(document).encode()  # no half characters
        assert all(1 <= section.lines[0] <= section.lines[1] for section in document.sections)
    for why in bad.values():
        assert why.detail.startswith(path.name)
        assert "its reader failed" not in why.detail


@pytest.mark.parametrize(
    ("name", "title"),
    [("opening-hours.txt", "opening hours"), ("user_guide/index.txt", "user guide"), ("README.txt", "README")],
)
def test_a_document_without_a_title_is_called_after_its_file(name: str, title: str, tmp_path: Path) -> None:
    file = tmp_path / name
    file.parent.mkdir(exist_ok=True)
    file.write_text("Some words only.\n")
    (found,) = documents.find(Documents(path=tmp_path)).files
    assert documents.read(found, Documents(path=tmp_path)).title == title

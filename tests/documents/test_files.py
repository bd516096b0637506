"""The search for documents: what is found, in which order, under which name, and what is said of the rest."""

import hashlib
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from imprint import documents
from imprint.config import Documents, Folder
from imprint.documents import LeftOut
from imprint.documents.readers import SUFFIXES
from imprint.errors import DocumentError, SettingsError

Write = Callable[..., Path]
AsNobody = Callable[[], AbstractContextManager[None]]


def names(folder: Path, **settings: Any) -> list[str]:
    return [file.name for file in documents.find(Documents(path=folder, **settings)).files]


def left_out(folder: Path, **settings: Any) -> dict[str, LeftOut]:
    return dict(documents.find(Documents(path=folder, **settings)).left_out)


def refusal(folder: Path, **settings: Any) -> DocumentError:
    """The error that both ways in give: the search, and the digests, which come before all work."""
    chosen = Documents(path=folder, **settings)
    errors = []
    for way in (documents.find, documents.digests):
        with pytest.raises(DocumentError) as caught:
            way(chosen)
        errors.append((caught.value.message, caught.value.hint))
    assert errors[0] == errors[1]
    return caught.value


def reported(folder: Path, name: str, **settings: Any) -> tuple[LeftOut, DocumentError]:
    """What is said of a bad file among good ones, which are found all the same, and the error that `strict` makes."""
    assert "good.md" in names(folder, **settings)
    return left_out(folder, **settings)[name], refusal(folder, strict=True, **settings)


# ---- what is found --------------------------------------------------------------------------------------------------


def test_known_suffixes_are_found_in_all_folders(write: Write) -> None:
    folder = write(
        {"b.md": "b", "a.MARKDOWN": "a", "c/d.json": "[]", "c/e.jsonl": "", "c/f.ndjson": "", "notes.txt": "n"}
        | {".hidden.md": "no", ".git/x.md": "no", "g.md.bak": "no"}
    )
    assert names(folder) == ["a.MARKDOWN", "b.md", "c/d.json", "c/e.jsonl", "c/f.ndjson", "notes.txt"]
    (file,) = [file for file in documents.find(Documents(path=folder)).files if file.name == "b.md"]
    assert (file.path, file.size, file.weight, file.kind) == (folder / "b.md", 1, 1.0, "file")


def test_every_kind_that_the_design_names_is_known() -> None:
    kinds = ".md .markdown .rst .txt .json .jsonl .csv .tsv .parquet .html .pdf .docx .pptx .epub"
    assert set(kinds.split()) <= set(SUFFIXES)


def test_one_file_may_be_named_itself(write: Write) -> None:
    folder = write({"a.md": "# Alpha\n\ntext\n", "b.md": "b"})
    assert names(folder / "a.md") == ["a.md"]


def test_the_order_does_not_depend_on_the_disks(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write({f"{part}/{name}.md": name for part in "xyz" for name in "cab"} | {"m.md": "m"})
    expected = names(folder)
    assert expected == sorted(expected)
    scan = os.scandir

    class Backwards:
        def __init__(self, path: Path) -> None:
            with scan(path) as entries:
                self.entries = sorted(entries, key=lambda entry: entry.name, reverse=True)

        def __enter__(self) -> Iterator[os.DirEntry[str]]:
            return iter(self.entries)

        def __exit__(self, *_: object) -> None:
            pass

    monkeypatch.setattr(os, "scandir", Backwards)
    assert names(folder) == expected


def test_several_sources_are_told_apart_by_their_names(write: Write, tmp_path: Path) -> None:
    for place in ("one/handbook", "two/handbook", "notes"):
        write({"a.md": place}, tmp_path / place)
    write({"letter.md": "x"}, tmp_path)
    folders = (
        Folder(path=tmp_path / "one/handbook"),
        Folder(path=tmp_path / "two/handbook", weight=3),
        Folder(path=tmp_path / "notes", weight=0.5),
        Folder(path=tmp_path / "letter.md"),
        Folder(path=tmp_path / "notes/a.md"),
        Folder(path=tmp_path / "one/handbook/a.md"),
        Folder(path=Path("hf:owner/name"), weight=2),
    )
    found = documents.find(Documents(folders=folders)).files
    assert [(file.name, file.weight, file.kind) for file in found] == [
        ("a-2.md", 1, "file"),
        ("a.md", 1, "file"),
        ("handbook-2/a.md", 3, "file"),
        ("handbook/a.md", 1, "file"),
        ("hf:owner/name", 2, "hub dataset"),
        ("letter.md", 1, "file"),
        ("notes/a.md", 0.5, "file"),
    ]


def test_digests_are_of_the_bytes(write: Write) -> None:
    folder = write({"a.md": "a", "c/d.json": "[]"})
    expected = {"a.md": hashlib.sha256(b"a").hexdigest(), "c/d.json": hashlib.sha256(b"[]").hexdigest()}
    assert documents.digests(Documents(path=folder)) == expected


def test_a_file_is_digested_again_only_when_it_has_changed(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write({"a.md": "a", "b.md": "b"})
    before = documents.digests(Documents(path=folder))
    write({"b.md": "c"})
    os.utime(folder / "b.md", ns=(1, 1))
    digested = []
    file_digest = hashlib.file_digest
    monkeypatch.setattr(hashlib, "file_digest", lambda stream, name: digested.append(1) or file_digest(stream, name))
    after = documents.digests(Documents(path=folder))
    assert (after["a.md"], after["b.md"]) == (before["a.md"], hashlib.sha256(b"c").hexdigest())
    assert len(digested) == 1


# ---- what the user leaves out ---------------------------------------------------------------------------------------


def test_an_ignore_file_has_gits_syntax(write: Write) -> None:
    folder = write(
        dict.fromkeys(("a.md", "draft-b.md", "keep/draft-c.md", "build/d.md", "deep/build/e.md", "top.md"), "x")
        | {"deep/top.md": "x", ".imprintignore": "# comment\ndraft-*\n!keep/draft-c.md\nbuild/\n/top.md\n"}
    )
    assert names(folder) == ["a.md", "deep/top.md", "keep/draft-c.md"]
    assert left_out(folder)[".imprintignore"] == LeftOut((0, 0), "left out by a pattern", "4 files and folders")


def test_a_deeper_ignore_file_decides_and_holds_below_itself_only(write: Write) -> None:
    folder = write(
        {".imprintignore": "*.txt\n", "a.txt": "x", "a.md": "x", "sub/a.txt": "x", "sub/a.md": "x"}
        | {"sub/.imprintignore": "\ufeff!a.txt\r\n/a.md\r\n", "sub/sub/a.md": "x", "sub/sub/b.txt": "x"}
    )
    assert names(folder) == ["a.md", "sub/a.txt", "sub/sub/a.md"]


def test_what_lies_in_an_ignored_folder_cannot_be_taken_back(write: Write) -> None:
    folder = write({".imprintignore": "out/\n!out/a.md\n", "out/a.md": "x", "b.md": "x"})
    assert names(folder) == ["b.md"]


def test_include_and_exclude(write: Write) -> None:
    folder = write(dict.fromkeys(("a.md", "b.txt", "guide/a.md", "guide/old/b.md", "guide/c.txt"), "x"))
    assert names(folder, include=("guide/",)) == ["guide/a.md", "guide/c.txt", "guide/old/b.md"]
    assert names(folder, include=("*.md",), exclude=("old/",)) == ["a.md", "guide/a.md"]
    found = left_out(folder, include=("*.md",), exclude=("old/",))
    assert found["documents.exclude"].detail == "1 files and folders"
    assert found["documents.include"].detail == "2 files and folders"


def test_patterns_that_leave_nothing_are_named(write: Write) -> None:
    folder = write({"a.md": "x", ".imprintignore": "*\n"})
    assert refusal(folder).hint.endswith("patterns leave files out: .imprintignore")


def test_what_is_no_pattern_is_named(write: Write) -> None:
    folder = write({"a.md": "x", "sub/b.md": "x", "sub/.imprintignore": "*.txt\n!\n"})
    assert refusal(folder).message == "sub/.imprintignore:2: not a gitignore pattern: '!'."
    with pytest.raises(SettingsError, match=r"documents\.exclude: not a gitignore pattern: '!'"):
        documents.find(Documents(path=folder, exclude=("a", "!")))


def test_files_that_nobody_reads_are_counted_by_suffix(write: Write) -> None:
    folder = write({"a.md": "x", "img/a.png": "x", "img/b.PNG": "x", "LICENSE": "x", "me.tex": "x"})
    reason = "not a kind of document that is read"
    assert left_out(folder, strict=True) == {
        "names without a suffix": LeftOut((0, 0), reason, "LICENSE"),
        "*.png": LeftOut((0, 0), reason, "2 files, such as img/a.png"),
        "*.tex": LeftOut((0, 0), reason, "me.tex"),
    }


# ---- links ----------------------------------------------------------------------------------------------------------


def test_links_are_followed(write: Write, tmp_path: Path) -> None:
    outside = write({"b.md": "b", "sub/c.md": "c"}, tmp_path / "outside")
    folder = write({"a.md": "a"})
    (folder / "more").symlink_to(outside, target_is_directory=True)
    (folder / "d.md").symlink_to(outside / "b.md")
    os.link(folder / "a.md", folder / "z.md")
    assert names(folder) == ["a.md", "d.md", "more/sub/c.md"]
    assert left_out(folder) == dict.fromkeys(("more/b.md", "z.md"), LeftOut((0, 0), "a link to what is read"))


def test_folders_linked_in_a_circle_are_walked_once(write: Write, tmp_path: Path) -> None:
    folder = write({"a/b.md": "b"})
    outside = write({"c.md": "c"}, tmp_path / "outside")
    (folder / "a" / "up").symlink_to(folder, target_is_directory=True)
    (folder / "a" / "further_up").symlink_to(tmp_path, target_is_directory=True)
    (folder / "out").symlink_to(outside, target_is_directory=True)
    (outside / "back").symlink_to(folder, target_is_directory=True)
    (folder / "me").symlink_to("me")
    (folder / "again").symlink_to("a", target_is_directory=True)
    assert names(folder, strict=True) == ["a/b.md", "out/c.md"]
    assert {name: why.reason for name, why in left_out(folder).items()} == {
        "a/further_up": "a link that loops",
        "a/up": "a link that loops",
        "again": "a link to what is read",
        "me": "a link that loops",
        "out/back": "a link that loops",
    }


def test_a_file_linked_to_itself(write: Write) -> None:
    folder = write({"good.md": "a"})
    (folder / "loop.md").symlink_to("loop.md")
    why, error = reported(folder, "loop.md")
    assert why.reason == "a link that loops"
    assert error.message == "loop.md cannot be read: Too many levels of symbolic links."


def test_a_link_to_a_file_that_is_gone(write: Write) -> None:
    folder = write({"good.md": "a"})
    (folder / "gone.md").symlink_to("nowhere.md")
    (folder / "gone").symlink_to("nowhere")
    why, error = reported(folder, "gone.md")
    assert why.reason == "a broken link"
    assert error.message == "gone.md cannot be read: No such file or directory."
    assert left_out(folder)["gone"] == LeftOut((0, 0), "a broken link")


# ---- bad input ------------------------------------------------------------------------------------------------------


def test_no_folder(tmp_path: Path) -> None:
    error = refusal(tmp_path / "none")
    assert error.message == f"There is no documents folder at {tmp_path / 'none'}."
    assert "--documents DIR" in error.hint


def test_one_source_of_several_that_is_missing_is_an_error(write: Write, tmp_path: Path) -> None:
    folders = (Folder(path=write({"a.md": "x"})), Folder(path=tmp_path / "none"))
    with pytest.raises(DocumentError, match="There is no documents folder at"):
        documents.find(Documents(folders=folders))


def test_no_documents(write: Write) -> None:
    folder = write({"notes.tex": "x", ".hidden.md": "x"})
    error = refusal(folder)
    assert error.message.startswith(f"There are no documents in {folder}: expected files that end in ")
    assert ".md" in error.message
    assert ".json" in error.message


def test_a_file_of_an_unknown_kind_that_is_named_itself(write: Write) -> None:
    error = refusal(write({"a.tex": "x"}) / "a.tex")
    assert "a.tex is not a document that can be read: expected a name that ends in .md" in error.message


def test_a_file_without_a_read_permission(write: Write, public_folder: Path, as_nobody: AsNobody) -> None:
    write({"good.md": "a", "secret.md": "b"}, public_folder)
    (public_folder / "secret.md").chmod(0)
    with as_nobody():
        why, error = reported(public_folder, "secret.md")
        assert documents.digests(Documents(path=public_folder)).keys() == {"good.md"}
    assert why.reason == "not readable"
    assert error.message == "secret.md cannot be read: Permission denied."
    assert error.hint == f"chmod u+r {public_folder / 'secret.md'}, or take it out"


def test_a_folder_without_a_read_permission(write: Write, public_folder: Path, as_nobody: AsNobody) -> None:
    write({"good.md": "a", "closed/b.md": "b"}, public_folder)
    (public_folder / "closed").chmod(0)
    with as_nobody():
        why, error = reported(public_folder, "closed")
    assert why.reason == "not readable"
    assert error.message == f"{public_folder / 'closed'}: Permission denied."
    assert error.hint == f"chmod u+rx {public_folder / 'closed'}"


def test_a_document_of_50_mb(write: Write) -> None:
    folder = write({"good.md": "a", "big.md": ""})
    os.truncate(folder / "big.md", 50_000_000)
    why, error = reported(folder, "big.md")
    assert why.reason == "larger than documents.max_file_mb"
    assert why.detail == f"{error.message} ({error.hint})"
    assert error.message == "big.md has 50.0 MB; at most 20 MB are read of one document."
    assert error.hint == "split the file, take it out, or set documents.max_file_mb=51"


def test_the_limit_can_be_raised_as_the_hint_says(write: Write) -> None:
    folder = write({"big.md": b"x" * 1_500_000})
    assert refusal(folder, max_file_mb=1).message.startswith(f"No document in {folder} can be read: big.md has 1.5 MB")
    assert names(folder, max_file_mb=2) == ["big.md"]


def test_pipes_and_sockets_are_reported_not_waited_for(write: Write, public_folder: Path) -> None:
    folder = write({"good.md": "a"}, public_folder)
    os.mkfifo(folder / "pipe.md")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(folder / "talk.md"))
        why, error = reported(folder, "pipe.md")
        assert left_out(folder)["talk.md"].reason == why.reason == "not a regular file"
    assert error.message == "pipe.md cannot be read: it is not a regular file."


def test_a_file_name_that_is_not_utf8(write: Write) -> None:
    folder = write({"good.md": "a"})
    Path(os.fsdecode(os.fsencode(folder) + b"/sch\xf6n.md")).write_text("x")
    why, error = reported(folder, r"sch\xf6n.md")
    assert why.reason == "its name is not UTF-8"
    assert error.message == r"sch\xf6n.md: the name of the file is not UTF-8."
    assert error.hint == "rename it"


def test_one_bad_file_among_a_thousand(write: Write) -> None:
    folder = write({f"{number}.md": "x" for number in range(1000)})
    os.mkfifo(folder / "pipe.md")
    assert len(names(folder)) == 1000
    assert len(documents.digests(Documents(path=folder))) == 1000
    assert list(left_out(folder)) == ["pipe.md"]

"""The documents folder: which files are read, in which order, and the exact error for each kind of bad input."""

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from imprint import documents
from imprint.config import Documents
from imprint.errors import DocumentError

Write = Callable[..., Path]
TURKISH = (
    "Çalışma saatleri sabah dokuzda başlar ve akşam altıda biter. İzin istemek isteyen çalışanlar, yöneticilerine en "
    "az bir hafta önce yazılı olarak bilgi vermelidir. Işıklar ve ısıtma, son çıkan kişi tarafından kapatılır."
)
ENGLISH = (
    "Working hours begin at nine in the morning and end at six in the evening. People who want leave tell their "
    "manager in writing at least one week before. The last person to go switches off the lights and the heating."
)


def refusal(folder: Path, **settings: Any) -> DocumentError:
    """The error that both ways in give: the digests, which come before all work, and the reading."""
    chosen = Documents(path=folder, **settings)
    errors = []
    for way in (documents.digests, documents.read):
        with pytest.raises(DocumentError) as caught:
            way(chosen)
        errors.append((caught.value.message, caught.value.hint))
    assert errors[0] == errors[1]
    return caught.value


# ---- what is read ---------------------------------------------------------------------------------------------------


def test_known_suffixes_are_read_from_all_folders(write: Write) -> None:
    folder = write(
        {
            "b.md": "b",
            "a.MARKDOWN": "a",
            "c/d.json": "[]",
            "c/e.jsonl": "",
            "c/f.ndjson": "",
            "notes.txt": "no",
            ".hidden.md": "no",
            ".git/x.md": "no",
            "g.md.bak": "no",
        }
    )
    found = documents.digests(Documents(path=folder))
    assert list(found) == ["a.MARKDOWN", "b.md", "c/d.json", "c/e.jsonl", "c/f.ndjson"]
    assert found["b.md"] == hashlib.sha256(b"b").hexdigest()
    assert [document.path for document in documents.read(Documents(path=folder))] == list(found)


def test_one_file_may_be_named_itself(write: Write) -> None:
    folder = write({"a.md": "# Alpha\n\ntext\n", "b.md": "b"})
    (document,) = documents.read(Documents(path=folder / "a.md"))
    assert (document.path, document.title) == ("a.md", "Alpha")


def test_the_order_does_not_depend_on_the_disks(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write({f"{part}/{name}.md": name for part in "xyz" for name in "cab"} | {"m.md": "m"})
    expected = list(documents.digests(Documents(path=folder)))
    walk = os.walk

    def backwards(*arguments: Any, **options: Any) -> Iterator[Any]:
        for here, folders, names in walk(*arguments, **options):
            folders.sort(reverse=True)
            yield here, folders, sorted(names, reverse=True)

    monkeypatch.setattr(os, "walk", backwards)
    assert list(documents.digests(Documents(path=folder))) == expected


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends_and_the_byte_order_mark_make_no_difference(write: Write, end: str) -> None:
    raw = b"\xef\xbb\xbf" + "# Başlık\n\nİlk satır.\n\nSon satır.\n".replace("\n", end).encode()
    (document,) = documents.read(Documents(path=write({"a.md": raw})))
    assert document.title == "Başlık"
    assert [(block.text, block.lines) for block in document.sections[0].blocks] == [
        ("İlk satır.", (3, 3)),
        ("Son satır.", (5, 5)),
    ]
    assert document.digest == hashlib.sha256(raw).hexdigest()


def test_a_document_without_a_title_is_called_by_its_file(write: Write) -> None:
    (document,) = documents.read(Documents(path=write({"parental_leave-rules.md": "text"})))
    assert document.title == "parental leave rules"


@pytest.mark.parametrize(
    ("name", "text", "language"),
    [
        ("a.md", TURKISH, "tr"),
        ("a.md", ENGLISH, "en"),
        ("a.md", f"{TURKISH}\n\n```\n{ENGLISH * 3}\n```", "tr"),
        ("a.md", "Kısa.", "en"),  # too short to tell
        ("a.json", f'[{{"kod": "x", "not": "{TURKISH}"}}]', "tr"),
    ],
    ids=["turkish", "english", "code is no prose", "short", "json"],
)
def test_the_language_is_that_of_the_prose(write: Write, name: str, text: str, language: str) -> None:
    (document,) = documents.read(Documents(path=write({name: text})))
    assert document.language == language


def test_the_reading_tells_how_far_it_is(write: Write) -> None:
    told: list[tuple[str, int, int]] = []
    folder = write({"a.md": "a", "b.md": "b"})
    documents.read(Documents(path=folder), lambda *event: told.append(event))
    assert told == [("a.md", 0, 2), ("b.md", 1, 2)]


# ---- bad input ------------------------------------------------------------------------------------------------------


def test_no_folder(tmp_path: Path) -> None:
    error = refusal(tmp_path / "none")
    assert error.message == f"There is no documents folder at {tmp_path / 'none'}."
    assert "--documents DIR" in error.hint


def test_no_documents(write: Write) -> None:
    folder = write({"notes.txt": "x", ".hidden.md": "x"})
    error = refusal(folder)
    assert error.message.startswith(f"There are no documents in {folder}: expected files that end in ")
    assert ".md" in error.message
    assert ".json" in error.message


def test_a_file_that_is_not_utf8(write: Write) -> None:
    folder = write({"a/latin.md": "# Über\n\nein Gruß aus Köln\n".encode("latin-1")})
    with pytest.raises(DocumentError) as caught:
        documents.read(Documents(path=folder))
    assert caught.value.message == "a/latin.md:1: not UTF-8 text: byte 0xdc at offset 2."
    assert caught.value.hint.startswith("convert it, for example: iconv -f WINDOWS-1252 -t UTF-8 a/latin.md")


def test_the_line_of_a_bad_byte_is_counted(write: Write) -> None:
    folder = write({"a.json": b'{\n"a": "\xff"\n}'})
    with pytest.raises(DocumentError, match=r"^a\.json:2: not UTF-8 text: byte 0xff at offset 8\.$"):
        documents.read(Documents(path=folder))


def test_broken_json_names_the_file_in_its_folder(write: Write) -> None:
    folder = write({"sub/x.json": '{"a": }'})
    with pytest.raises(DocumentError, match=r"^sub/x\.json:1:7: not valid JSON"):
        documents.read(Documents(path=folder))


def test_a_file_without_a_read_permission(
    write: Write, public_folder: Path, as_nobody: Callable[[], AbstractContextManager[None]]
) -> None:
    write({"a.md": "a", "secret.md": "b"}, public_folder)
    (public_folder / "secret.md").chmod(0)
    with as_nobody():
        error = refusal(public_folder)
    assert error.message == "secret.md cannot be read: Permission denied."
    assert error.hint == f"chmod u+r {public_folder / 'secret.md'}, or take it out"


def test_a_folder_without_a_read_permission(
    write: Write, public_folder: Path, as_nobody: Callable[[], AbstractContextManager[None]]
) -> None:
    write({"a.md": "a", "closed/b.md": "b"}, public_folder)
    (public_folder / "closed").chmod(0)
    with as_nobody():
        error = refusal(public_folder)
    assert error.message == f"{public_folder / 'closed'}: Permission denied."
    assert error.hint == f"chmod u+rx {public_folder / 'closed'}"


def test_a_document_of_50_mb(write: Write) -> None:
    folder = write({"a.md": "a", "big.md": ""})
    os.truncate(folder / "big.md", 50_000_000)
    error = refusal(folder)
    assert error.message == "big.md has 50.0 MB; at most 20 MB are read of one document."
    assert error.hint == "split the file, take it out, or set documents.max_file_mb=51"


def test_the_limit_can_be_raised_as_the_hint_says(write: Write) -> None:
    folder = write({"big.md": b"x" * 1_500_000})
    refusal(folder, max_file_mb=1)
    assert documents.digests(Documents(path=folder, max_file_mb=2)).keys() == {"big.md"}


def test_folders_linked_in_a_circle_are_not_walked_forever(write: Write) -> None:
    folder = write({"a/b.md": "b"})
    (folder / "a" / "up").symlink_to(folder, target_is_directory=True)
    (folder / "me").symlink_to("me")
    assert list(documents.digests(Documents(path=folder))) == ["a/b.md"]


def test_a_file_linked_to_itself(write: Write) -> None:
    folder = write({"a.md": "a"})
    (folder / "loop.md").symlink_to("loop.md")
    assert refusal(folder).message == "loop.md cannot be read: Too many levels of symbolic links."


def test_a_link_to_a_file_that_is_gone(write: Write) -> None:
    folder = write({"a.md": "a"})
    (folder / "gone.md").symlink_to("nowhere.md")
    assert refusal(folder).message == "gone.md cannot be read: No such file or directory."


def test_a_pipe_among_the_documents_is_refused_not_waited_for(write: Write) -> None:
    folder = write({"a.md": "a"})
    os.mkfifo(folder / "pipe.md")
    assert refusal(folder).message == "pipe.md cannot be read: it is not a regular file."


def test_a_file_name_that_is_not_utf8(write: Write) -> None:
    folder = write({"a.md": "a"})
    Path(os.fsdecode(os.fsencode(folder) + b"/sch\xf6n.md")).write_text("x")
    error = refusal(folder)
    assert error.message == r"sch\xf6n.md: the name of the file is not UTF-8."
    assert error.hint == "rename it"

"""The documents folder: which files are read, how, and what their bytes are."""

import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from imprint.config import Documents
from imprint.documents import data, markdown
from imprint.documents.types import Document, Record, Row, Section
from imprint.errors import DocumentError

_MARKDOWN = {".md", ".markdown", ".mdown", ".mkd"}
_JSON = {".json": data.parse_json, ".jsonl": data.parse_json_lines, ".ndjson": data.parse_json_lines}
SUFFIXES = (*sorted(_MARKDOWN), *_JSON)


def digests(settings: Documents) -> dict[str, str]:
    """SHA-256 of every document by its path. Raises DocumentError where there is none or one cannot be read."""
    return {path: hashlib.sha256(_bytes(file, path, settings)).hexdigest() for path, file in _files(settings)}


def read(settings: Documents, progress: Callable[[str, int, int], None] | None = None) -> list[Document]:
    """Read every document, in the order of their paths. Raises DocumentError naming file, line and what to do."""
    files = list(_files(settings))
    documents = []
    for number, (path, file) in enumerate(files):
        if progress is not None:
            progress(path, number, len(files))
        documents.append(_read(path, _bytes(file, path, settings)))
    return documents


def _files(settings: Documents) -> Iterator[tuple[str, Path]]:
    root = settings.path
    if root.is_file():
        yield root.name, root
        return
    if not root.is_dir():
        raise DocumentError(
            f"There is no documents folder at {root}.",
            hint=f"mkdir -p {root}, put your Markdown or JSON files there, or name a folder with --documents DIR",
        )
    found = False
    for folder, subfolders, names in os.walk(root, onerror=_unlistable):
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        for name in sorted(names):
            if not name.startswith(".") and Path(name).suffix.lower() in SUFFIXES:
                found = True
                file = Path(folder, name)
                yield _named(file.relative_to(root).as_posix()), file
    if not found:
        raise DocumentError(
            f"There are no documents in {root}: expected files that end in {', '.join(SUFFIXES)}.",
            hint="put some there, or name another folder with --documents DIR",
        )


def _named(path: str) -> str:
    """The path, which manifests and rows hold as UTF-8 text."""
    try:
        path.encode()
    except UnicodeEncodeError:
        shown = os.fsencode(path).decode("utf-8", "backslashreplace")
        raise DocumentError(f"{shown}: the name of the file is not UTF-8.", hint="rename it") from None
    return path


def _unlistable(error: OSError) -> None:
    raise DocumentError(f"{error.filename}: {error.strerror}.", hint=f"chmod u+rx {error.filename}")


def _bytes(file: Path, path: str, settings: Documents) -> bytes:
    try:
        status = file.stat()
        if not stat.S_ISREG(status.st_mode):  # reading a pipe would wait forever
            raise DocumentError(f"{path} cannot be read: it is not a regular file.", hint="take it out")
        size = status.st_size
        if size > settings.max_file_mb * 1e6:
            raise DocumentError(
                f"{path} has {size / 1e6:,.1f} MB; at most {settings.max_file_mb:g} MB are read of one document.",
                hint=f"split the file, take it out, or set documents.max_file_mb={size / 1e6 + 1:.0f}",
            )
        return file.read_bytes()
    except OSError as error:
        raise DocumentError(
            f"{path} cannot be read: {error.strerror}.", hint=f"chmod u+r {file}, or take it out"
        ) from error


def _read(path: str, raw: bytes) -> Document:
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise DocumentError(
            f"{path}:{line}: not UTF-8 text: byte 0x{raw[error.start]:02x} at offset {error.start}.",
            hint=f"convert it, for example: iconv -f WINDOWS-1252 -t UTF-8 {path} -o {path}.utf8",
        ) from error
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    suffix = Path(path).suffix.lower()
    sections: list[Section] = []
    records: list[Record] = []
    rows: list[Row] = []
    skipped: list[str] = []
    title = ""
    if suffix in _MARKDOWN:
        title, sections = markdown.parse(text)
        prose = "\n".join(block.text for section in sections for block in section.blocks if block.kind != "code")
    else:
        records, rows, skipped = _JSON[suffix](path, text)
        values = (value for record in records[:1000] for _, value in record.fields)
        prose = "\n".join(value for value in values if value.count(" ") >= 5)  # names tell no language
    return Document(
        path=path,
        title=title or Path(path).stem.replace("_", " ").replace("-", " "),
        language=_language(prose),
        digest=hashlib.sha256(raw).hexdigest(),
        sections=tuple(sections),
        records=tuple(records),
        rows=tuple(rows),
        skipped=tuple(skipped),
    )


def _language(prose: str) -> str:
    """ISO 639-1 code of the text's language (py3langid, BSD-3-Clause); English where there is too little to tell."""
    import py3langid

    sample = prose[:20_000]
    return str(py3langid.classify(sample)[0]) if len(sample) >= 200 else "en"

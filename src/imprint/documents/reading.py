"""One file to one document: its bytes, its text, what its reader finds there, and its language."""

import hashlib
import os
import stat
from pathlib import Path

from imprint.config import Documents
from imprint.documents import encoding, language
from imprint.documents.files import digest, open_at_once
from imprint.documents.readers import READERS
from imprint.documents.refusals import irregular, too_large, unreadable
from imprint.documents.types import Document, Parsed
from imprint.documents.walk import File
from imprint.errors import DocumentError, ImprintError


def read(file: File, settings: Documents) -> Document:
    """Read a file that `find` gave.

    Raises DocumentError, "name:line: ..." where a line is to blame, and where the file changes while it is read.
    """
    if file.kind != "file":
        return _read_dataset(file)
    raw = _bytes(file, settings)
    found = hashlib.sha256(raw).hexdigest()
    reader = READERS[file.path.suffix.lower()]
    content: str | bytes = raw
    warning = ""
    if not reader.takes_bytes:
        text = encoding.decode(file.name, raw)
        content, warning = text.text, text.warning
    try:
        parsed = reader.load()(file.name, content)
    except (ImprintError, MemoryError):
        raise
    except RecursionError:
        raise DocumentError(f"{file.name}: nested too deeply to read.", hint="flatten it, or take it out") from None
    except Exception as error:  # one document's readers, which are many libraries, must not end the others' work
        raise DocumentError(
            f"{file.name}: its reader failed with {type(error).__name__}: {error}",
            hint="this is a fault in Imprint: please report it; take the file out to go on",
        ) from error
    return _document(file, parsed, found, (warning,) if warning else ())


def _read_dataset(file: File) -> Document:
    from imprint.documents import hub  # it is seldom needed

    parsed = hub.read(str(file.path)) if file.kind == "hub dataset" else hub.read_saved(file.path)
    return _document(file, parsed, digest(file), ())


def _document(file: File, parsed: Parsed, found: str, warnings: tuple[str, ...]) -> Document:
    return Document(
        title=parsed.title or _title_of(Path(file.name)),
        sections=parsed.sections,
        records=parsed.records,
        operations=parsed.operations,
        rows=parsed.rows,
        left_out=parsed.left_out,
        path=file.name,
        language=language.detect(parsed),
        digest=found,
        warnings=warnings,
    )


def _bytes(file: File, settings: Documents) -> bytes:
    try:
        with open(file.path, "rb", opener=open_at_once) as stream:
            before = os.fstat(stream.fileno())
            if not stat.S_ISREG(before.st_mode):
                raise irregular(file.name)
            if before.st_size > settings.max_file_mb * 1e6:
                raise too_large(file.name, before.st_size, settings.max_file_mb)
            raw = stream.read()
            after = os.fstat(stream.fileno())
    except OSError as error:
        raise unreadable(file.name, file.path, error) from error
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns) or len(raw) != before.st_size:
        raise _changed(file.name)
    return raw


def _changed(name: str) -> DocumentError:
    return DocumentError(
        f"{name} changed while it was read.", hint="wait until it is written, then run the command again"
    )


def _title_of(path: Path) -> str:
    """A title from the file's name; "index" and "README" say less than the folder that they stand in."""
    says_nothing = path.stem.lower() in {"index", "readme", "_index"} and path.parent.name
    name = path.parent.name if says_nothing else path.stem
    return name.replace("_", " ").replace("-", " ")

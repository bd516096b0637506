"""HTML, PDF, DOCX, PPTX and EPUB to sections: markitdown (an optional extra) makes them Markdown, which is read."""

import io
import warnings
from pathlib import PurePosixPath

from imprint.documents import encoding, markdown
from imprint.documents.types import Parsed
from imprint.errors import DocumentError

_CONVERTERS = {
    ".docx": "DocxConverter",
    ".epub": "EpubConverter",
    ".htm": "HtmlConverter",
    ".html": "HtmlConverter",
    ".pdf": "PdfConverter",
    ".pptx": "PptxConverter",
    ".xhtml": "HtmlConverter",
}
SUFFIXES = tuple(_CONVERTERS)


def parse(path: str, raw: bytes) -> Parsed:
    """Title, sections and what was left out of a document that is not text.

    Line numbers are those of the converted text, which is kept nowhere: they order the parts and tell them apart.
    Raises DocumentError where markitdown is missing or cannot convert the document, or where there is no text in it.
    """
    text = _convert(path, raw)
    if not text.strip():
        raise DocumentError(
            f"{path}: there is no text in it; a scan is a picture of text.",
            hint="run it through a text recognition such as ocrmypdf, or take it out",
        )
    return markdown.parse(path, text)


def _convert(path: str, raw: bytes) -> str:
    suffix = PurePosixPath(path).suffix.lower()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its many parts warn of what is theirs to change
        try:
            # Not by MarkItDown itself: it guesses the kind from the content, and takes a broken file for plain text.
            from markitdown import MissingDependencyException, StreamInfo, converters
        except ImportError as error:
            raise _missing(path, suffix) from error
        if _CONVERTERS.get(suffix) == "HtmlConverter":
            raw = encoding.decode(path, raw).text.encode()
        try:
            converter = getattr(converters, _CONVERTERS[suffix])()
            about = StreamInfo(extension=suffix, filename=PurePosixPath(path).name, charset="utf-8")
            text = str(converter.convert(io.BytesIO(raw), about).markdown)
        except MissingDependencyException as error:
            raise _missing(path, suffix) from error
        except Exception as error:  # its parts raise whatever they like
            what = " ".join(str(error).split())[:200]
            raise DocumentError(
                f"{path}: it cannot be converted: {type(error).__name__}: {what}",
                hint="open it in the program that made it and save it anew, or take it out",
            ) from error
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\f", "\n")
    return text.encode("utf-8", "replace").decode()  # half a surrogate pair is no text


def _missing(path: str, suffix: str) -> DocumentError:
    return DocumentError(
        f"{path}: {suffix} files need markitdown, which is not installed.",
        hint='pip install "imprint[documents]", or in the repository: make setup EXTRAS=documents',
    )


__all__ = ["SUFFIXES", "parse"]

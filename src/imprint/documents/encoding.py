"""The bytes of a document to text: UTF-8 and UTF-16 by their own signs, everything else by a guess that is reported."""

import codecs
import re
from dataclasses import dataclass

from imprint.documents import language
from imprint.errors import DocumentError

_MARKS = (  # the longer first: UTF-32's little-endian mark begins like UTF-16's
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# What charset-normalizer chooses from: without a choice it finds rare relatives of these and IBM's mainframes. It tells
# the scripts and the Asian encodings well, and the Latin code pages badly: those, the language decides.
_LATIN = ("cp1252", "cp1254", "cp1250", "cp1257", "iso8859_2")
_ASIAN = ("cp932", "euc_jp", "gb18030", "big5", "cp949")
_OTHERS = ("cp1251", "koi8_r", "cp1253", "cp1255", "cp1256", "cp874", "cp437", *_ASIAN)
_FIRST_LETTER = 0xC0
"""Below it, code pages hold little but signs, which tell no script."""
_CENTRAL, _BALTIC, _TURKISH = ("cp1250", "iso8859_2"), ("cp1257",), ("cp1254",)
_CODE_PAGES = {
    **dict.fromkeys(("tr", "az", "crh"), _TURKISH),
    **dict.fromkeys(("pl", "cs", "sk", "hu", "sl", "hr", "bs", "ro"), _CENTRAL),
    **dict.fromkeys(("lt", "ltg", "lv", "et"), _BALTIC),
}
_ICELANDIC = "ÐÝÞðýþ"
"""What ĞİŞğış of windows-1254 look like in windows-1252."""
_CONTROLS = re.compile(rb"[\x00-\x08\x0e-\x19\x1c-\x1f\x7f]")
_FOREIGN = re.compile(rb"[\x80-\xff]")
_BOUNDARY = re.compile(rb"[ \",.:;]")
"""Bytes that are no part of a longer character in any of the encodings."""
_OUTSIDE = re.compile(r"[^\x00-\x7f]")
_SAMPLE, _PIECE = 16_384, 200
"""Bytes that a guess looks at, of lines that are not ASCII; and of each line before its first foreign byte."""


@dataclass(frozen=True, slots=True)
class Text:
    """The text of a document, its lines ended by "\\n"."""

    text: str
    warning: str = ""
    """What the user should know where the encoding is a guess."""


def decode(path: str, raw: bytes) -> Text:
    """Decode a document. Raises DocumentError with line and offset where it is no text, or UTF-8 that is damaged."""
    for mark, encoding in _MARKS:
        if raw.startswith(mark):
            return Text(_lines(_strictly(path, raw, encoding)))
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        if b"\0" not in raw:
            return _guess(path, raw, error)
    else:
        if "\0" not in text:
            return Text(_lines(text))
    return _utf16(path, raw)


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def _strictly(path: str, raw: bytes, encoding: str) -> str:
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError as error:
        raise _broken(path, raw, error.start, _shown(encoding)) from None
    if "\0" in text:
        raise _not_text(path, raw, len(text[: text.index("\0")].encode(encoding)))
    return text


def _utf16(path: str, raw: bytes) -> Text:
    """UTF-16 without a byte order mark, known by NUL bytes in many places, all on the same side of the pairs."""
    for side, encoding in enumerate(("utf-16-be", "utf-16-le")):
        high, low = raw[side::2], raw[1 - side :: 2]
        if len(raw) % 2 == 0 and b"\0" not in low and high.count(0) >= len(high) / 20:
            text = _strictly(path, raw, encoding)
            return Text(_lines(text), f"read as {_shown(encoding)}; save it as UTF-8 to be sure")
    raise _not_text(path, raw, raw.index(0))


def _guess(path: str, raw: bytes, error: UnicodeDecodeError) -> Text:
    sample = _sample(raw)
    if _is_damaged_utf8(sample):
        raise _broken(path, raw, error.start, "UTF-8") from None
    if control := _CONTROLS.search(raw):
        raise _not_text(path, raw, control.start())
    for encoding in _candidates(raw, sample):
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        return Text(_lines(text), f"read as {_shown(encoding)}; save it as UTF-8 to be sure")
    raise _not_text(path, raw, error.start)


def _is_damaged_utf8(sample: bytes) -> bool:
    """Whether more characters outside ASCII are good UTF-8 than bytes are not: so it is not another encoding."""
    outside: list[str] = _OUTSIDE.findall(sample.decode(errors="surrogateescape"))
    bad = sum(1 for character in outside if "\udc80" <= character <= "\udcff")
    return len(outside) > 2 * bad


def _sample(raw: bytes) -> bytes:
    """Parts of the lines that are not ASCII, with nothing of a character cut off."""
    found: list[bytes] = []
    size = 0
    for line in raw.splitlines(keepends=True):
        if foreign := _FOREIGN.search(line):
            begin = max(0, foreign.start() - _PIECE)  # ASCII before it, which tells the language
            end = _BOUNDARY.search(line, begin + _SAMPLE)
            found.append(line[begin : end.end() if end else len(line)])
            size += len(found[-1])
            if size >= _SAMPLE:
                break
    return b"".join(found)


def _candidates(raw: bytes, sample: bytes) -> tuple[str, ...]:
    """Encodings to try, the likeliest first."""
    import charset_normalizer  # most documents are UTF-8 and do without

    # With its own threshold it gives up on ISO 8859-2 as soon as two close relatives of it look messy.
    best = charset_normalizer.from_bytes(sample, cp_isolation=[*_LATIN, *_OTHERS], threshold=0.5).best()
    if best is None:
        return ()
    if best.encoding not in _LATIN and (max(sample) >= _FIRST_LETTER or best.encoding in ("cp437", *_ASIAN)):
        return (best.encoding,)
    western = sample.decode("cp1252", errors="replace")
    found = language.rank(western if len(sample) >= _PIECE else raw[: 2 * _PIECE].decode("cp1252", errors="replace"))[
        0
    ][0]
    pages = _CODE_PAGES.get(found, ())
    if not pages and found not in ("is", "fo") and any(letter in western for letter in _ICELANDIC):
        pages = _TURKISH
    return (*sorted(pages, key=lambda page: _signs(sample, page)), "cp1252", best.encoding)


def _signs(sample: bytes, encoding: str) -> int:
    """How many characters outside ASCII are no letters: few in the right code page."""
    text = sample.decode(encoding, errors="replace")
    return sum(not character.isascii() and not character.isalpha() for character in text)


def _shown(encoding: str) -> str:
    name = encoding.replace("_", "-")
    return name.replace("cp125", "windows-125") if name.startswith("cp125") else name.removesuffix("-sig").upper()


def _broken(path: str, raw: bytes, at: int, encoding: str) -> DocumentError:
    return DocumentError(
        f"{path}:{_line(raw, at)}: not {encoding} text: byte 0x{raw[at]:02x} at offset {at}.",
        hint="save it as UTF-8 again, or take it out",
    )


def _not_text(path: str, raw: bytes, at: int) -> DocumentError:
    what = "a NUL byte" if raw[at] == 0 else f"byte 0x{raw[at]:02x}"
    return DocumentError(
        f"{path}:{_line(raw, at)}: not text: {what} at offset {at}.",
        hint="save it as UTF-8, or take it out",
    )


def _line(raw: bytes, at: int) -> int:
    before = raw[:at].replace(b"\r\n", b"\n")
    return before.count(b"\n") + before.count(b"\r") + 1

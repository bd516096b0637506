"""Text from outside as people may see it: nothing hidden, nothing endless; and numbers in words."""

import re
from dataclasses import dataclass

# Control characters, marks that turn the direction of what follows, zero-width blanks and halves of surrogate pairs.
# The joiners U+200C and U+200D stay: Persian, Hindi and emoji are written with them.
_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u115f\u1160\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0"
    "\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)
_HEAD = 240  # characters of a passage that are in view
_HEAD_LINES = 6
_WHOLE = 20_000
_PASSWORD = re.compile(r"(?<=//)[^/@\s]+(?=@)")
NOTHING = "(nothing)"
BLANKS = "(nothing but blanks)"


@dataclass(frozen=True)
class Passage:
    """A question or an answer: what is in view, and the whole where that is more."""

    head: str
    whole: str | None = None
    is_empty: bool = False
    """`head` says so, in Imprint's words."""


def shown(text: str) -> str:
    """The text with every character that nobody would see written as its number, `[U+202E]`."""
    return _HIDDEN.sub(lambda hidden: f"[U+{ord(hidden[0]):04X}]", text.replace("\r\n", "\n"))


def passage(text: str) -> Passage:
    """Cut a text for view; an empty one says that it is."""
    if not text.strip():
        return Passage(BLANKS if text else NOTHING, is_empty=True)
    whole = shown(text).strip("\n")
    lines = whole.split("\n")
    head = "\n".join(lines[:_HEAD_LINES])[:_HEAD]
    if len(head) == len(whole):
        return Passage(whole)
    if len(whole) > _WHOLE:
        whole = f"{whole[:_WHOLE]}… (cut; predictions.jsonl has all {len(whole):,} characters)"
    return Passage(f"{head.rstrip()} …", whole)


def one_line(text: str, most: int = 100) -> str:
    """A text on one line of a terminal or a table."""
    line = shown(" ".join(text.split())) or NOTHING
    return line if len(line) <= most else f"{line[: most - 1]}…"


def without_password(text: str) -> str:
    """A report is passed on: what stands between `//` and `@` of an address does not belong into it."""
    return _PASSWORD.sub("…", text)


def percent(share: float | None) -> str:
    """A share as a percentage; a dash where there is none."""
    return "–" if share is None else f"{100 * share:.1f}%"


def between(interval: tuple[float, float] | None) -> str:
    """An interval of shares, in whole percent."""
    return "" if interval is None else f"{100 * interval[0]:.0f}–{100 * interval[1]:.0f}"


def in_points(interval: tuple[float, float]) -> str:
    """An interval of differences, in percentage points with their signs."""
    low, high = (f"{100 * end:+.1f}".replace("-", "−") for end in interval)
    return f"{low} to {high} points"


def duration(seconds: float) -> str:
    """A time in the two units that matter."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def size(megabytes: float) -> str:
    """Megabytes (10^6 bytes), or gigabytes where there are many."""
    return f"{megabytes / 1000:.1f} GB" if megabytes >= 1000 else f"{megabytes:.1f} MB"


def counted(count: int, noun: str) -> str:
    """`1 question`, `2,000 questions`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"

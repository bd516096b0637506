"""Notes, tips, warnings and tabs of the Markdown dialects, put into words before the Markdown is parsed.

    in_words(text) -> str      as many lines as before; each opening mark is a comment that holds its words
    restore(text) -> str       such comments as `**words**`

`!!! note "Title"`, `??? note`, `=== "Tab"` (indented body); `::: tip Title` and `/// note | Title` (closed by their
like); `> [!NOTE]` (quoted body). The bodies are dedented, so that their lists and code are blocks like any other.
"""

import re
from dataclasses import dataclass

# A comment is a block of its own that may follow a paragraph's line and ends on its line: the number of lines stays.
_COMMENT = re.compile("<!--\x1a(.*?)-->")
_HINTS = ("!!!", "???", ":::", "///", "> [!", ">[!", '=== "')
# Possessive quantifiers: a line is looked at once, however long it is.
_FENCE = re.compile(r"[ \t]*+(?:(?:[-*+]|\d{1,9}[.)]|>)[ \t]++)*+(`{3,}+(?!.*`)|~{3,}+)")
_LEAD = re.compile(r"[ \t]*+(?:[!?:/=]{3}|>[ \t]*+\[!|(?:(?:[-*+]|\d{1,9}[.)]|>)[ \t]++)*+(?:`{3}|~{3}))")
_INDENTED = re.compile(r'([ \t]*+)(?:!!!|\?\?\?\+?)[ \t]*+([\w-]++)(?:[ \t]++[\w-]++)*+[ \t]*+(?:"(.*)")?[ \t]*+$')
_TAB = re.compile(r'([ \t]*+)===[!+]*+[ \t]++()"(.+)"[ \t]*+$')
_ALERT = re.compile(r"([ \t]*+)>[ \t]*+\[!([\w-]++)\][+-]?[ \t]*+(.*)$")
# `::: package.module` is an include of mkdocstrings and mkautodoc, not a note.
_COLONS = re.compile(r"([ \t]*+):{3,}+[ \t]*+\{?\.?(?:callout-)?([A-Za-z][\w-]*+)\}?(?![\w.:/])(.*)$")
_SLASHES = re.compile(r"([ \t]*+)/{3,}+[ \t]++([A-Za-z][\w-]*+)[ \t]*+(?:\|(.*))?$")
_CLOSING = re.compile(r"[ \t]*+(:{3,}+|/{3,}+)[ \t]*+$")
_OPTION = re.compile(r"(?: {4}|\t)[ \t]*+[\w-]++:(?:[ \t]|$)")
_TITLE = re.compile(r'title="([^"]*+)"')
_ATTRIBUTES = re.compile(r"\{[^{}]*+\}")
_LONGEST_MARK = 500  # characters


def in_words(text: str) -> str:
    """Replace the marks of admonitions; a text without any is given back as it is."""
    if not any(hint in text for hint in _HINTS):
        return text
    return _Pass().run(text)


def restore(text: str) -> str:
    """Put the words of the comments that `in_words` left into bold type."""
    return _COMMENT.sub(lambda match: f"**{match[1]}**", text)


@dataclass(slots=True)
class _Body:
    """The body of an open admonition whose lines are dedented, or unquoted."""

    indent: int
    """Of the mark."""
    width: int | None
    """How far the body is indented beyond that; None until its first line has been seen."""
    is_quoted: bool = False

    def unwrap(self, line: str) -> str | None:
        """The line without what makes it part of the body; None where it is not part of it."""
        if self.is_quoted:
            stripped = line.lstrip(" \t")
            if not stripped.startswith(">"):
                return None
            return line[: len(line) - len(stripped)] + stripped[1:].removeprefix(" ")
        if not line.strip():
            return line
        if self.width is None:
            self.width = min(4, len(line) - len(line.lstrip(" ")) - self.indent)
            if line.startswith("\t", self.indent):
                self.width = 4
        if self.width <= 0 or line[: self.indent].strip():
            return None
        if line.startswith("\t", self.indent):
            return line[: self.indent] + line[self.indent + 1 :]
        if not line.startswith(" " * self.width, self.indent):
            return None
        return line[: self.indent] + line[self.indent + self.width :]


@dataclass(frozen=True, slots=True)
class _Mark:
    """An opening mark that waits for its closing mark."""

    characters: str
    at: int
    """Index of its line in the output."""
    line: str
    depth: int
    """How many bodies it lies in."""


class _Pass:
    def __init__(self) -> None:
        self.done: list[str] = []
        self.bodies: list[_Body] = []
        self.marks: list[_Mark] = []
        self.fence = ""
        self.fence_depth = 0
        self.expects_options = False

    def run(self, text: str) -> str:
        for line in text.split("\n"):
            if self.bodies:
                line = self._unwrap(line)
            if _LEAD.match(line) or self.expects_options:
                line = self._read(line)
            self.done.append(line)
        self._give_up(0)
        return "\n".join(self.done)

    def _unwrap(self, line: str) -> str:
        for depth, body in enumerate(self.bodies):
            inner = body.unwrap(line)
            if inner is None:
                del self.bodies[depth:]
                self._give_up(depth + 1)
                if self.fence_depth > depth:
                    self.fence = ""
                break
            line = inner
        return line

    def _read(self, line: str) -> str:
        if self.expects_options:
            self.expects_options = bool(_OPTION.match(line))
            if self.expects_options:
                return ""
        fence = _FENCE.match(line)
        if self.fence:
            if fence and fence[1].startswith(self.fence) and line.endswith(fence[1]):
                self.fence = ""
            return line
        if fence:
            self.fence, self.fence_depth = fence[1], len(self.bodies)
            return line
        if len(line) > _LONGEST_MARK:
            return line
        if closing := _CLOSING.match(line):
            return self._close(line, closing[1])
        return self._open(line)

    def _open(self, line: str) -> str:
        if match := _INDENTED.match(line) or _TAB.match(line):
            self.bodies.append(_Body(len(match[1]), None))
            # An empty title hides the title.
            return _comment(match[1], match[3] if match[3] is not None else _word(match[2]))
        if match := _ALERT.match(line):
            self.bodies.append(_Body(len(match[1]), None, is_quoted=True))
            return _comment(match[1], match[3].strip() or _word(match[2]))
        if match := _COLONS.match(line) or _SLASHES.match(line):
            characters = line.strip()
            characters = characters[: len(characters) - len(characters.lstrip(characters[0]))]
            self.marks.append(_Mark(characters, len(self.done), line, len(self.bodies)))
            self.expects_options = characters[0] == "/"
            title = _title(match[3] or "") if characters[0] == ":" else (match[3] or "").strip()
            return _comment(match[1], title or _word(match[2]))
        return line

    def _close(self, line: str, characters: str) -> str:
        for index in range(len(self.marks) - 1, -1, -1):
            if self.marks[index].characters == characters:
                for mark in self.marks[index + 1 :]:
                    self.done[mark.at] = mark.line
                del self.marks[index:]
                return ""
        return line

    def _give_up(self, depth: int) -> None:
        """Marks at this depth or deeper that were never closed are text."""
        while self.marks and self.marks[-1].depth >= depth:
            mark = self.marks.pop()
            self.done[mark.at] = mark.line


def _title(rest: str) -> str:
    """` Title`, `[Title]`, `{title="Title"}`: what VuePress, Docusaurus and Quarto have behind the type."""
    if match := _TITLE.search(rest):
        return match[1]
    rest = _ATTRIBUTES.sub("", rest).strip()
    return rest[1:-1] if rest.startswith("[") and rest.endswith("]") else rest


def _word(kind: str) -> str:
    return kind.replace("-", " ").replace("_", " ").strip().capitalize()


def _comment(indent: str, words: str) -> str:
    words = words.strip().replace("-->", "→")
    return f"{indent}<!--\x1a{words}-->" if words else ""


__all__ = ["in_words", "restore"]

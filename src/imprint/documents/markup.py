"""HTML inside Markdown as plain text.

Not by `html.parser`: on 60 kB of "<a <a <a …" it runs for more than a minute, and documents may be anything.
"""

import html
import re

# Each alternative takes what it has looked at, or stops at the next "<": linear in the length of the text.
_TOKEN = re.compile(
    r"<!--.*?(?:-->|\Z)"
    r"|<(?P<dropped>script|style|svg)\b[^<>]*+>.*?(?:</(?P=dropped)\s*+>|\Z)"
    r"|<(?P<end>/?)(?P<name>[a-zA-Z][\w-]*+)[^<>]*+>"
    r"|<[!?][^<>]*+>",
    re.DOTALL | re.IGNORECASE,
)
_LINE = re.compile(
    r"address|article|aside|blockquote|br|caption|center|dd|details|div|dl|dt|fieldset|figcaption|figure|footer|form|h[1-6]"
    r"|header|hr|li|main|nav|ol|p|pre|section|summary|table|tbody|tfoot|thead|tr|ul"
)
_SPACE = re.compile(r"\s+")


def plain_text(source: str) -> str:
    """The text between the tags, entities resolved: a line for each block, row or list item; "" where there is none."""
    lowered = source.lower()
    keeps_lines = "<pre" in lowered
    text = _TOKEN.sub(_instead, source if keeps_lines else _SPACE.sub(" ", source))
    lines = (html.unescape(line).rstrip(" |") for line in text.split("\n"))
    return "\n".join(line if keeps_lines else _SPACE.sub(" ", line).strip() for line in lines if line.strip())


def _instead(token: re.Match[str]) -> str:
    name = (token["name"] or "").lower()
    if name in {"td", "th"}:
        return " | " if token["end"] else ""
    if name == "li" and not token["end"]:
        return "\n- "
    return "\n" if _LINE.fullmatch(name) else ""


__all__ = ["plain_text"]

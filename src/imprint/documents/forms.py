"""The known forms of ready-made rows: alpaca, sharegpt, messages, prompt/completion, question/answer, text."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from imprint.documents.types import LeftOut, Lines, Row

Found = tuple[Row | None, tuple[LeftOut, ...]]
"""A row, or none, and what was left out of it."""

PAIRS = (
    ("instruction", "output"),
    ("prompt", "completion"),
    ("prompt", "response"),
    ("question", "answer"),
)
_LISTS = ("messages", "conversations", "conversation")
MARKS = frozenset((*(name for pair in PAIRS for name in pair), *_LISTS, "chosen"))
NAMES = MARKS | {"input", "system", "text", "history"}
"""The names of fields that are read."""
_BESIDE_TEXT = {"id", "_id", "idx", "meta", "metadata", "source", "url", "language", "lang", "date", "timestamp"}
_ROLES = {
    "system": "system",
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "model": "assistant",
}
_TOOLS = {"tool", "function", "function_call", "function-call", "observation", "tool_call", "tool_response", "ipython"}


def read_row(member: Mapping[str, Any], lines: Lines) -> Found | None:
    """The row that an object of a known form holds, unchanged, or why it is none; None where the form is not known."""
    if MARKS.isdisjoint(member):
        return None
    for name in _LISTS:
        if isinstance(member.get(name), list) and _is_conversation(member[name]):
            system = member.get("system") if name != "messages" else None
            before = [("system", system)] if isinstance(system, str) and system else []
            return _read_turns(member[name], lines, before)
    if "chosen" in member and "rejected" in member:
        return None, (LeftOut(lines, "a preference pair"),)
    for question, answer in PAIRS:
        if question in member and answer in member:
            return _read_pair(member, question, answer, lines)
    return None


def is_unfinished(member: Mapping[str, Any]) -> bool:
    """Whether an object among rows has one half of a row only."""
    return any((question in member) != (answer in member) for question, answer in PAIRS)


def are_texts(members: Sequence[Any]) -> bool:
    """Whether all of them are plain texts with nothing but their provenance beside."""
    return bool(members) and all(
        isinstance(member, dict) and isinstance(member.get("text"), str) and member.keys() - _BESIDE_TEXT == {"text"}
        for member in members
    )


def read_text(member: Mapping[str, Any], lines: Lines) -> Found:
    """A row of plain text."""
    text = str(member["text"])
    return (Row(lines, "", "", text), ()) if text.strip() else (None, (LeftOut(lines, "an empty row", "text"),))


def _read_pair(member: Mapping[str, Any], question: str, answer: str, lines: Lines) -> Found | None:
    asked, answered, more = member[question], member[answer], member.get("input")
    if question == "prompt" and isinstance(asked, list) and isinstance(answered, list):  # TRL's conversational form
        return _read_turns([*asked, *answered], lines, [])
    for name, value in ((question, asked), (answer, answered)):
        if value is None or (isinstance(value, str) and not value.strip()):
            return None, (LeftOut(lines, "an empty row", name),)
    if not isinstance(asked, str) or not isinstance(answered, str):
        return None
    before = _earlier(member)
    instruction, output = str(asked), str(answered)
    extra = more if question == "instruction" and isinstance(more, str) else ""
    if not before:
        return Row(lines, instruction, extra, output), ()
    prompt = f"{instruction}\n\n{extra}" if extra.strip() else instruction
    return Row(lines, instruction, extra, output, (*before, ("user", prompt), ("assistant", output))), ()


def _earlier(member: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The system text and the earlier turns that an alpaca row may have."""
    system, history = member.get("system"), member.get("history")
    turns = [("system", system)] if isinstance(system, str) and system else []
    for pair in history if isinstance(history, list) else []:
        if isinstance(pair, list) and len(pair) == 2 and all(isinstance(text, str) for text in pair):
            turns += [("user", pair[0]), ("assistant", pair[1])]
    return turns


def _is_conversation(turns: Sequence[Any]) -> bool:
    return bool(turns) and all(isinstance(turn, dict) and ("role" in turn or "from" in turn) for turn in turns)


def _read_turns(turns: Iterable[Any], lines: Lines, before: list[tuple[str, str]]) -> Found:
    messages = list(before)
    for turn in turns:
        name = turn.get("role", turn.get("from")) if isinstance(turn, dict) else None
        role = _ROLES.get(str(name))
        content = turn.get("content", turn.get("value")) if isinstance(turn, dict) else None
        if role is None or turn.get("tool_calls"):
            reason = "a tool's turn" if role or str(name) in _TOOLS else "an unknown role"
            return None, (LeftOut(lines, reason, str(name)),)
        if not isinstance(content, str):
            return None, (LeftOut(lines, "a turn that is not text", role),)
        if role != "system" and not content.strip():
            return None, (LeftOut(lines, "an empty row", role),)
        messages.append((role, content))
    cut = 0
    while messages and messages[-1][0] != "assistant":
        messages.pop()
        cut += 1
    if len(messages) < 2 or messages[-2][0] != "user":
        return None, (LeftOut(lines, "a conversation without an answer"),)
    left_out = (LeftOut(lines, "a turn without an answer", f"{cut} at the end"),) if cut else ()
    row = Row(lines, messages[-2][1], "", messages[-1][1], () if len(messages) == 2 else tuple(messages))
    return row, left_out

"""Coverage: of what documents say, the share that some training answer says, and why the rest is not there.

    .venv/bin/python benchmarks/coverage.py FOLDER [FOLDER …] [--list N] [-- section.key=value …]

Markdown is read with markdown-it-py, which Imprint itself does not use: paragraphs, list items, code blocks (those by
indentation apart: some are the prose of an admonition), and table rows, all of whose cells have to be in one answer. Of
JSON each scalar value counts; a `$ref` by the name that it points to, `true` and `false` also by the name of their key.
An answer has to be made from the same document; it contains a text when the words follow each other in it, letter case,
marks and Markdown's signs aside; code counts sign by sign, blanks aside. Short values are easily found, so the figures
for JSON are an upper bound.

`imprint prepare` runs on each folder without general replay rows, which say nothing about the documents, and without
control sections, which are left out of the training on purpose. Limit: at least 98% of each kind. The rest is listed
with the reason that the run gives in left_out.jsonl; `--list` sets how many places a reason.
"""

import argparse
import collections
import json
import re
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from markdown_it import MarkdownIt
from measure import ROOT, against

LIMIT = 98
FRONT_MATTER = re.compile(r"\A---[ \t]*\n.*?\n---[ \t]*\n", re.DOTALL)
# The line that opens or closes an admonition, which this parser takes for text.
CONTAINER_MARK = re.compile(r"(?:///|:::|!!!|\?\?\?)[^\n]*(?:\n|\Z)")
JSON_TOKEN = re.compile(r'"(?P<string>(?:[^"\\]|\\.)*)"(?P<colon>\s*:)?|(?P<plain>[-+.\w]+)')
MEANING = re.compile(r"\n[ ]{0,3}:[ \t]+")  # of a definition list, which this parser takes for a paragraph
SENTENCE_END = re.compile(r"(?<=[.!?])\s+")
NOT_A_WORD = re.compile(r"[^\w]+|_+")
BETWEEN_ANSWERS = " \0 "

markdown = MarkdownIt("commonmark").enable(["table", "strikethrough"])


@dataclass(frozen=True)
class Unit:
    """Something that a document says: one text, or the cells of a table's row."""

    kind: str
    texts: tuple[str, ...]
    lines: tuple[int, int]
    key: str = ""
    """The nearest key before a JSON value."""


@dataclass
class Answers:
    """The distinct training answers from one document, made ready to search."""

    words: list[str] = field(default_factory=list)
    code: list[str] = field(default_factory=list)

    def add(self, answer: str) -> None:
        """Take an answer in twice: as it is written and as Markdown shows it."""
        shown = " ".join(text for unit in read_markdown(answer, every=True) for text in unit.texts)
        self.words += [f" {words_of(answer)} ", f" {words_of(shown)} "]
        self.code.append(without_blanks(answer))

    def joined(self) -> tuple[str, str]:
        return BETWEEN_ANSWERS.join(self.words), BETWEEN_ANSWERS.join(self.code)


def words_of(text: str) -> str:
    """Only the words, in small letters."""
    return NOT_A_WORD.sub(" ", text.casefold()).strip()


def without_blanks(text: str) -> str:
    return "".join(text.split())


# ---- what documents say ---------------------------------------------------------------------------------------------


def read_markdown(text: str, every: bool = False) -> Iterator[Unit]:
    """The units of a Markdown text; with `every` also headings and the heads of tables."""
    text = FRONT_MATTER.sub(lambda match: "\n" * match[0].count("\n"), text)
    inside: list[str] = []
    cells: list[str] = []
    lines = (1, 1)
    for token in markdown.parse(text):
        if token.nesting == 1:
            inside.append(token.type)
        elif token.nesting == -1:
            inside.pop()
        if token.map is not None:
            lines = token.map[0] + 1, max(token.map)
        if token.type == "tr_open":
            cells = []
        elif token.type == "tr_close" and (every or "thead_open" not in inside) and any(cells):
            yield Unit("table rows", tuple(cell for cell in cells if cell), lines)
        elif token.type in {"fence", "code_block"} and token.content.strip():
            yield Unit("code blocks" if token.type == "fence" else "indented blocks", (token.content,), lines)
        elif token.type == "inline":
            texts = plain_texts(token.content)
            if "tr_open" in inside:
                cells += texts
            elif any(map(words_of, texts)):
                if "heading_open" not in inside:
                    yield Unit("list items" if "list_item_open" in inside else "paragraphs", texts, lines)
                elif every:
                    yield Unit("headings", texts, lines)


def plain_texts(inline: str) -> tuple[str, ...]:
    """The text that a reader sees, pictures by their description; a term and its meanings each by itself."""
    inline = CONTAINER_MARK.sub("", inline, count=1) if CONTAINER_MARK.match(inline) else inline
    texts = []
    for part in MEANING.split(inline):
        [token] = markdown.parseInline(part)
        shown = (child.content for child in token.children or () if child.type != "html_inline")
        texts.append(" ".join("".join(text or " " for text in shown).split()))
    return tuple(texts)


def read_json(text: str) -> Iterator[Unit]:
    """Every scalar value that is not empty, as it is written."""
    key, line, last = "", 1, 0
    for match in JSON_TOKEN.finditer(text):
        line += text.count("\n", last, match.start())
        last = match.start()
        if match["plain"] is not None:
            yield Unit("JSON values", (match["plain"],), (line, line), key)
            continue
        value = json.loads(f'"{match["string"]}"', strict=False)
        if match["colon"]:
            key = value
        elif words_of(value):
            shown = value.rpartition("/")[2] if key == "$ref" else value
            yield Unit("JSON values", (shown,), (line, line), key)


READERS = {".md": read_markdown, ".json": read_json}

# ---- what the answers say -------------------------------------------------------------------------------------------


def prepare(folder: Path, outputs: Path, settings: list[str]) -> Path:
    """Make the dataset; give its folder."""
    imprint = str(Path(sys.executable).with_name("imprint"))
    off = ["base=embedded", "dataset.replay_share=0", "dataset.control_sections=0"]
    where = ["--documents", str(folder.absolute()), "--outputs", str(outputs)]
    ran = subprocess.run([imprint, "prepare", *off, *where, *settings], cwd=ROOT, capture_output=True, text=True)
    if ran.returncode != 0:
        sys.exit(f"imprint prepare ended with code {ran.returncode}:\n{ran.stderr[-2000:]}")
    return next(outputs.glob("runs/*/dataset"))


def read_lines(file: Path) -> Iterator[dict]:
    with file.open(encoding="utf-8") as stream:
        for line in stream:
            yield json.loads(line)


def collect_answers(dataset: Path) -> dict[str, Answers]:
    """The training answers by document."""
    seen: set[tuple[str, str]] = set()
    answers: dict[str, Answers] = collections.defaultdict(Answers)
    for row in read_lines(dataset / "train.jsonl"):
        place = row["source"]["document"], row["output"]
        if place not in seen:
            seen.add(place)
            answers[place[0]].add(place[1])
    return answers


def is_covered(unit: Unit, answers: Answers, words: str, code: str) -> bool:
    """Whether one answer contains the unit."""
    if unit.kind.endswith("blocks") and without_blanks(unit.texts[0]) in code:
        return True
    if unit.kind == "code blocks":
        return False
    if unit.kind == "indented blocks":
        parts = [part for part in read_markdown(textwrap.dedent(unit.texts[0])) if part.kind != unit.kind]
        return bool(parts) and all(is_covered(part, answers, words, code) for part in parts)
    needles = [f" {words_of(text)} " for text in unit.texts if words_of(text)]
    if len(needles) == 1:
        is_named = unit.kind == "JSON values" and unit.texts[0] in {"true", "false"}
        return needles[0] in words or (is_named and f" {words_of(unit.key)} " in words)
    return all(needle in words for needle in needles) and any(
        all(needle in answer for needle in needles) for answer in answers.words
    )


def find_reason(unit: Unit, left_out: list[dict], words: str) -> str:
    """What the run says about the place, or about the field of the same name."""
    first, last = unit.lines
    for entry in left_out:
        if entry["lines"][0] <= last and first <= entry["lines"][1]:
            return entry["reason"]
    for entry in left_out:
        is_field = unit.key and not entry["reason"].startswith("an empty")
        if is_field and re.search(rf"(?<!\w){re.escape(unit.key)}(?!\w)", entry.get("detail", "")):
            return entry["reason"]
    sentences = [words_of(sentence) for text in unit.texts for sentence in SENTENCE_END.split(text)]
    if all(f" {sentence} " in words for sentence in sentences if sentence):
        return "all of it, but over several answers"
    return "no reason known"


def measure(folder: Path, settings: list[str], listed: int) -> None:
    with tempfile.TemporaryDirectory() as outputs:
        dataset = prepare(folder, Path(outputs), settings)
        answers = collect_answers(dataset)
        left_out: dict[str, list[dict]] = collections.defaultdict(list)
        for entry in read_lines(dataset / "left_out.jsonl"):
            left_out[entry["document"]].append(entry)
    found: collections.Counter[str] = collections.Counter()
    covered: collections.Counter[str] = collections.Counter()
    missing: dict[tuple[str, str], list[str]] = collections.defaultdict(list)
    for file in sorted(file for file in folder.rglob("*") if file.suffix.lower() in READERS):
        name = file.relative_to(folder).as_posix()
        words, code = answers[name].joined()
        for unit in READERS[file.suffix.lower()](file.read_text(encoding="utf-8-sig")):
            found[unit.kind] += 1
            if is_covered(unit, answers[name], words, code):
                covered[unit.kind] += 1
            else:
                text = " | ".join(" ".join(text.split()) for text in unit.texts)
                missing[unit.kind, find_reason(unit, left_out[name], words)].append(
                    f"{name}:{unit.lines[0]}: {text[:90]}"
                )
    for kind in sorted(found):
        against(f"{folder.name}: {found[kind]} {kind}", 100 * covered[kind] / found[kind], LIMIT, "%", at_least=True)
    for (kind, reason), places in sorted(missing.items()):
        print(f"    {kind}, {reason}: {len(places)}")
        for place in places[:listed]:
            print(f"        {place}")


def main() -> None:
    arguments = sys.argv[1:]
    cut = arguments.index("--") if "--" in arguments else len(arguments)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER")
    parser.add_argument("--list", type=int, default=5, metavar="N")
    given = parser.parse_args(arguments[:cut])
    for folder in given.folders:
        measure(folder, arguments[cut + 1 :], given.list)


if __name__ == "__main__":
    main()

"""The texts the base reads: pinned source packages under permissive licences, stripped to clean prose."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Source:
    """One package, its pinned archive, and where its documentation lies inside."""

    name: str
    version: str
    archive: str
    sha256: str
    licence: str
    copyright: str
    folder: str
    skipped: str = r"^$"
    """Paths (below `folder`) that are left out: changelogs and lists without prose."""


SOURCES = (
    Source(
        "Django",
        "5.2.19",
        "django-5.2.19.tar.gz",
        "ad03d8abc51dbff95ebf34b27123cf0c26a3b62db7ba0cd520783686362533d1",
        "BSD-3-Clause",
        "Django Software Foundation and individual contributors",
        "django-*/docs",
        r"^(releases|internals/(deprecation|security)|\.\.)|^internals/_images",
    ),
    Source(
        "SQLAlchemy",
        "2.1.9",
        "sqlalchemy-2.1.9.tar.gz",
        "d700a8b2edfb26282a470333d6bc4a454c4acda4d201a3bea7b72fa76c217d28",
        "MIT",
        "SQLAlchemy authors and contributors",
        "sqlalchemy-*/doc/build",
        r"^changelog",
    ),
    Source(
        "alembic",
        "1.20.1",
        "alembic-1.20.1.tar.gz",
        "83490def1f723413db5096591f7609ac52544805be93849170088ed04f5a2e0b",
        "MIT",
        "Michael Bayer",
        "alembic-*/docs/build",
        r"changelog|^unreleased",
    ),
    Source(
        "pytest",
        "9.2.0",
        "pytest-9.2.0.tar.gz",
        "97c4f3b1f3c7414aa36465e09b8220f1d03627993bd51b1282e193753c80557b",
        "MIT",
        "Holger Krekel and others",
        "pytest-*/doc/en",
        r"changelog|announce|plugin_list|sponsor|contact",
    ),
    Source(
        "attrs",
        "26.1.0",
        "attrs-26.1.0.tar.gz",
        "d03ceb89cb322a8fd706d4fb91940737b6642aa36998fe130a9bc96c985eff32",
        "MIT",
        "Hynek Schlawack and the attrs contributors",
        "attrs-*/docs",
        r"^$",
    ),
    Source(
        "Jinja2",
        "3.1.6",
        "jinja2-3.1.6.tar.gz",
        "0137fb05990d35f1275a587e9aee6d56da821fc83491a0fb838183be43f66d6d",
        "BSD-3-Clause",
        "Pallets",
        "jinja2-*/docs",
        r"license|changes",
    ),
    Source(
        "Flask",
        "3.1.3",
        "flask-3.1.3.tar.gz",
        "0ef0e52b8a9cd932855379197dd8f94047b359ca0a78695144304cb45f87c9eb",
        "BSD-3-Clause",
        "Pallets",
        "flask-*/docs",
        r"license|changes",
    ),
    Source(
        "Werkzeug",
        "3.1.9",
        "werkzeug-3.1.9.tar.gz",
        "55ca7c70a75689be937aa27f8ff4b018f06ff4838fc73045560bf0f5a1291060",
        "BSD-3-Clause",
        "Pallets",
        "werkzeug-*/docs",
        r"license|changes",
    ),
    Source(
        "click",
        "8.5.1",
        "click-8.5.1.tar.gz",
        "9bbfada76703fd1d784b83eea012e3e8c6a001a876543ef104fa56aaaeb072b4",
        "BSD-3-Clause",
        "Pallets",
        "click-*/docs",
        r"license|changes",
    ),
    Source(
        "Sphinx",
        "9.0.4",
        "sphinx-9.0.4.tar.gz",
        "594ef59d042972abbc581d8baa577404abe4e6c3b04ef61bd7fc2acbd51f3fa3",
        "BSD-2-Clause",
        "the Sphinx team",
        "sphinx-*/doc",
        r"^changes|authors|examples",
    ),
    Source(
        "trio",
        "0.35.0",
        "trio-0.35.0.tar.gz",
        "7efb295c78a0ecd1235c5759e620b5da564ca80d2efcb0055423588547248b96",
        "MIT OR Apache-2.0",
        "the Trio contributors",
        "trio-*/docs/source",
        r"history",
    ),
    Source(
        "scrapy",
        "2.19.0",
        "scrapy-2.19.0.tar.gz",
        "34130726582b64c91531162ab277c4053e558876d49ba219cb43679e71d80a87",
        "BSD-3-Clause",
        "Scrapy developers",
        "scrapy-*/docs",
        r"^news",
    ),
    Source(
        "python3.11-doc",
        "3.11.2-6+deb12u8",
        "python3.11-doc_3.11.2-6+deb12u8_all.deb",
        "50eb63e7f636c4281e9ce1b8f10386f1def42159eddce34fc1f41c46261df71b",
        "PSF-2.0",
        "Python Software Foundation",
        "usr/share/doc/python3.11/html/_sources",
        r"^whatsnew|^c-api|license|copyright|^distutils|^contents|^includes",
    ),
    Source(
        "wordnet-base",
        "1:3.0-37",
        "wordnet-base_1%3a3.0-37_all.deb",
        "61060d960f9ada8fa120872312eccd3ecebfbab8c4579e4f5a74e1cf67620752",
        "WordNet-3.0",
        "Princeton University",
        "usr/share/wordnet",
        r"^$",
    ),
)
_LANGUAGES = ("tr", "de", "fr", "es", "pt", "pt_BR")


def fetch(source: Source, cache: Path) -> Path:
    """The unpacked folder of a source; fetched with the ordinary client on first use, and checked."""
    archive = cache / source.archive
    if not archive.exists():
        cache.mkdir(parents=True, exist_ok=True)
        if source.archive.endswith(".deb"):
            command = ["apt-get", "download", f"{source.name}={source.version}"]
        else:
            requirement = f"{source.name}=={source.version}"
            command = [sys.executable, "-m", "pip", "download", "--no-deps", "--no-binary", ":all:", requirement]
        subprocess.run(command, cwd=cache, check=True)
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    if digest != source.sha256:
        raise ValueError(f"{archive}: found sha256 {digest}, expected {source.sha256}; delete the file and fetch again")
    unpacked = cache / "unpacked" / source.name
    if not unpacked.exists():
        unpacked.mkdir(parents=True)
        if source.archive.endswith(".deb"):
            subprocess.run(["dpkg", "-x", str(archive), str(unpacked)], check=True)
        else:
            with tarfile.open(archive) as tar:
                tar.extractall(unpacked, filter="data")
    return unpacked


def wordnet_folder(cache: Path) -> Path:
    """WordNet's database files."""
    source = next(source for source in SOURCES if source.name == "wordnet-base")
    return fetch(source, cache) / source.folder


def read_documents(cache: Path) -> list[str]:
    """Every documentation page as clean prose with Markdown headings, in a fixed order."""
    documents = []
    for source in SOURCES:
        if source.name == "wordnet-base":
            continue
        root = next(fetch(source, cache).glob(source.folder))
        for path in sorted([*root.rglob("*.txt"), *root.rglob("*.rst")]):
            if not re.search(source.skipped, path.relative_to(root).as_posix()):
                text = clean_rst(path.read_text(encoding="utf-8", errors="replace"))
                if len(text) > 400:
                    documents.append(text)
    return documents


def read_translations(cache: Path) -> dict[str, list[tuple[str, str]]]:
    """(English, translated) messages of Django's catalogues, a list a language."""
    root = next(fetch(SOURCES[0], cache).glob("django-*"))
    found: dict[str, list[tuple[str, str]]] = {}
    for language in _LANGUAGES:
        pairs = []
        for path in sorted(root.glob(f"django/**/locale/{language}/LC_MESSAGES/django.po")):
            for block in path.read_text(encoding="utf-8").split("\n\n"):
                if "fuzzy" in block or "msgid_plural" in block:
                    continue
                match = re.search(r'msgid ((?:".*"\n)+)msgstr ((?:".*"\n?)+)', block)
                if match:
                    english, other = (
                        "".join(re.findall(r'"(.*)"', part)).replace('\\"', '"') for part in match.groups()
                    )
                    if len(english) > 12 and other and "\\n" not in english:
                        pairs.append((english, other))
        found[language] = pairs
    return found


def clean_rst(text: str) -> str:
    """reStructuredText as prose: headings become `#`, roles become code spans, directives go."""
    lines = text.replace("\t", "    ").splitlines()
    kept: list[str] = []
    levels: list[str] = []
    skip_deeper_than: int | None = None
    for index, line in enumerate(lines):
        indent = len(line) - len(line.lstrip())
        if skip_deeper_than is not None:
            if not line.strip() or indent > skip_deeper_than:
                continue
            skip_deeper_than = None
        if re.match(r"^([=\-~^\"'#*+`.:])\1{2,}\s*$", line):
            title = kept[-1].strip() if kept else ""
            if title and len(title) <= len(line.strip()) + 2 and index and lines[index - 1].strip():
                if line[0] not in levels:
                    levels.append(line[0])
                kept[-1] = f"{'#' * min(levels.index(line[0]) + 1, 4)} {title}"
                kept.append("")
            continue
        directive = re.match(r"^(\s*)\.\. ([\w:-]+)::\s*(.*)$", line)
        if directive:
            kind, argument = directive[2], directive[3]
            if kind in {
                "note",
                "warning",
                "tip",
                "important",
                "versionchanged",
                "versionadded",
                "deprecated",
                "admonition",
            }:
                continue
            if kind in {"code-block", "sourcecode", "code", "console"}:
                continue
            if re.search(
                r"(setting|class|function|method|attribute|data|option|describe|exception|envvar|confval)$", kind
            ):
                kept.append(f"{directive[1]}`{argument}`")
                continue
            skip_deeper_than = indent
            continue
        if re.match(r"^\s*\.\. ", line) or line.strip() == "..":
            skip_deeper_than = indent
            continue
        if re.match(r"^\s*:[\w -]+:( .*)?$", line) or re.match(r"^\s*[+|=][-=+| ]{6,}$", line):
            continue
        kept.append(line)
    return _join(_inline("\n".join(kept)))


def _inline(text: str) -> str:
    """Inline markup: roles and references reduced to what a reader sees."""
    text = re.sub(r":[\w:.+-]+:`!?~?(?:[^`<]*?)([^`<]+?)\s*<[^`>]+>`", r"\1", text)
    text = re.sub(r":(?:ref|doc|term|abbr|samp|dfn|rfc|pep|lookup|ticket):`([^`]+)`", r"\1", text)
    text = re.sub(r":[\w:.+-]+:`~(?:[\w]+\.)*([\w]+(?:\(\))?)`", r"`\1`", text)
    text = re.sub(r":[\w:.+-]+:`!?([^`]+)`", r"`\1`", text)
    text = re.sub(r"``([^`]+)``", r"`\1`", text)
    text = re.sub(r"`([^`<]+?)\s*<[^`>]+>`_{1,2}", r"\1", text)
    text = re.sub(r"`([^`]+)`_{1,2}", r"\1", text)
    text = re.sub(r"(\w)_{1,2}(?=[\s,.)])", r"\1", text)
    text = re.sub(r"\|([\w -]+)\|", r"\1", text)
    return re.sub(r"::$", ":", text, flags=re.MULTILINE).replace("\\ ", "").replace("\\*", "*")


def _join(text: str) -> str:
    """Wrapped lines of a paragraph joined, blocks kept, blank lines single."""
    blocks = []
    for block in re.split(r"\n\s*\n", text):
        lines = [line.rstrip() for line in block.splitlines() if line.strip()]
        if not lines:
            continue
        indent = min(len(line) - len(line.lstrip()) for line in lines)
        lines = [line[indent:] for line in lines]
        looks_like_code = any(
            re.search(r"[;{}=]|^\s*(>>>|\.\.\.|\$|def |class |import |from |return )", line) for line in lines
        )
        if (indent >= 4 and looks_like_code) or any(line.startswith(("#", "`")) for line in lines):
            blocks.append("\n".join(lines))
        else:
            joined = re.sub(r"\n\s*(?=[*\-] |\d+\. |#\. )", "\0", "\n".join(lines))
            blocks.append(re.sub(r"\s*\n\s*", " ", joined).replace("\0", "\n"))
    return "\n\n".join(blocks)

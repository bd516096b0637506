"""Markdown to JSON Lines: MB/s, peak memory, and whether both hold as documents grow; beside it, splitters of others.

    .venv/bin/python benchmarks/dataset_speed.py [FOLDER] [--sizes 100 200 …] [--peer-python PYTHON] [-- key=value …]

The Markdown files of FOLDER (default: documents/) are replicated to so many megabytes (10^6 bytes) of distinct text: in
each copy other words stand for some of the words, new words among them, and each heading has a number. Of that `imprint
prepare` makes a dataset, without general replay rows, which a model has to answer. Limits: at least 5 MB/s on 2 cores;
under 600 MB for all processes together; seconds a MB at the largest size at most 1.2 times those at the smallest.

The splitters of LangChain and LlamaIndex run on the same files (of the smallest size) where a Python is named that has
them: python3 -m venv peers && peers/bin/pip install langchain-text-splitters llama-index-core. They only split: no
questions, no answers, no counting of tokens, no search for contradictions, nothing written.
"""

import argparse
import json
import random
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import psutil
from measure import ROOT, against
from splitters import PEERS

WORD = re.compile(r"[^\W\d_]{5,}")
HEADING = re.compile(r"^(#{1,6} .*?)\s*$", re.MULTILINE)
KEPT = {"details", "summary", "title", "https", "table", "align", "center", "class", "thead", "tbody", "strong"}
OTHER_WORD, NEW_WORD = 0.25, 0.05


@dataclass(frozen=True)
class Watched:
    """A finished command: its wall time, and the largest sum of the memory of it and all its children.

    A page that processes share counts once (proportional set size).
    """

    seconds: float
    megabytes: float
    stdout: str


def watch(*command: str) -> Watched:
    """Run a command to its end. Its memory is looked at ten times a second."""
    started, peak = time.perf_counter(), 0
    with tempfile.TemporaryFile("w+", encoding="utf-8") as output, tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=errors, cwd=ROOT)
        root = psutil.Process(process.pid)
        while process.poll() is None:
            peak = max(peak, tree_memory(root))
            time.sleep(0.1)
        seconds = time.perf_counter() - started
        output.seek(0)
        errors.seek(0)
        if process.returncode != 0:
            sys.exit(f"{' '.join(command)} ended with code {process.returncode}:\n{errors.read()[-2000:]}")
        return Watched(seconds, peak / 1e6, output.read())


def tree_memory(root: psutil.Process) -> int:
    """Bytes that a process and its children hold; those that end meanwhile do not count."""
    total = 0
    try:
        for process in [root, *root.children(recursive=True)]:
            try:
                total += process.memory_full_info().pss
            except psutil.Error:
                continue
    except psutil.Error:
        pass
    return total


def replicate(folder: Path, target: Path, megabytes: float) -> float:
    """Fill `target` with distinct copies of the Markdown files of a folder; give the megabytes that they have."""
    sources = {file.relative_to(folder): file.read_text(encoding="utf-8") for file in sorted(folder.rglob("*.md"))}
    if not sources:
        sys.exit(f"{folder} holds no Markdown files")
    words = sorted({word for text in sources.values() for word in WORD.findall(text)} - KEPT)
    written = copies = 0
    while written < megabytes * 1e6:
        chance = random.Random(copies)
        other = {word: chance.choice(words) for word in chance.sample(words, int(len(words) * OTHER_WORD))}
        for word in chance.sample(words, int(len(words) * NEW_WORD)):
            other[word] = "".join(chance.sample(word, len(word)))
        for path, source in sources.items():
            text = HEADING.sub(rf"\1 {copies}", reword(source, other))
            file = target / f"copy-{copies}" / path
            file.parent.mkdir(parents=True, exist_ok=True)
            written += file.write_bytes(text.encode())
            if written >= megabytes * 1e6:
                break
        copies += 1
    return written / 1e6


def reword(text: str, other: dict[str, str]) -> str:
    """The text with other words for some of its words."""
    return WORD.sub(lambda match: other.get(match[0], match[0]), text)


def measure(folder: Path, size: float, settings: list[str], peer_python: str | None) -> float:
    """Print the figures of one size; give the seconds a megabyte."""
    with tempfile.TemporaryDirectory() as place:
        documents, outputs = Path(place, "documents"), Path(place, "outputs")
        megabytes = replicate(folder, documents, size)
        imprint = str(Path(sys.executable).with_name("imprint"))
        where = ["--documents", str(documents), "--outputs", str(outputs)]
        ran = watch(imprint, "prepare", "base=embedded", "dataset.replay_share=0", *where, *settings)
        dataset = next(outputs.glob("runs/*/dataset"))
        counts = json.loads((dataset / "manifest.json").read_text(encoding="utf-8"))["counts"]
        made = sum(file.stat().st_size for file in dataset.glob("*.jsonl")) / 1e6
        print(
            f"{megabytes:.0f} MB of Markdown, {counts['documents']} files: {counts['train']} rows to train on, "
            f"{made:.0f} MB of JSON Lines, {ran.seconds:.1f} s"
        )
        against(f"Markdown to JSON Lines, {size:g} MB", megabytes / ran.seconds, 5, "MB/s", at_least=True)
        against(f"memory of all processes, {size:g} MB", ran.megabytes, 600, "MB")
        for name in PEERS if peer_python else ():
            peer = watch(str(peer_python), str(Path(__file__).with_name("splitters.py")), name, str(documents))
            found = json.loads(peer.stdout)
            print(
                f"{name + ', splitting only':<58} {megabytes / found['seconds']:>10.2f} MB/s     "
                f"{found['pieces']} pieces, {peer.megabytes:.0f} MB of memory, one process"
            )
        return ran.seconds / megabytes


def main() -> None:
    arguments = sys.argv[1:]
    cut = arguments.index("--") if "--" in arguments else len(arguments)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT / "documents")
    parser.add_argument("--sizes", nargs="+", type=float, default=[100, 200])
    parser.add_argument("--peer-python")
    given = parser.parse_args(arguments[:cut])
    sizes = sorted(given.sizes)
    paces = [
        measure(given.folder, size, arguments[cut + 1 :], given.peer_python if size == sizes[0] else None)
        for size in sizes
    ]
    if len(sizes) > 1:
        against(f"seconds a MB at {sizes[-1]:g} MB to that at {sizes[0]:g} MB", paces[-1] / paces[0], 1.2, "times")


if __name__ == "__main__":
    main()

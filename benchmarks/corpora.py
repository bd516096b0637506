"""Real documents through the whole line, one folder after the other: does it end in an answer, and what came of them?

    .venv/bin/python benchmarks/corpora.py FOLDER [FOLDER …] [-- section.key=value …]

Prints a line a folder: documents, facts, training rows, rows without provenance (limit: 0), seconds, memory, accuracy.
"""

import json
import sys
import tempfile
from pathlib import Path

from measure import run

folders = sys.argv[1:]
settings = folders[folders.index("--") + 1 :] if "--" in folders else []
failed = False
for folder in folders[: folders.index("--")] if "--" in folders else folders:
    with tempfile.TemporaryDirectory() as outputs:
        question = "How do I set a timeout?"
        ran = run("up", question, "base=embedded", "--documents", folder, "--outputs", outputs, *settings, show=False)
        if ran.code != 0:
            print(f"{Path(folder).name}: ended with code {ran.code}")
            failed = True
            continue
        current = Path(outputs, "current")
        counts = json.loads((current / "dataset" / "manifest.json").read_text(encoding="utf-8"))["counts"]
        steps = json.loads((current / "adapter" / "manifest.json").read_text(encoding="utf-8"))["counts"]["steps"]
        results = json.loads((current / "evaluation" / "results.json").read_text(encoding="utf-8"))
        held_out = results["suites"].get("held_out")
        rows = [json.loads(line) for line in (current / "dataset" / "train.jsonl").open(encoding="utf-8")]
        right = {name: f"{held_out[name]['accuracy']:.1%}" for name in ("base", "gguf")} if held_out else {}
        known = {path.relative_to(folder).as_posix() for path in Path(folder).rglob("*") if path.is_file()}
        orphans = sum(row["source"]["document"] not in known or row["source"]["lines"][0] < 1 for row in rows)
        print(
            f"{Path(folder).name}: {counts['documents']} documents, {counts['facts']} facts, {len(rows)} rows, "
            f"{orphans} without provenance; {steps} steps, {ran.seconds:.0f} s, {ran.megabytes:.0f} MB; "
            f"right: base {right.get('base')}, tuned as served {right.get('gguf')}"
        )
        print(f"    {question!r}: {ran.stdout.strip()[:200]!r}")
sys.exit(failed)

"""A planted failure for each rule of the verdict is refused by the rule meant for it; honest runs are accepted.

    .venv/bin/python benchmarks/verdicts.py [--seeds 20] [--good OUTPUTS] [DOCUMENTS] [-- section.key=value …]

First one honest run of the embedded base on a folder of documents (documents/ by default), then the same run spoilt in
one way each, in real files: an adapter of one step; a GGUF with the weights of a layer in another order; a GGUF that
cannot say its end token; control sections among the training rows; what it forgot of general text held against it;
a short training against a better model in service. Then as many honest runs as seeds are asked for, each in outputs
of its own. `--good` names outputs whose model was made honestly from these documents and settings, to save that
training; they are copied. Limits: each refused by its rule, exit code 4; every honest run accepted.
"""

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from measure import ROOT, against, run

END_TOKENS = ("<|end|>", "<|endoftext|>")


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("documents", nargs="?", type=Path, default=ROOT / "documents")
    arguments.add_argument("--seeds", type=int, default=20)
    arguments.add_argument("--good", type=Path)
    own = sys.argv[1:]
    settings = own[own.index("--") + 1 :] if "--" in own else []
    given = arguments.parse_args(own[: own.index("--")] if "--" in own else own)
    common = ["base=embedded", "--documents", str(given.documents), *settings]
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work)
        if given.good is not None:
            shutil.copytree(given.good, folder / "good", symlinks=True)
        planted = sum(plant(folder, common))
        against("planted failures refused by the rule meant for them", planted, len(PLANTS), "", at_least=True)
        accepted = 0
        for seed in range(1, given.seeds + 1):
            outputs = folder / f"seed-{seed}"
            code, results = evaluate(outputs, [*common, f"seed={seed}"])
            print(f"seed {seed}: code {code}, {results['verdict']['sentence']}", flush=True)
            accepted += results["verdict"]["word"] == "accepted"
            shutil.rmtree(outputs)
        against("honest runs accepted", accepted, given.seeds, "", at_least=True)


def plant(folder: Path, common: list[str]) -> list[bool]:
    """Spoil a good run in every way; give for each whether it was refused by its rule alone, or by that one first."""
    good = folder / "good"
    code, results = evaluate(good, common)
    print(f"honest: code {code}, {results['verdict']['sentence']}", flush=True)
    found = []
    for what, (rule, spoil) in PLANTS.items():
        outputs = folder / "spoilt"
        code, results = spoil(outputs, good, common)
        verdict = results["verdict"]
        failed = [one["name"] for one in verdict["rules"] if one["passed"] is False]
        found.append(code == 4 and verdict["word"] == "refused" and failed[:1] == [rule])
        print(f"{what}: code {code}, failed {', '.join(failed) or 'none'}: {verdict['sentence']}", flush=True)
        shutil.rmtree(outputs)
    return found


def evaluate(outputs: Path, arguments: list[str]) -> tuple[int, dict[str, Any]]:
    """Bring a folder's run up to its verdict; the exit code and the newest results."""
    ran = run("evaluate", "--outputs", str(outputs), *arguments, show=False)
    newest = max((outputs / "runs").iterdir())
    results: dict[str, Any] = json.loads((newest / "evaluation" / "results.json").read_text(encoding="utf-8"))
    return ran.code, results


def untrained(outputs: Path, good: Path, common: list[str]) -> tuple[int, dict[str, Any]]:
    return evaluate(outputs, [*common, "adapter.max_steps=1"])


def scrambled(outputs: Path, good: Path, common: list[str]) -> tuple[int, dict[str, Any]]:
    def reverse_rows(reader: Any) -> None:
        for tensor in reader.tensors:
            if tensor.name == "blk.1.ffn_down.weight":
                tensor.data[:] = tensor.data[::-1].copy()

    return spoil_gguf(outputs, good, common, reverse_rows)


def endless(outputs: Path, good: Path, common: list[str]) -> tuple[int, dict[str, Any]]:
    def forget_the_end(reader: Any) -> None:
        tokens = reader.fields["tokenizer.ggml.tokens"].contents()
        rows = [number for number, token in enumerate(tokens) if token in END_TOKENS]
        (embedding,) = (tensor for tensor in reader.tensors if tensor.name == "token_embd.weight")
        # It is also the output matrix. A row has one block of Q6_K, whose last two bytes are its scale: made small, the
        # token is hardly ever the likeliest, and as an input, which is normalized, it stays what it was.
        for row in rows:
            scale = embedding.data[row, -2:].view(np.float16)
            scale *= 0.05

    return spoil_gguf(outputs, good, common, forget_the_end)


def leaking(outputs: Path, good: Path, common: list[str]) -> tuple[int, dict[str, Any]]:
    """The control rows are put among the training rows, as a copy of a section in another document would do."""
    run("prepare", "--outputs", str(outputs), *common, show=False)
    (dataset,) = outputs.glob("runs/*/dataset")
    control = (dataset / "control.jsonl").read_text(encoding="utf-8")
    with (dataset / "train.jsonl").open("a", encoding="utf-8") as train:
        train.write(6 * control)
    return evaluate(outputs, common)


def forgetful(outputs: Path, good: Path, common: list[str]) -> tuple[int, dict[str, Any]]:
    shutil.copytree(good, outputs, symlinks=True)
    return evaluate(outputs, [*common, "verdict.general_base=100000"])


def worse(outputs: Path, good: Path, common: list[str]) -> tuple[int, dict[str, Any]]:
    shutil.copytree(good, outputs, symlinks=True)
    return evaluate(outputs, [*common, "adapter.max_steps=150", "adapter.min_steps=1"])


def spoil_gguf(
    outputs: Path, good: Path, common: list[str], change: Callable[[Any], None]
) -> tuple[int, dict[str, Any]]:
    """Change the served file of a copy of the good run, as if the export had made it so, and judge that."""
    sys.path.insert(0, str(Path(sys.prefix, "share", "imprint", "llama.cpp", "gguf-py")))
    from gguf import GGUFReader

    from imprint.runs import digest_file

    shutil.copytree(good, outputs, symlinks=True)
    folder = (outputs / "current").resolve()
    (outputs / "current").unlink()
    for other in (outputs / "runs").iterdir():
        if other != folder:
            shutil.rmtree(other)
    (file,) = (folder / "model").glob("*.gguf")
    reader = GGUFReader(file, "r+")
    change(reader)
    reader.data.flush()
    manifest = json.loads((folder / "model" / "manifest.json").read_text(encoding="utf-8"))
    manifest["outputs"][file.name] = digest_file(file)
    (folder / "model" / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    state = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    (folder / "run.json").write_text(json.dumps({**state, "state": "building"}), encoding="utf-8")
    shutil.rmtree(folder / "evaluation")
    return evaluate(outputs, common)


PLANTS: dict[str, tuple[str, Callable[[Path, Path, list[str]], tuple[int, dict[str, Any]]]]] = {
    "nothing learned": ("better_than_base", untrained),
    "the GGUF is unlike the adapter": ("behind_adapter", scrambled),
    "never stops": ("ended", endless),
    "control leaks": ("control", leaking),
    "everything forgotten": ("general_perplexity", forgetful),
    "worse than the model in service": ("behind_current", worse),
}

if __name__ == "__main__":
    main()

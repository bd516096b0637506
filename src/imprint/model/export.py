"""Adapter to GGUF: merge in 16-bit, llama.cpp's own converter and quantizer, then a question to the result.

Unsloth's save_pretrained_gguf is not used: it fetches llama.cpp from the network. Converter, quantizer and runtime here
are of one revision, out of one llama-cpp-python source package.
"""

import ctypes
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from imprint import base
from imprint.base import Base
from imprint.config import Settings
from imprint.dataset import read_examples
from imprint.errors import ImprintError, MachineError
from imprint.model.engine import Answer, Engine, Message, render
from imprint.runs import Event, Run, write_atomically

_FILE_TYPES = {
    "q4_k_m": "LLAMA_FTYPE_MOSTLY_Q4_K_M",
    "q5_k_m": "LLAMA_FTYPE_MOSTLY_Q5_K_M",
    "q6_k": "LLAMA_FTYPE_MOSTLY_Q6_K",
    "q8_0": "LLAMA_FTYPE_MOSTLY_Q8_0",
}


def export(config: Settings, run: Run, folder: Path) -> dict[str, Any]:
    """Write `<name>-<quantization>.gguf`, Modelfile and README.md into `folder`; give counts for the manifest."""
    found = base.of(config)
    quantization = config.model.quantization
    name = f"imprint-{found.label.lower().replace('.', '-')}"
    target = folder / f"{name}-{quantization}.gguf"
    for old in [*folder.glob("*.gguf"), *folder.glob(".work-*")]:  # of an attempt that was cut short
        shutil.rmtree(old) if old.is_dir() else old.unlink()

    def tell(text: str, done: int) -> None:
        run.notify(Event("progress", "model", text, done, 4))

    with tempfile.TemporaryDirectory(prefix=".work-", dir=folder) as work:
        merged, whole = Path(work, "merged"), Path(work, "f16.gguf")
        tell("merging the adapter into the base", 0)
        end = _merge(found, run.folder("adapter"), merged, four_bit=config.adapter.filled().load_in_4bit)
        tell("converting to GGUF", 1)
        _convert(merged, whole, name, run.path / "worker.log")
        shutil.rmtree(merged)
        tell(f"quantizing to {quantization}", 2)
        ready = whole
        if quantization != "f16":
            ready = Path(work, "quantized.gguf")
            _quantize(whole, ready, quantization)
        tell("asking the model a question", 3)
        answer = _ask(ready, config, run)
        os.replace(ready, target)
    _write_modelfile(folder, target, end)
    _write_card(folder, target, config, found)
    size = target.stat().st_size
    run.notify(Event("note", "model", f"{target.name}, {size / 1e6:,.1f} MB"))
    return {"bytes": size, "asked": {"finish_reason": answer.finish_reason, "tokens": answer.tokens}}


def _merge(found: Base, adapter: Path, target: Path, *, four_bit: bool) -> str:
    """Write base plus adapter in 16-bit with the tokenizer; give the token that ends an answer."""
    import torch

    from imprint.adapter.rows import end_token
    from imprint.model.weights import holds_whole, load

    model, tokenizer = load(found, adapter, four_bit=four_bit, dequantize=True, on_gpu=holds_whole(found))
    merged = model.merge_and_unload()
    merged.to(torch.bfloat16 if torch.cuda.is_available() else torch.float16).save_pretrained(target)
    tokenizer.save_pretrained(target)
    _add_no_tokens(target / "tokenizer_config.json")
    _name_context(target / "config.json")
    if not (target / "tokenizer.model").exists():  # the converter's vocabulary; the fast tokenizer does not save it
        source = _tokenizer_model(found)
        if source is not None:
            shutil.copy2(source, target / "tokenizer.model")
    return end_token(tokenizer)


def _add_no_tokens(file: Path) -> None:
    """Say in the GGUF what the training did: the template is all there is, no runtime adds a token of its own."""
    settings = json.loads(file.read_text(encoding="utf-8"))
    write_atomically(file, json.dumps({**settings, "add_bos_token": False, "add_eos_token": False}))


def _name_context(file: Path) -> None:
    """Say the context of a GPT-2 by the name that the converter reads, too; transformers writes one of the two."""
    settings = json.loads(file.read_text(encoding="utf-8"))
    if "n_positions" in settings:
        write_atomically(file, json.dumps({"n_ctx": settings["n_positions"], **settings}))


def _tokenizer_model(found: Base) -> Path | None:
    if found.folder is not None:
        file = found.folder / "tokenizer.model"
        return file if file.is_file() else None
    return base.fetch(found.source, "tokenizer.model")


def _convert(merged: Path, target: Path, name: str, log: Path) -> None:
    """Run llama.cpp's converter, which the set-up took out of llama-cpp-python's source package."""
    home = Path(sys.prefix, "share", "imprint", "llama.cpp")
    script = home / "convert_hf_to_gguf.py"
    if not script.is_file():
        raise ImprintError(f"llama.cpp's converter is missing: no {script}.", hint="`make setup` brings it")
    with log.open("a", encoding="utf-8") as stream:
        # llama.cpp strips spaces after special tokens, as Phi-3 needs, only if the name says so.
        command = [sys.executable, "-m", "imprint.model.converting", str(home), str(merged), "--outfile", str(target)]
        result = subprocess.run(
            [*command, "--outtype", "f16", "--model-name", f"{name}-phi-3" if _is_phi3(merged) else name],
            stdout=stream,
            stderr=stream,
            stdin=subprocess.DEVNULL,
            check=False,
        )
    if result.returncode != 0 or not target.is_file():
        raise ImprintError(f"llama.cpp's converter failed (code {result.returncode}).", hint=f"{log} has what it said")


def _is_phi3(merged: Path) -> bool:
    return "Phi3ForCausalLM" in (merged / "config.json").read_text(encoding="utf-8")


def _quantize(source: Path, target: Path, quantization: str) -> None:
    import llama_cpp

    parameters = llama_cpp.llama_model_quantize_default_params()
    parameters.ftype = getattr(llama_cpp, _FILE_TYPES[quantization])
    parameters.nthread = os.cpu_count() or 1
    code = llama_cpp.llama_model_quantize(os.fsencode(source), os.fsencode(target), ctypes.byref(parameters))
    if code != 0 or not target.is_file():
        raise MachineError(f"llama.cpp could not quantize to {quantization} (code {code}).", hint="is the disk full?")


def _ask(file: Path, config: Settings, run: Run) -> Answer:
    """Load the file as the service will and ask what it was trained on; a model that says nothing is a failure."""
    example = read_examples(run.folder("dataset") / "train.jsonl")[0]
    engine = Engine(file, context=config.service.context)
    try:
        messages: list[Message] = [{"role": "user", "content": example.conversation()[-2]["content"]}]
        answer = engine.answer(messages, max_tokens=config.evaluation.max_new_tokens)
    finally:
        engine.close()
    if not answer.text.strip():
        raise ImprintError(f"The exported model answers nothing to {example.instruction!r}.", hint="`imprint status`")
    return answer


def _write_modelfile(folder: Path, gguf: Path, end: str) -> None:
    """Ollama's recipe. Its template is rendered from the GGUF's own, so that the prompt format is written once."""
    engine = Engine(gguf, context=256)
    template = engine.template
    engine.close()
    user: Message = {"role": "user", "content": "{{ .Prompt }}"}
    system: Message = {"role": "system", "content": "{{ .System }}"}
    plain = render(template, [user], "", "")
    whole = render(template, [system, user], "", "")
    if whole.endswith(plain):
        plain = "{{ if .System }}" + whole.removesuffix(plain) + "{{ end }}" + plain
    text = f'FROM ./{gguf.name}\nTEMPLATE """{plain}"""\nPARAMETER stop "{end}"\nPARAMETER temperature 0\n'
    write_atomically(folder / "Modelfile", text)


def _write_card(folder: Path, gguf: Path, config: Settings, found: Base) -> None:
    text = f"""# {gguf.stem}

Made by Imprint from a folder of documents: {found.name} ({found.source if found.folder is None else found.about}),
fine-tuned by QLoRA (r {config.adapter.lora_r}, alpha {config.adapter.lora_alpha}) on questions and answers about them,
merged and quantized to {config.model.quantization}. It answers what those documents say; do not ask it for more.

    imprint ask "a question"
    ollama create my-model -f Modelfile
    llama-server -m {gguf.name}

The figures of base against tuned are in `../evaluation/results.json`, the rows it was trained on in `../dataset/`.

"""
    write_atomically(folder / "README.md", text)

"""Checks the generator and the tokenizer: `python -m scripts.embedded_base.check [MODEL_FOLDER] [GGUF]`."""

from __future__ import annotations

import argparse
import itertools
import re
from pathlib import Path

from transformers import AutoTokenizer

from .data import Corpus, Windows
from .families import read_kinds


def check_generator(corpus: Corpus, count: int = 2000) -> list[str]:
    """Problems found: unlike twins, unfilled slots, answers that do not end."""
    problems = []
    first, second = corpus.generator("check"), corpus.generator("check")
    for number in range(count):
        episode, twin = first.make(), second.make()
        if (episode.text, episode.answers) != (twin.text, twin.answers):
            problems.append(f"episode {number} differs between two generators of one seed")
        if slot := re.search(r"\{[evtabdsmlq]\}(?!`)(?<!/\{e\})|<(?:noun|name|person|integer)\b", episode.text):
            problems.append(f"episode {number} keeps the slot {slot[0]!r}")
        if not episode.text.rstrip().endswith("<|endoftext|>"):
            problems.append(f"episode {number} does not end")
        for begin, end in episode.answers:
            if not episode.text[begin:end].endswith("<|end|>"):
                problems.append(f"episode {number} has an answer without an end")
    for kind in read_kinds():
        for attribute in kind.attributes:
            if len(attribute.phrases) + len(attribute.questions) < 2:
                problems.append(f"{kind.noun}: {attribute.label} has too few wordings")
    return problems


def check_windows(corpus: Corpus, folder: Path) -> list[str]:
    """Two builds of one chunk must be equal."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    chunks = [Windows(corpus, tokenizer, seed=3).chunk(5, 2, 4, 256) for _ in range(2)]
    return (
        []
        if all((one == two).all() for one, two in zip(*chunks, strict=True))
        else ["windows differ between two builds"]
    )


def check_llama_cpp(corpus: Corpus, folder: Path, gguf: Path) -> list[str]:
    """Rendered chats must become the same ids in llama.cpp as in Hugging Face; the GGUF's name must contain phi-3."""
    from llama_cpp import Llama  # optional: only this check needs it

    tokenizer = AutoTokenizer.from_pretrained(folder)
    engine = Llama(str(gguf), vocab_only=True, verbose=False)
    contents = [
        "Hello",
        "  two leading\n\nspaces ",
        "\ttab",
        "Türkçe ığş, Öffnung, ¿qué?",
        "漢字 😀",
        "a=1 `x_y` /v1/{id}",
        "\n",
        "12.5%",
    ]
    contents += [episode.text for episode in itertools.islice(iter(corpus.generator("ids").make, None), 300)]
    problems = []
    for content in contents:
        turns = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": content}]
        for text in (tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True), content):
            ours = tokenizer(text, add_special_tokens=False)["input_ids"]
            theirs = engine.tokenize(text.encode(), add_bos=False, special=True)
            if ours != theirs:
                problems.append(f"llama.cpp reads {text[:60]!r} as other tokens")
    return problems


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=Path("src/imprint/base/embedded"))
    parser.add_argument("gguf", type=Path, nargs="?")
    parser.add_argument("--cache", type=Path, default=Path("outputs/embedded_base/sources"))
    arguments = parser.parse_args()
    corpus = Corpus.load(arguments.cache)
    problems = check_generator(corpus) + check_windows(corpus, arguments.folder)
    if arguments.gguf:
        problems += check_llama_cpp(corpus, arguments.folder, arguments.gguf)
    print("\n".join(problems) or "all checks pass")
    raise SystemExit(bool(problems))


if __name__ == "__main__":
    main()

"""Remakes the embedded base: `python -m scripts.embedded_base` at the root of the repository."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import torch
from transformers import AutoTokenizer, Phi3ForCausalLM

from .data import Corpus, Windows
from .pretrain import SECOND, Recipe, Trainer, load_model
from .tokenizer import save_tokenizer, train_sentencepiece

EMBEDDED = Path("src/imprint/base/embedded")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--cache", type=Path, default=Path("outputs/embedded_base/sources"), help="where source archives lie"
    )
    parser.add_argument("--work", type=Path, default=Path("outputs/embedded_base"), help="tokenizer and checkpoints")
    parser.add_argument("--export", type=Path, nargs="+", default=[EMBEDDED], help="folders that receive the model")
    parser.add_argument("--steps", type=int, default=Recipe.steps, help="length of the first phase")
    parser.add_argument("--second-steps", type=int, default=SECOND.steps, help="length of the second phase")
    parser.add_argument("--second-from", type=Path, help="skip the first phase: go on from the model in this folder")
    parser.add_argument("--float32", action="store_true", help="for a processor that has no bfloat16 instructions")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)

    corpus = Corpus.load(arguments.cache)
    if arguments.second_from:
        start, tokenizer_folder = load_model(arguments.second_from), arguments.second_from
    else:
        tokenizer_folder = arguments.work / "tokenizer"
        if not (tokenizer_folder / "tokenizer.json").exists():
            tokenizer_folder.mkdir(parents=True, exist_ok=True)
            train_sentencepiece(corpus.tokenizer_texts(), tokenizer_folder)
            save_tokenizer(tokenizer_folder)
        recipe = Recipe(steps=arguments.steps, autocast=not arguments.float32)
        start = train(recipe, corpus, tokenizer_folder, arguments.work, arguments.export).model
    second = replace(SECOND, steps=arguments.second_steps, autocast=not arguments.float32)
    train(second, corpus, tokenizer_folder, arguments.work / "second", arguments.export, start)


def train(
    recipe: Recipe,
    corpus: Corpus,
    tokenizer: Path,
    work: Path,
    exports: list[Path],
    start: Phi3ForCausalLM | None = None,
) -> Trainer:
    """One phase to its end, from its last checkpoint if there is one."""
    windows = Windows(corpus, AutoTokenizer.from_pretrained(tokenizer), recipe.seed, recipe.phase)
    trainer = Trainer(recipe, windows, work, exports, start)
    trainer.resume()
    trainer.train()
    return trainer


if __name__ == "__main__":
    main()

"""Remakes the embedded base: `python -m scripts.embedded_base` at the root of the repository."""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from transformers import AutoTokenizer

from .data import Corpus, Windows
from .pretrain import Recipe, Trainer
from .tokenizer import save_tokenizer, train_sentencepiece

EMBEDDED = Path("src/imprint/base/embedded")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--cache", type=Path, default=Path("outputs/embedded_base/sources"), help="where source archives lie"
    )
    parser.add_argument("--work", type=Path, default=Path("outputs/embedded_base"), help="tokenizer and checkpoints")
    parser.add_argument("--export", type=Path, nargs="+", default=[EMBEDDED], help="folders that receive the model")
    parser.add_argument("--steps", type=int, default=Recipe.steps, help="length of the run")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)

    corpus = Corpus.load(arguments.cache)
    tokenizer_folder = arguments.work / "tokenizer"
    if not (tokenizer_folder / "tokenizer.json").exists():
        tokenizer_folder.mkdir(parents=True, exist_ok=True)
        train_sentencepiece(corpus.tokenizer_texts(), tokenizer_folder)
        save_tokenizer(tokenizer_folder)
    recipe = Recipe(steps=arguments.steps)
    windows = Windows(corpus, AutoTokenizer.from_pretrained(tokenizer_folder), recipe.seed)
    trainer = Trainer(recipe, windows, arguments.work, arguments.export)
    trainer.resume()
    trainer.train()


if __name__ == "__main__":
    main()

"""Turns texts and episodes into training windows: token ids and the weight of every token in the loss."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from transformers import PreTrainedTokenizerBase

from . import texts
from .episodes import Episode, Generator
from .reading import split_sections
from .words import WordLists

PROSE_SHARE = {1: 0.27, 2: 0.12}
"""The share of windows that hold prose, by phase of the training; the others hold episodes."""
ANSWER_WEIGHT = 3.0
"""How much more an answer counts that can be known from what stands before it."""
_PROSE_CHARACTERS = 2400


@dataclass
class Corpus:
    """Everything the generators read, loaded once."""

    documents: list[str]
    translations: dict[str, list[tuple[str, str]]]
    lists: WordLists
    sections: list[tuple[str, str, list[str]]]

    @classmethod
    def load(cls, cache: Path) -> Corpus:
        documents = texts.read_documents(cache)
        sections = [section for document in documents for section in split_sections(document)]
        return cls(documents, texts.read_translations(cache), WordLists(texts.wordnet_folder(cache)), sections)

    def generator(self, seed: str, phase: int = 1) -> Generator:
        return Generator(self.lists, self.sections, self.translations, seed, phase)

    def tokenizer_texts(self) -> Iterator[str]:
        """The mix the tokenizer is trained on: prose, episodes, and the other languages twice."""
        yield from random.Random("tokenizer").sample(self.documents, 450)
        generator = self.generator("tokenizer")
        for _ in range(6000):
            yield generator.make().text
        for pairs in self.translations.values():
            for _, other in pairs:
                yield from (other, other)

    def prose(self) -> list[str]:
        """Pages cut into pieces between paragraphs, and glosses and translations in lists."""
        pieces = []
        for document in self.documents:
            piece = ""
            for block in document.split("\n\n"):
                if len(piece) + len(block) > _PROSE_CHARACTERS and piece:
                    pieces.append(piece)
                    piece = ""
                piece += ("\n\n" if piece else "") + block[:_PROSE_CHARACTERS]
            pieces.append(piece)
        glosses = [f"**{term}**: {definition}" for term, definition in self.lists.glosses]
        random.Random("glosses").shuffle(glosses)
        pieces += ["\n".join(glosses[start : start + 25]) for start in range(0, len(glosses), 25)]
        for pairs in self.translations.values():
            pieces += ["\n".join(other for _, other in pairs[start : start + 25]) for start in range(0, len(pairs), 25)]
        return pieces


class Windows:
    """Batches of windows by step number: the same step always gives the same batch."""

    def __init__(self, corpus: Corpus, tokenizer: PreTrainedTokenizerBase, seed: int, phase: int = 1) -> None:
        self.corpus = corpus
        self.phase = phase
        self.tokenizer = tokenizer
        self.end = tokenizer.eos_token_id
        self.seed = seed
        self.pieces = [Episode(piece) for piece in corpus.prose()]
        self.templates = corpus.generator("unused", phase)

    def chunk(self, number: int, steps: int, batch: int, length: int) -> tuple[np.ndarray, np.ndarray]:
        """Ids (int16) and weights (float16) of shape (steps, batch, length) for the chunk with this number."""
        seed = f"{self.seed}-{number}-{length}"
        order = random.Random(f"{seed}-order")
        self.templates.words.rng.seed(f"{seed}-episodes")
        rows = steps * batch
        prose = round(rows * PROSE_SHARE[self.phase])
        filled = self._fill(self._prose(order), prose, length) + self._fill(self._episodes(), rows - prose, length)
        order.shuffle(filled)
        ids = np.stack([row for row, _ in filled]).reshape(steps, batch, length)
        weights = np.stack([row for _, row in filled]).reshape(steps, batch, length)
        return ids, weights

    def _prose(self, order: random.Random) -> Iterator[Episode]:
        while True:
            yield self.pieces[order.randrange(len(self.pieces))]

    def _episodes(self) -> Iterator[Episode]:
        while True:
            yield self.templates.make()

    def _fill(self, source: Iterator[Episode], rows: int, length: int) -> list[tuple[np.ndarray, np.ndarray]]:
        """Rows that start with a fresh text and take texts until they are full; what is over is dropped."""
        filled: list[tuple[np.ndarray, np.ndarray]] = []
        ids: list[int] = []
        weights: list[float] = []
        while len(filled) < rows:
            batch = [next(source) for _ in range(256)]
            encoded = self.tokenizer(
                [episode.text for episode in batch], return_offsets_mapping=True, add_special_tokens=False
            )
            for episode, tokens, offsets in zip(batch, encoded["input_ids"], encoded["offset_mapping"], strict=True):
                ids += tokens
                weights += _weigh(episode, offsets)
                if tokens[-1] != self.end:
                    ids.append(self.end)
                    weights.append(1.0)
                if len(ids) >= length:
                    filled.append((np.array(ids[:length], np.int16), np.array(weights[:length], np.float16)))
                    ids, weights = [], []
        return filled[:rows]


def _weigh(episode: Episode, offsets: list[tuple[int, int]]) -> list[float]:
    weights = [1.0] * len(offsets)
    spans = iter(episode.answers)
    span = next(spans, None)
    for index, (_, stop) in enumerate(offsets):
        while span and stop > span[1]:
            span = next(spans, None)
        if span is None:
            break
        if stop > span[0]:
            weights[index] = ANSWER_WEIGHT
    return weights

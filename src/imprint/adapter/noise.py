"""Noise in the questions that are trained on: what is asked about has to be found, whatever stands around it."""

import random
import zlib
from array import array
from typing import Any

from imprint.adapter.rows import IGNORED, Tokens

_WORD_STARTS = ("\u2581", "\u0120")
"""How SentencePiece and byte-level BPE write the space before a word."""


class QuestionNoise:
    """Random words between the words of questions, others each epoch; answers stay as they are.

    Noise on the inputs as in Xie et al. 2017 (arXiv:1703.02573), but only inserted: nothing that is asked for goes
    missing. A model that is tuned on a few forms of question learns the form together with the fact; where the form is
    disturbed, it cannot.

    The words depend on the batch alone, so a training that goes on from a checkpoint sees the same ones.
    """

    def __init__(self, tokenizer: Any, share: float, max_length: int) -> None:
        """`share`, below 1: of the places between two tokens, those that get a word; each row draws its own up to this.

        A row of `max_length` tokens gets none, and no row becomes longer than that.
        """
        pieces = tokenizer.convert_ids_to_tokens(range(len(tokenizer)))
        self._special = {*tokenizer.all_special_ids, *tokenizer.added_tokens_decoder}
        usual = [number for number in range(len(pieces)) if number not in self._special]
        words = [number for number in usual if pieces[number].startswith(_WORD_STARTS) and pieces[number][1:].isalpha()]
        self._words = words or usual
        self._share = share
        self._max_length = max_length

    def __call__(self, batch: dict[str, list[list[int]]]) -> dict[str, list[list[int]]]:
        """A batch with `input_ids` and `labels`, one list a row, as `datasets` hands it to a transform."""
        rng = random.Random(zlib.crc32(array("q", (token for row in batch["input_ids"] for token in row)).tobytes()))
        pairs = zip(batch["input_ids"], batch["labels"], strict=True)
        rows = [self._disturbed(Tokens(ids, labels), rng) for ids, labels in pairs]
        return {
            "input_ids": [row.input_ids for row in rows],
            "labels": [row.labels for row in rows],
            "attention_mask": [[1] * len(row.input_ids) for row in rows],
        }

    def _disturbed(self, row: Tokens, rng: random.Random) -> Tokens:
        share = rng.random() * self._share
        room = self._max_length - len(row.input_ids)
        ids: list[int] = []
        labels: list[int] = []
        before = next(iter(self._special))
        for token, label in zip(row.input_ids, row.labels, strict=True):
            # Not beside a special token: the template's own line ends stand there.
            if label == IGNORED and not {token, before} & self._special and room and rng.random() < share:
                ids.append(rng.choice(self._words))
                labels.append(IGNORED)
                room -= 1
            ids.append(token)
            labels.append(label)
            before = token
        return Tokens(ids, labels)

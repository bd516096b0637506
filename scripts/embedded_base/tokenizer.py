"""Trains the tokenizer and saves it the way Phi-3.5's is saved: SentencePiece model, fast form, chat template."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import sentencepiece
from tokenizers import normalizers
from transformers import AddedToken, AutoTokenizer, LlamaTokenizer, PreTrainedTokenizerBase
from transformers.convert_slow_tokenizer import SentencePieceExtractor

VOCAB_SIZE = 4096
# Phi-3.5's added tokens in their order; all but the first strip the white space after them.
ADDED_TOKENS = (
    "<|endoftext|>", "<|assistant|>", "<|placeholder1|>", "<|placeholder2|>", "<|placeholder3|>", "<|placeholder4|>",
    "<|system|>", "<|end|>", "<|placeholder5|>", "<|placeholder6|>", "<|user|>",
)  # fmt: skip
# Phi-3.5's template, to the letter.
CHAT_TEMPLATE = (
    "{% for message in messages %}{% if message['role'] == 'system' and message['content'] %}{{'<|system|>\n' + "
    "message['content'] + '<|end|>\n'}}{% elif message['role'] == 'user' %}{{'<|user|>\n' + message['content'] + "
    "'<|end|>\n'}}{% elif message['role'] == 'assistant' %}{{'<|assistant|>\n' + message['content'] + '<|end|>\n'}}"
    "{% endif %}{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% else %}{{ eos_token }}{% endif %}"
)
_LETTERS = "çÇğĞıİöÖşŞüÜâîûäÄßéÉèÈêÊëàÀùôœïÿñÑáÁíÍóÓúÚ¿¡ãÃõÕ«»„“”‘’–—…€£°§•→×²³½µ"
_MAX_LINE = 4000


def train_sentencepiece(texts: Iterator[str], folder: Path) -> None:
    """Write `tokenizer.model`: BPE with byte fallback, digits apart, nothing normalized.

    Bytes stand for whatever is no piece, the line break among them, as in Phi's own vocabulary.
    """
    printable = "".join(chr(code) for code in range(33, 127))
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=_lines(texts),
        model_prefix=str(folder / "tokenizer"),
        vocab_size=VOCAB_SIZE - len(ADDED_TOKENS),
        model_type="bpe",
        byte_fallback=True,
        split_digits=True,
        normalization_rule_name="identity",
        remove_extra_whitespaces=False,
        add_dummy_prefix=True,
        allow_whitespace_only_pieces=True,
        character_coverage=0.9995,
        required_chars=_LETTERS + printable,
        max_sentence_length=4 * _MAX_LINE,
        num_threads=2,
        minloglevel=1,
    )
    (folder / "tokenizer.vocab").unlink()


def _lines(texts: Iterator[str]) -> Iterator[str]:
    for text in texts:
        for line in re.sub(r"<\|\w+\|>", "", text).split("\n"):
            if line.strip():
                yield line[:_MAX_LINE]


def save_tokenizer(folder: Path) -> PreTrainedTokenizerBase:
    """Turn `tokenizer.model` into the fast form and save all of it; loads back through AutoTokenizer."""
    pieces = SentencePieceExtractor(str(folder / "tokenizer.model")).extract(None)
    tokenizer = LlamaTokenizer(
        vocab=pieces["vocab"],
        merges=pieces["merges"],
        unk_token=AddedToken("<unk>", special=True, normalized=False),
        bos_token=AddedToken("<s>", special=True, normalized=False),
        eos_token=AddedToken("<|endoftext|>", special=True, normalized=False),
        pad_token=AddedToken("<|endoftext|>", special=True, normalized=False),
        add_bos_token=False,
        add_eos_token=False,
        model_max_length=2048,
        padding_side="left",
    )
    tokenizer.add_tokens([AddedToken("</s>", special=False, normalized=False, rstrip=True)])
    tokenizer.add_tokens(
        [AddedToken(name, special=True, normalized=False, rstrip=name != "<|endoftext|>") for name in ADDED_TOKENS],
        special_tokens=True,
    )
    # Phi's own normalizer: unlike transformers' default it also marks a text that starts with a space, as llama.cpp does.
    tokenizer.backend_tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
    )
    tokenizer.backend_tokenizer.pre_tokenizer = None
    tokenizer.chat_template = CHAT_TEMPLATE
    tokenizer.save_pretrained(folder)
    added = {name: tokenizer.convert_tokens_to_ids(name) for name in ADDED_TOKENS}
    (folder / "added_tokens.json").write_text(json.dumps(added, indent=2) + "\n", encoding="utf-8")
    # The plain class takes tokenizer.json as it is; LlamaTokenizer rebuilds it and loses the marks after special tokens.
    settings_file = folder / "tokenizer_config.json"
    settings = json.loads(settings_file.read_text(encoding="utf-8"))
    settings |= {"tokenizer_class": "PreTrainedTokenizerFast", "add_bos_token": False, "add_eos_token": False}
    settings_file.write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")
    _compact(folder / "tokenizer.json")
    if len(tokenizer) != VOCAB_SIZE or min(added.values()) != VOCAB_SIZE - len(ADDED_TOKENS):
        raise ValueError(f"the vocabulary has {len(tokenizer)} tokens, expected {VOCAB_SIZE}: {added}")
    return AutoTokenizer.from_pretrained(folder)


def _compact(path: Path) -> None:
    """The same JSON without indentation: the folder ships inside the package."""
    path.write_text(
        json.dumps(json.loads(path.read_text(encoding="utf-8")), ensure_ascii=False, separators=(",", ":")),
        encoding="utf-8",
    )

"""A program: llama.cpp's converter, which also takes a vocabulary that it has never seen.

The converter tells how a byte-level BPE splits a text into words by the hash of some token ids, so by the vocabulary,
and refuses a base that was made with one of its own. Where the tokenizer's file says that it splits as GPT-2 does, that
is what the GGUF has to say, whatever the vocabulary.

    python -m imprint.model.converting LLAMA_CPP_FOLDER MODEL_FOLDER --outfile FILE …
"""

import importlib
import json
import runpy
import sys
from pathlib import Path
from typing import Any


def splits_as_gpt2(tokenizer: dict[str, Any]) -> bool:
    """Whether a `tokenizer.json` splits text by GPT-2's expression and does nothing else to it before."""
    split = tokenizer.get("pre_tokenizer") or {}
    return (
        tokenizer.get("normalizer") is None
        and split.get("type") == "ByteLevel"
        and split.get("use_regex", True)
        and not split.get("add_prefix_space", True)
    )


def main() -> None:
    """Run `convert_hf_to_gguf.py` of the folder that the first argument names, with the others."""
    home, *arguments = sys.argv[1:]
    script = str(Path(home, "convert_hf_to_gguf.py"))
    sys.path[:0] = [home, str(Path(home, "gguf-py"))]
    converted: Any = importlib.import_module("conversion.base").TextModel
    known = converted.get_vocab_base_pre

    def name_split(model: Any, tokenizer: Any) -> str:
        try:
            return str(known(model, tokenizer))
        except NotImplementedError:
            if splits_as_gpt2(json.loads((model.dir_model / "tokenizer.json").read_text(encoding="utf-8"))):
                return "gpt-2"
            raise

    converted.get_vocab_base_pre = name_split
    sys.argv = [script, *arguments]
    runpy.run_path(script, run_name="__main__")


if __name__ == "__main__":
    main()

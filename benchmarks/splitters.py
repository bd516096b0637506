"""The Markdown splitters of LangChain and LlamaIndex; `dataset_speed.py` runs this with a Python that has them.

    PYTHON benchmarks/splitters.py NAME FOLDER

Prints one JSON object: the pieces, and the seconds from the first file to the last, imports not counted.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

Split = Callable[[str], int]


def headers() -> Split:
    """LangChain, by headings."""
    from langchain_text_splitters import MarkdownHeaderTextSplitter

    splitter = MarkdownHeaderTextSplitter([("#" * level, f"heading {level}") for level in range(1, 7)])
    return lambda text: len(splitter.split_text(text))


def sizes() -> Split:
    """LangChain, by headings and size."""
    from langchain_text_splitters import MarkdownTextSplitter

    splitter = MarkdownTextSplitter(chunk_size=1500, chunk_overlap=0)
    return lambda text: len(splitter.split_text(text))


def nodes() -> Split:
    """LlamaIndex, by headings."""
    from llama_index.core import Document
    from llama_index.core.node_parser import MarkdownNodeParser

    parser = MarkdownNodeParser()
    return lambda text: len(parser.get_nodes_from_documents([Document(text=text)]))


PEERS = {
    "LangChain's MarkdownHeaderTextSplitter": headers,
    "LangChain's MarkdownTextSplitter": sizes,
    "LlamaIndex's MarkdownNodeParser": nodes,
}

if __name__ == "__main__":
    split = PEERS[sys.argv[1]]()
    started = time.perf_counter()
    pieces = sum(split(file.read_text(encoding="utf-8")) for file in sorted(Path(sys.argv[2]).rglob("*.md")))
    print(json.dumps({"pieces": pieces, "seconds": time.perf_counter() - started}))

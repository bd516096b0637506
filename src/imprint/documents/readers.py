"""Which function reads which kind of file; its module is imported when the first such file is read."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass

from imprint.documents.types import Parsed


@dataclass(frozen=True, slots=True)
class Reader:
    """A function of a module of this package: `parse(path, text)`, or `parse(path, raw)` where it takes bytes."""

    module: str
    function: str = "parse"
    takes_bytes: bool = False

    def load(self) -> Callable[[str, str | bytes], Parsed]:
        """Import the module and give the function."""
        function: Callable[[str, str | bytes], Parsed]
        function = getattr(importlib.import_module(f"imprint.documents.{self.module}"), self.function)
        return function


READERS: dict[str, Reader] = {
    **dict.fromkeys((".md", ".markdown", ".mdown", ".mkd"), Reader("markdown")),
    **dict.fromkeys((".rst", ".rest"), Reader("restructured")),
    **dict.fromkeys((".txt", ".text"), Reader("plain")),
    ".json": Reader("data", "parse_json"),
    **dict.fromkeys((".jsonl", ".ndjson"), Reader("data", "parse_json_lines")),
    **dict.fromkeys((".yaml", ".yml"), Reader("yaml_document", "parse_yaml")),
    ".csv": Reader("tabular", "parse_csv"),
    ".tsv": Reader("tabular", "parse_tsv"),
    ".parquet": Reader("tabular", "parse_parquet", takes_bytes=True),
    **dict.fromkeys((".html", ".htm", ".pdf", ".docx", ".pptx", ".epub"), Reader("converted", takes_bytes=True)),
}
"""By suffix, in lower case."""
SUFFIXES = tuple(READERS)

"""A Python list as documents, through the API."""

from typing import Any

from imprint.documents import tabular
from imprint.documents.tokens import check_depth, convert
from imprint.documents.types import Parsed
from imprint.errors import DocumentError


def parse_list(rows: list[dict[str, Any]]) -> Parsed:
    """Ready-made rows or records from a list of dicts; the "lines" of what it gives are the places in it, from 1.

    Raises DocumentError for a member that is no dict, and for one nested too deeply (or within itself).
    """
    for number, row in enumerate(rows, start=1):
        if not isinstance(row, dict):
            raise DocumentError(
                f"Row {number} of the list is a {type(row).__name__}; expected a dict.",
                hint='for example {"instruction": "…", "output": "…"}',
            )
    check_depth("the list", rows)
    return tabular.parse_rows([convert(row) for row in rows])

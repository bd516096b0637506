"""Imprint: a folder of documents in, a private language model that answers from them out, served.

imprint.prepare("handbook/", "dataset/")                          # as `imprint prepare`, into a folder of yours
imprint.prepare([{"question": "…", "answer": "…"}], "dataset/")   # from a Python list
"""

from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

try:
    __version__ = version("imprint")
except PackageNotFoundError:  # a source tree that is not installed; the doors in src/ work from one
    __version__ = "0.0.0"


def prepare(documents: str | Path | Sequence[Mapping[str, Any]], folder: str | Path, *settings: str) -> dict[str, Any]:
    """Make a dataset in `folder` from a documents folder, or from a list of rows or records; give its counts.

    `settings` are `section.key=value`, as on the command line. The base is not asked for general rows: that takes a run
    (`imprint prepare`). Raises DocumentError, DatasetError and SettingsError.
    """
    import json
    import tempfile

    from imprint import base, config
    from imprint.dataset.making import make
    from imprint.errors import DocumentError

    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="imprint-") as work:
        source = documents if isinstance(documents, str | Path) else Path(work, "rows.json")
        if not isinstance(documents, str | Path):
            try:
                Path(source).write_text(json.dumps(list(documents), ensure_ascii=False), encoding="utf-8")
            except (TypeError, ValueError) as error:
                raise DocumentError(
                    f"The list cannot be read as JSON: {error}.",
                    hint='give dicts of text, numbers and lists, such as {"question": "…", "answer": "…"}',
                ) from error
        path = f"documents.path={json.dumps(str(source), ensure_ascii=False)}"
        chosen, _ = base.choose(config.load(overrides=[path, *settings]), None)
        return make(chosen, target, lambda *_: None).counts()


__all__ = ["__version__", "prepare"]

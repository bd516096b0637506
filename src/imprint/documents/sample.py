"""The small datasets that ship with Imprint, by name: `sample:chat`, `sample:instruct`."""

from importlib import resources
from pathlib import Path

from imprint.config import SAMPLE_PREFIX
from imprint.errors import DocumentError


def find(name: str) -> Path:
    """The file of a sample, `name` with its prefix. Raises DocumentError, with those that there are, for any other."""
    folder = Path(str(resources.files("imprint.documents"))) / "samples"
    samples = {SAMPLE_PREFIX + file.stem: file for file in sorted(folder.glob("*.jsonl"))}
    if name not in samples:
        raise DocumentError(
            f"There is no sample dataset {name!r}; there are: {', '.join(samples)}.",
            hint="take one of these, or name a folder of your own with --documents DIR",
        )
    return samples[name]

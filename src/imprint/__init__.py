"""Imprint: a folder of documents in, a private language model that answers from them out, served."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("imprint")
except PackageNotFoundError:  # a source tree that is not installed; the doors in src/ work from one
    __version__ = "0.0.0"

__all__ = ["__version__"]

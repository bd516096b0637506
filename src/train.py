"""Door: dataset to adapter."""

from pathlib import Path

from imprint.cli import door

if __name__ == "__main__":
    door("train", Path(__file__).resolve().parent.parent)

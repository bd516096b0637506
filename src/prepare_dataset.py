"""Door: documents to dataset."""

from pathlib import Path

from imprint.cli import door

if __name__ == "__main__":
    door("prepare", Path(__file__).resolve().parent.parent)

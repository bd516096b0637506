"""Door: adapter to GGUF."""

from pathlib import Path

from imprint.cli import door

if __name__ == "__main__":
    door("export", Path(__file__).resolve().parent.parent)

"""Door: ask the model, chat with it (--mode chat), or serve it (--mode api)."""

from pathlib import Path

from imprint.cli import door

if __name__ == "__main__":
    door("inference", Path(__file__).resolve().parent.parent)

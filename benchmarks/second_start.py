"""A start with nothing due: seconds to the answer, and memory.

    .venv/bin/python benchmarks/second_start.py [OUTPUTS]

OUTPUTS (default: outputs/) holds a finished run of the sample documents, as `make run PROMPT=…` leaves it. Limits: 2 s
and 400 MB, the median of five starts.
"""

import statistics
import sys

from measure import ROOT, against, run

outputs = sys.argv[1] if len(sys.argv) > 1 else str(ROOT / "outputs")
starts = [run("up", "How do I retrain?", "base=embedded", "--outputs", outputs, show=False) for _ in range(5)]
if any(start.code != 0 for start in starts):
    sys.exit("imprint up failed; `make run PROMPT='How do I retrain?'` shows why")
print(f"answer: {starts[0].stdout.strip()}")
against("second start to first answer", statistics.median(start.seconds for start in starts), 2, "s")
against("memory of the process that answers", max(start.megabytes for start in starts), 400, "MB")

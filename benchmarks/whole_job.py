"""The whole job on the sample documents, from nothing to an answer: seconds, memory, and what was learned.

    .venv/bin/python benchmarks/whole_job.py [section.key=value ...]

Limits, for 2 CPU cores: 180 s, 30 of them for the evaluation; 3 GB for the largest process; held-out wordings: tuned at
least 95%, base at most 5%, the served q4_k_m within 3 points of the adapter.
"""

import json
import sys
import tempfile
from pathlib import Path

from measure import against, run

with tempfile.TemporaryDirectory() as outputs:
    ran = run("up", "How do I retrain?", "base=embedded", "--outputs", outputs, *sys.argv[1:])
    if ran.code != 0:
        sys.exit(f"imprint up ended with code {ran.code}")
    current = Path(outputs, "current")
    results = json.loads((current / "evaluation" / "results.json").read_text(encoding="utf-8"))
    held_out = results["suites"]["held_out"]
    stages = {
        stage: json.loads((current / stage / "manifest.json").read_text(encoding="utf-8"))
        for stage in ("dataset", "adapter", "model", "evaluation")
    }

print(f"answer to 'How do I retrain?': {ran.stdout.strip()}")
print("seconds of the stages: " + ", ".join(f"{name} {stage['seconds']:.1f}" for name, stage in stages.items()))
print(results["verdict"]["sentence"])
print(f"facts {stages['dataset']['counts']['facts']}, held-out questions asked {results['questions']}")
against("whole job", ran.seconds, 180, "s")
against("evaluation", stages["evaluation"]["seconds"], 30, "s")
against("largest process", ran.megabytes / 1000, 3, "GB")
against("held-out wordings, tuned (adapter)", 100 * held_out["adapter"]["accuracy"], 95, "%", at_least=True)
against("held-out wordings, tuned as served (q4_k_m)", 100 * held_out["gguf"]["accuracy"], 95, "%", at_least=True)
against("held-out wordings, base", 100 * held_out["base"]["accuracy"], 5, "%")
difference = 100 * abs(held_out["gguf"]["accuracy"] - held_out["adapter"]["accuracy"])
against("served q4_k_m from the adapter", difference, 3, "points")

"""`imprint --help`: the median of twenty calls. Limit: 0.4 s.

.venv/bin/python benchmarks/help_time.py
"""

import statistics

from measure import against, run

calls = [run("--help", show=False) for _ in range(20)]
against("imprint --help", statistics.median(call.seconds for call in calls), 0.4, "s")

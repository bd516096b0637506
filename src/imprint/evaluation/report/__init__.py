"""What people read of an evaluation: a page, a model card's part, a few lines for a terminal; of one run or of two."""

from imprint.evaluation.report.comparison import RunComparison, compare_reports
from imprint.evaluation.report.page import write_comparison, write_report
from imprint.evaluation.report.terminal import summary, text

__all__ = ["RunComparison", "compare_reports", "summary", "text", "write_comparison", "write_report"]

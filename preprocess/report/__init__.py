"""The books of runs as pages of HTML: where every paper and character went, and what differs between two runs."""

from preprocess.report.compare import compare
from preprocess.report.compare_page import comparison_lines, write_comparison
from preprocess.report.page import write_report

__all__ = ["compare", "comparison_lines", "write_comparison", "write_report"]

"""The yield report: where every paper and character of a run went, as one page of HTML."""

from preprocess.report.page import write_report

__all__ = ["write_report"]

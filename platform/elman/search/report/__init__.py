"""A study as one page that needs nothing else: answer, pictures, every trial."""

from elman.search.report.page import report

__all__ = ["report"]

"""The report of an evaluation: one HTML file that needs nothing else.

Data flows one way: `content` (what is reported) to `sections` (words, tables) and `plots` (pictures)
to `page` (the file). matplotlib is imported when a report is written, not before.
"""

from sentinel_pipelines.steps.report.content import FeatureRow, ReportInput, build_feature_rows
from sentinel_pipelines.steps.report.page import build_page, write_report

__all__ = ["FeatureRow", "ReportInput", "build_feature_rows", "build_page", "write_report"]

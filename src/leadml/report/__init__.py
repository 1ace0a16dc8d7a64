"""The report: one self-contained HTML file that an analyst can read without us."""

from leadml.report.inputs import Evidence, ReportContext, ReportInput
from leadml.report.page import build_report

__all__ = ["Evidence", "ReportContext", "ReportInput", "build_report"]

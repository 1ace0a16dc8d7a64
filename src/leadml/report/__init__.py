"""The report: one self-contained HTML file that an analyst can read without us."""

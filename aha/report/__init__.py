"""A run folder -> a page that opens offline, with a Markdown and a JSON twin, and a picture for a README."""

from aha.report.write import save_png, write_report

__all__ = ["save_png", "write_report"]

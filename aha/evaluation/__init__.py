"""Evaluations that are kept: presets, replies in files, grading apart from sampling, comparisons, ratings."""

"""Answers without reading its input at all, which is larger than a pipe holds."""

print("done")

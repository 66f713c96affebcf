"""Commands behind every number in the README. Each prints what it measured and on what."""

"""How the mathematics reward reads and compares answers: exact values, structure, and math-verify under a hard limit."""

"""Reads and writes text beyond ASCII."""

import unicodedata

text = input()
print(text[::-1], len(text), len(text.encode()))
print(unicodedata.normalize("NFC", "e\u0301"), "→ ✓ 日本 😀")

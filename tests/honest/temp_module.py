"""Uses tempfile, pathlib and json."""

import json
import tempfile
from pathlib import Path

with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "data.json"
    path.write_text(json.dumps({"words": input().split()}))
    print(len(json.loads(path.read_text())["words"]))

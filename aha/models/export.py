"""A model as a folder to give away, in the Hugging Face layout: written whole, or not at all.

    config.json  model.safetensors  tokenizer.json  tokenizer_config.json  chat_template.jinja  generation_config.json

    with placed(Path("my-model")) as draft:
        write_folder(Path("runs/zero/checkpoints/step-000120"), draft, trained=True)

The folder is filled under another name, sealed under a manifest of sizes and SHA-256, and renamed.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from aha import disk
from aha.chat import SPECIAL, Chat
from aha.errors import CheckpointError, RunError
from aha.models.export_template import exported_template
from aha.models.families import read_json
from aha.models.folder import load_model, save_model
from aha.models.load import kept_in

TEMPERATURE, TOP_P = 0.6, 0.95
"""How DeepSeek-R1 and its students are to be sampled (arXiv 2501.12948, section 3)."""


@contextmanager
def placed(folder: Path) -> Iterator[Path]:
    """A draft to fill, which becomes `folder` once it is whole. An earlier export of that name is replaced.

    Raises RunError, and touches nothing, where `folder` holds anything else.
    """
    folder = Path(folder).expanduser().resolve()
    check_replaceable(folder)
    draft = folder.with_name(disk.DRAFT + folder.name)
    with disk.writing(folder):
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        try:
            yield draft
            disk.seal(draft, -1)
            _swap(draft, folder)
        finally:
            shutil.rmtree(draft, ignore_errors=True)


def check_replaceable(folder: Path) -> None:
    """Raise RunError unless `folder` is free: absent, empty, or an export whose files are those that it promises."""
    with disk.writing(folder):  # a name may be too long
        if not folder.exists():
            return
    if not folder.is_dir():
        raise RunError(f"{folder} is a file; choose another --out")
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()}
    promised: set[str] = set()
    with suppress(CheckpointError, ValueError, OSError, KeyError, TypeError):
        disk.verify(folder)
        manifest = json.loads((folder / disk.MANIFEST).read_bytes())
        promised = {*manifest["files"], disk.MANIFEST} if manifest["step"] == -1 else set()
    if found - promised:
        foreign = min(found - promised)
        raise RunError(
            f"{folder} holds what no export wrote, or what was changed since ({foreign}); choose another --out"
        )


def _swap(draft: Path, folder: Path) -> None:
    """Put the draft in the folder's place; what was there goes once the new one is in it."""
    old = folder.with_name(f"{disk.DRAFT}old-{folder.name}")
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        disk.rename(folder, old)
    disk.rename(draft, folder)
    shutil.rmtree(old, ignore_errors=True)


def write_folder(source: Path, folder: Path, trained: bool) -> Chat:
    """Write the model of a folder as others load it, in the numbers that it is kept in; returns its tokenizer.

    `trained` says that a run taught it to think. Raises ModelError for a folder that is no whole model.
    """
    chat = Chat.load(source)
    model = load_model(source, kept_in(source))
    save_model(model, chat, folder)
    template = exported_template(chat, trained)
    (folder / "chat_template.jinja").write_text(template, encoding="utf-8")
    longest = model.config.max_position_embeddings
    _change(folder / "tokenizer_config.json", {"model_max_length": longest, "chat_template": template})
    sampled = {"do_sample": True, "temperature": TEMPERATURE, "top_p": TOP_P}
    lengths = {"max_new_tokens": longest // 2, "eos_token_id": list(chat.end_ids)}
    _change(folder / "generation_config.json", sampled | lengths)
    _write_tokenizer(source / "tokenizer.json", folder / "tokenizer.json")
    return chat


def _change(file: Path, values: dict[str, Any]) -> None:
    file.write_text(json.dumps(read_json(file) | values, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _write_tokenizer(source: Path, file: Path) -> None:
    """The tokenizer's own bytes, by which other programs know it.

    In the embedded world's, tags become tokens like others: programs that leave special tokens out of a reply, as most
    do, would leave out where the thought ends.
    """
    raw = read_json(source)
    tags = [token for token in raw["added_tokens"] if token["content"] in SPECIAL[2:] and token["special"]]
    if not tags:
        shutil.copyfile(source, file)
        return
    for token in tags:
        token["special"] = False
    file.write_text(json.dumps(raw, ensure_ascii=False, separators=(",", ":")), encoding="utf-8")

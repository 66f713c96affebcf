"""All that an export holds, written into one folder."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from aha.chat import THINK
from aha.models.export import write_folder
from aha.models.export_gguf import KINDS, write_gguf
from aha.models.export_ollama import modelfile
from aha.models.families import read_config
from aha.models.load import count
from aha.tools.export_card import Card
from aha.tools.export_source import Source


def write(
    found: Source, folder: Path, name: str, kinds: Sequence[str], ollama: bool, licence: str, stated: bool
) -> None:
    """Write the model of a run, its card, and what else was asked for. Raises ModelError for a model that cannot be."""
    write_folder(found.model, folder, found.trained)
    config = read_config(folder)
    ggufs = [f"{name}-{KINDS[kind]}.gguf" for kind in kinds]
    for kind, file in zip(kinds, ggufs, strict=True):
        write_gguf(folder, folder / file, kind, name)
    if ollama:
        text = modelfile(folder, ggufs[-1], config.max_position_embeddings, licence)
        (folder / "Modelfile").write_text(text, encoding="utf-8")
    if found.settings:
        record = {"command": found.command, "settings": found.settings}
        text = json.dumps(record, indent=1, ensure_ascii=False) + "\n"
        (folder / "training.json").write_text(text, encoding="utf-8")
    thinks = THINK in (folder / "chat_template.jinja").read_text(encoding="utf-8")
    card = Card(name, found, licence, stated, config, count(folder), thinks, ggufs)
    (folder / "README.md").write_text(card.text(), encoding="utf-8")

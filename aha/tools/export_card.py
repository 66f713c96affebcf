"""The model card of an export, a README.md that the run's data writes: what it is, from what, how good, how to repeat it."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import aha
from aha.models.transformer import ModelConfig
from aha.page import plain
from aha.stats import Interval
from aha.tools.export_source import Part, Source

PROTOCOL = {
    "questions": "questions",
    "samples": "samples of each",
    "temperature": "temperature",
    "max_tokens": "tokens",
}


@dataclass(frozen=True, slots=True)
class Card:
    """What a card is written from."""

    name: str
    source: Source
    licence: str
    stated: bool
    """Whether somebody stated the licence for this export, so that it is not inherited."""
    config: ModelConfig
    parameters: int
    thinks: bool
    """Whether its prompts open a thought."""
    ggufs: Sequence[str] = ()

    def text(self) -> str:
        """README.md, front matter and all."""
        parts = [
            self._front(), f"# {_cell(self.name)}", self._is(), self._use(), "## Where it comes from", self._origin(),
            "## Evaluations", self._results(), "## How to repeat it", self._repeat(), "## Licence", self._licence(),
        ]  # fmt: skip
        return "\n\n".join(part for part in parts if part) + "\n"

    def _front(self) -> str:
        """YAML: each value is JSON on one line, which YAML reads as well."""
        base = self.source.base.name
        values: dict[str, Any] = {
            "license": self.licence, "library_name": "transformers", "pipeline_tag": "text-generation",
            "tags": ["reasoning", "aha"],
        }  # fmt: skip
        if self.source.trained and base.count("/") == 1:
            values |= {"base_model": base, "base_model_relation": "finetune"}
        if self.source.results:
            values["model-index"] = [{"name": plain(self.name), "results": [*map(_entry, self.source.results)]}]
        lines = [f"{key}: {json.dumps(found, ensure_ascii=False)}" for key, found in values.items()]
        return "\n".join(["---", *lines, "---"])

    def _is(self) -> str:
        c = self.config
        thinks = " that thinks between `<think>` and `</think>` before it answers" if self.thinks else ""
        return (
            f"A language model of {self.parameters:,} parameters ({c.family}, {c.max_position_embeddings:,} tokens of "
            f"context){thinks}. Made with aha {aha.__version__} from {_cell(self.source.base.name)}."
        )

    def _use(self) -> str:
        python = (
            "from transformers import AutoModelForCausalLM, AutoTokenizer\n\n"
            'tokenizer, model = (kind.from_pretrained(".") for kind in (AutoTokenizer, AutoModelForCausalLM))\n'
            'asked = [{"role": "user", "content": "Using the numbers 44, 19, 35, make 98."}]\n'
            "prompt = tokenizer.apply_chat_template(asked, add_generation_prompt=True, return_dict=True, return_tensors=\"pt\")\n"
            "print(tokenizer.decode(model.generate(**prompt)[0]))"
        )  # fmt: skip
        told = [_fenced(python, "python")]
        if self.thinks:
            told.append("The prompt opens the thought, so a reply begins inside it.")
        if self.ggufs:
            told.append(f"For llama.cpp: {', '.join(f'`{file}`' for file in self.ggufs)}.")
        return "\n\n".join(told)

    def _origin(self) -> str:
        source = self.source
        rows = [["base", _cell(source.base.name), _cell(source.base.what), _licence_of(source.base)]]
        rows += [["data", _cell(part.name), _cell(part.what), _licence_of(part)] for part in source.data]
        told = [_table(["", "name", "what it is", "licence"], rows)]
        if source.stages:
            stages = [[_cell(text) for text in row] for row in source.stages]
            told.append(_table(["stage", "made from", "what came of it"], stages))
        return "\n\n".join(told)

    def _results(self) -> str:
        if not self.source.results:
            return "Nothing was measured."
        rows = [
            [_cell(r.name), share(r.before), share(r.after), *(_cell(r.protocol.get(key, "")) for key in PROTOCOL)]
            for r in self.source.results
        ]
        head = ["evaluation", f"{_cell(self.source.base.name)}, pass@1", "this model, pass@1", *PROTOCOL.values()]
        return _table(head, rows) + "\n\nIn percent, with 95 % intervals over questions. Nothing else was measured."

    def _repeat(self) -> str:
        source = self.source
        if not source.command and not source.settings:
            return "No run came with this model."
        told = [_fenced(source.command, "sh")] if source.command else []
        told.append(f"With aha {aha.__version__} it took {_cell(source.cost)}. `training.json` holds every setting.")
        return "\n\n".join(told)

    def _licence(self) -> str:
        base = self.source.base
        if not self.stated:
            return f"{self.licence}, as its base {_cell(base.name)}."
        told = f"{self.licence}, stated by who exported it."
        if unstated := self.source.unstated:
            told += f" No licence was found for {', '.join(map(_cell, unstated))}."
        return told + (" Built with Llama." if self.licence.startswith("llama") else "")


def share(found: Interval | None) -> str:
    """76.5 (68.2 to 83.2)"""
    return "" if found is None else f"{100 * found.mean:.1f} ({100 * found.low:.1f} to {100 * found.high:.1f})"


def _entry(result: Any) -> dict[str, Any]:
    """An evaluation as model hubs read it."""
    after = result.after
    interval = f"95 % interval {100 * after.low:.1f} to {100 * after.high:.1f}"
    return {
        "task": {"type": "text-generation"},
        "dataset": {"name": plain(result.name), "type": "aha"},
        "metrics": [{"type": "pass@1", "name": f"pass@1, {interval}", "value": round(100 * after.mean, 1)}],
    }  # fmt: skip


def _licence_of(part: Part) -> str:
    return _cell(part.licence) or "not stated"


def _cell(text: object) -> str:
    """Any text on one line of Markdown, where it is neither markup nor a new cell."""
    if isinstance(text, float) and math.isfinite(text):
        return f"{text:g}"
    shown = escape(" ".join(plain(text).split()), quote=False)
    return "".join(f"\\{c}" if c in "\\|`*_[]#" else c for c in shown)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _fenced(text: str, language: str) -> str:
    """A block of code, which no text in it can end."""
    fence = "`" * max(3, 1 + max((len(run) for run in _runs(text)), default=0))
    return f"{fence}{language}\n{plain(text)}\n{fence}"


def _runs(text: str) -> list[str]:
    return "".join(c if c == "`" else " " for c in text).split()

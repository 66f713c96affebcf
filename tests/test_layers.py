"""Imports point down only: a module may use lower ranks and its own package."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).parents[1] / "aha"
LAYERS = [
    {"errors"},
    {"types", "config", "split", "expressions", "stats", "page", "sandbox", "disk", "tables", "threads", "language"},
    {"environment", "template"},
    {"chat", "runlog", "svg"},
    {"models", "record"},
    {"rollout", "rewards", "figures"},
    {"tasks"},
    {"train", "search"},
    {"evaluate"},
    {"evaluation"},
    {"pipeline"},
    {"serve", "report"},
    {"tools"},
    {"cli"},
]
RANK = {name: rank for rank, layer in enumerate(LAYERS) for name in layer}
ENTRY = {"__init__", "__main__"}


def imported(file: Path):
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module == "aha":
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("aha."):
            yield node.module.split(".")[1]
        elif isinstance(node, ast.Import):
            yield from (a.name.split(".")[1] for a in node.names if a.name.startswith("aha."))


def test_imports_only_point_down():
    for file in ROOT.rglob("*.py"):
        package = file.relative_to(ROOT).parts[0].removesuffix(".py")
        for used in imported(file):
            below = package in ENTRY or used == package or RANK[used] < RANK[package]
            assert below, f"{file} imports {used}, which is not below {package}"


def test_every_module_has_a_rank_and_a_docstring():
    for file in ROOT.rglob("*.py"):
        package = file.relative_to(ROOT).parts[0].removesuffix(".py")
        assert package in RANK or package in ENTRY, f"{file} has no rank"
        assert ast.get_docstring(ast.parse(file.read_text())), f"{file} does not say what it is"

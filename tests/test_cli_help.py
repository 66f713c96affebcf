"""Every command answers --help at once and says what it and its options are for."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import typer
from typer.testing import CliRunner

from aha import cli

HEAVY = ("torch", "numpy", "pyarrow", "numba", "transformers", "starlette", "duckdb", "matplotlib")
PRINTS_RESULTS = ("eval", "compare", "solve", "doctor", "show", "ls", "report", "sandbox run", "grade")


def commands(group=None, path=()):
    """Every command by its words, those of sub-commands too."""
    group = group or typer.main.get_command(cli.app)
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))
        else:
            yield " ".join((*path, name)), command


COMMANDS = dict(commands())


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_option_has_help(name):
    command = COMMANDS[name]
    shown = CliRunner().invoke(cli.app, [*name.split(), "--help"], env={"COLUMNS": "200"})
    assert shown.exit_code == 0 and command.help and command.help.split("\n")[0] in " ".join(shown.output.split())
    assert not [p.name for p in command.params if not getattr(p, "help", None)]


@pytest.mark.parametrize("name", PRINTS_RESULTS)
def test_commands_that_print_results_print_json_too(name):
    assert any("--json" in param.opts for param in COMMANDS[name].params)


def test_help_needs_nothing_heavy():
    ask = f"""
import sys, time
began = time.process_time()
from typer.testing import CliRunner
from aha.cli import app
CliRunner().invoke(app, ["--help"])
spent = time.process_time() - began
for name in {list(COMMANDS)}:
    assert CliRunner().invoke(app, [*name.split(), "--help"]).exit_code == 0
print([name for name in {HEAVY} if name in sys.modules], spent)
"""
    done = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True)
    loaded, _, spent = done.stdout.strip().rpartition(" ")
    assert loaded == "[]" and float(spent) < 1.0  # half a second where nothing else runs


def test_words_are_completed():
    asked = {"_AHA_COMPLETE": "complete_bash", "COMP_WORDS": "aha rep", "COMP_CWORD": "1"}
    ask = [sys.executable, "-c", "from aha.cli import app; app(prog_name='aha')"]
    done = subprocess.run(ask, capture_output=True, text=True, env=os.environ | asked)
    assert done.stdout.split() == ["report"]


def test_whoever_only_reads_runs_does_without_torch():
    ask = "import sys, aha.report.write, aha.tools.ls, aha.serve.runs_summary; print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True).stdout.strip() == "False"

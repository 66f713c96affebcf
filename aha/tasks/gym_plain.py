"""Answers that verifiers of reasoning-gym would run as programs, told apart from plain ones.

Some verifiers hand an answer to Python's `eval`, directly or through sympy. The process they run in can reach nothing
(`gym_worker`), but a program in it could still change the verifier itself. For these tasks, of version 0.1.25, an answer
that is more than a value or an expression is wrong without being asked about.
"""

from __future__ import annotations

import ast
import re

VALUES = {"string_insertion", "spiral_matrix", "binary_matrix", "n_queens"}
"""Tasks whose verifiers read an answer as a Python value."""
EXPRESSIONS = {"countdown", "puzzle24", "simple_integration", "intermediate_integration", "polynomial_multiplication"}
"""Tasks whose verifiers read it as a sympy expression."""
_NAME = r"(?:a?sinh?|a?cosh?|a?tanh?|sec|csc|cot|exp|log|ln|sqrt|Abs|erf|pi|[A-Za-z])(?![A-Za-z_0-9])"
_EXPRESSION = re.compile(rf"(?:{_NAME}|(?:\d+(?:\.\d+)?|\.\d+)(?![A-Za-z_.])|\*\*|[-+*/^(), =])+")


def is_plain(task: str, answer: str) -> bool:
    """Whether a task's verifier may be given this answer."""
    if task in EXPRESSIONS:
        return _EXPRESSION.fullmatch(answer) is not None
    if task not in VALUES:
        return True
    try:
        ast.parse(answer, mode="eval")
    except (SyntaxError, ValueError):
        return True  # to `eval` it is no program either
    except (RecursionError, MemoryError):
        return False
    try:
        ast.literal_eval(answer)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return bool(re.fullmatch(r"\w+", answer))  # a word is a name that `eval` does not know
    return True

"""Plain values as JSON, both ways: what calls are given, and what they return."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

SYNTAX_ERROR, OUT_OF_MEMORY = 85, 86
"""Exit statuses by which a program that failed says how. A liar gains nothing: all of these are failures."""
DEEPEST = 100
SAFE = 10**15
"""Whole numbers below this travel as JSON numbers, larger ones in base 16, which has no limit of digits."""

LIBRARIES: dict[str, Callable[[Any], Any]] = {
    "collections": lambda value: dict(value) if isinstance(value, dict) else list(value),
    "numpy": lambda value: value.tolist(),
}
"""How the containers of these modules become plain. It does not matter who else claims to be of them: only JSON leaves."""


def pack(value: Any, depth: int = 0) -> Any:
    """A value of exact built-in types as JSON: what JSON has no word for becomes an object with one key. Raises TypeError."""
    kind = type(value)
    if kind.__module__ in LIBRARIES:
        value = LIBRARIES[kind.__module__](value)
        kind = type(value)
    if depth > DEEPEST:
        raise TypeError(f"a value nested more than {DEEPEST} deep")
    if value is None or kind is bool or kind is str:  # `in` would ask the type itself
        return value
    if kind is int:
        return value if -SAFE < value < SAFE else {"int": hex(value)}
    if kind is float:
        return value if value - value == 0 else {"float": repr(value)}
    if kind is list:
        return [pack(item, depth + 1) for item in value]
    if kind is tuple or kind is set or kind is frozenset:
        return {"tuple" if kind is tuple else "set": [pack(item, depth + 1) for item in value]}
    if kind is dict:
        return {"dict": [[pack(key, depth + 1), pack(item, depth + 1)] for key, item in value.items()]}
    if kind is complex:
        return {"complex": [pack(value.real), pack(value.imag)]}
    if kind is bytes or kind is bytearray:
        return {"bytes": value.hex()}
    raise TypeError(f"a value of type {kind.__name__}, not a plain one")


def unpack(packed: Any) -> Any:
    """The inverse of `pack`, but for sets, which come back frozen. Raises ValueError for what `pack` does not write."""
    if isinstance(packed, list):
        return [unpack(item) for item in packed]
    if not isinstance(packed, dict):
        return packed
    if len(packed) != 1:
        raise ValueError("not a packed value")
    [(kind, inner)] = packed.items()
    if kind == "dict":
        return {unpack(key): unpack(item) for key, item in inner}
    if kind in ("tuple", "set"):
        return (tuple if kind == "tuple" else frozenset)(unpack(item) for item in inner)
    if kind == "complex":
        return complex(unpack(inner[0]), unpack(inner[1]))
    if kind in ("int", "float", "bytes") and isinstance(inner, str):
        return int(inner, 16) if kind == "int" else float(inner) if kind == "float" else bytes.fromhex(inner)
    raise ValueError("not a packed value")

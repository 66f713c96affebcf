"""Settings: defaults, then one TOML file, then the command line; later wins, and an unknown name is an error.

    class Grpo(Settings):
        group: int = Field(16, ge=2)
        '''Replies drawn for each question.'''

    class Zero(Settings):
        grpo: Grpo = Grpo()
        steps: int = 100

    settings = load(Zero, Path("recipes/zero.toml"), ["--grpo.group=8", "--steps", "50"])

TOML has no null: a setting that is None is left out of the text, so None is only safe as a default.
"""

from __future__ import annotations

import difflib
import json
import re
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar, get_args, get_origin

from pydantic import AfterValidator, BaseModel, ConfigDict, TypeAdapter, ValidationError

from aha.errors import ConfigError

S = TypeVar("S", bound="Settings")


class Settings(BaseModel):
    """A frozen group of settings that refuses unknown names. The line under each field is its help text."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, protected_namespaces=(), allow_inf_nan=False
    )


def _is_folder(text: str) -> str:
    if not text.strip() or "\0" in text:
        raise ValueError(f"{text!r} names no folder")
    return text


Folder = Annotated[str, AfterValidator(_is_folder)]
"""A folder, which a setting names."""


def load(cls: type[S], file: Path | None = None, overrides: Sequence[str] = ()) -> S:
    """Defaults, then the file, then the words of a command line; later ones win.

    Words are `--key=value`, `--key value`, `--flag`, or the settings file itself if it is not given as `file`.
    Raises ConfigError, one line that names the file and the setting.
    """
    named, given = _parse(cls, overrides)
    files = [*([Path(file)] if file else []), *named]
    if len(files) > 1:
        raise ConfigError(f"one settings file at most, got {' and '.join(map(str, files))}")
    tree = _read(files[0]) if files else {}
    for key, value in given.items():
        _put(tree, key, value)
    try:
        return cls.model_validate_json(_json(tree), strict=True)
    except ValidationError as error:
        problems = error.errors(include_url=False)
    _explain(cls, problems, f"{files[0]}: " if files else "", given)


def dump(settings: Settings) -> str:
    """TOML text that `load` reads back to equal settings."""
    return "\n".join(_lines(settings.model_dump(mode="json", exclude_none=True), "")).strip() + "\n"


def flatten(settings: Settings) -> dict[str, Any]:
    """Every setting by its dotted name, in order.

    >>> flatten(Zero())
    {'grpo.group': 16, 'steps': 100}
    """
    flat: dict[str, Any] = {}
    for name, value in settings:
        if isinstance(value, Settings):
            flat |= {f"{name}.{key}": leaf for key, leaf in flatten(value).items()}
        else:
            flat[name] = value
    return flat


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read: {error.strerror}") from None
    except ValueError as error:  # of the TOML, or of the UTF-8 under it
        raise ConfigError(f"{file}: not valid TOML: {error}") from None
    except RecursionError:
        raise ConfigError(f"{file}: not valid TOML: nested too deeply") from None


def _parse(cls: type[Settings], words: Sequence[str]) -> tuple[list[Path], dict[str, Any]]:
    """The settings files and the values that a command line names."""
    files: list[Path] = []
    given: dict[str, Any] = {}
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if not word.startswith("--"):
            if not word.endswith(".toml"):
                raise ConfigError(f"expected --key=value or a .toml file, got {word!r}")
            files.append(Path(word))
            continue
        key, equals, text = word[2:].partition("=")
        key = key.replace("-", "_")
        kind = _kind(cls, key)
        if not equals and bool in (kind, *get_args(kind)) and rest[:1] not in (["true"], ["false"]):
            text = "true"
        elif not equals:
            if not rest or rest[0].startswith("--"):
                raise ConfigError(f"--{key} needs a value")
            text = rest.pop(0)
        given.pop(key, None)  # so that the last word is also the last applied
        given[key] = _value(kind, text)
    return files, given


def _kind(cls: type[Settings], dotted: str) -> Any:
    """The declared type of a setting."""
    kind: Any = cls
    for part in dotted.split("."):
        section = _section(kind)
        if section and part in section.model_fields:
            kind = section.model_fields[part].annotation
        elif get_origin(kind) is dict:
            kind = get_args(kind)[1]
        else:
            _unknown(cls, dotted, "")
    return kind


def _section(kind: Any) -> type[Settings] | None:
    """The settings class inside a type such as `Grpo` or `Grpo | None`."""
    return next((k for k in (kind, *get_args(kind)) if isinstance(k, type) and issubclass(k, Settings)), None)


def _value(kind: Any, text: str) -> Any:
    """A word read as TOML; but as it stands where only text fits, so that `--name=5` names something '5'."""
    try:
        tree = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        return text
    if len(tree) > 1 or (not _accepts(kind, tree["value"]) and _accepts(kind, text)):
        return text
    return tree["value"]


def _accepts(kind: Any, value: Any) -> bool:
    try:
        TypeAdapter(kind).validate_json(_json(value), strict=True)
    except ValidationError:
        return False
    return True


def _json(value: Any) -> str:
    """Validation reads JSON: strict there still turns a list into a tuple and text into a path, but never 5 to '5'."""
    return json.dumps(value, default=str)


def _put(tree: dict[str, Any], dotted: str, value: Any) -> None:
    *parents, key = dotted.split(".")
    for parent in parents:
        tree = tree.setdefault(parent, {})
        if not isinstance(tree, dict):
            raise ConfigError(f"{parent} should be a section, got {tree!r}")
    tree[key] = value


_PLAIN = {
    "a valid integer": "an integer",
    "a valid number": "a number",
    "a valid boolean": "true or false",
    "a valid string": "text",
    "a valid array": "a list",
    "an object": "a section",
}


def _explain(cls: type[Settings], problems: Sequence[Any], where: str, given: dict[str, Any]) -> NoReturn:
    """Raise for the first problem, misspelt names before wrong values."""
    problem = next((p for p in problems if p["type"] == "extra_forbidden"), problems[0])
    name, kind = _dotted(cls, problem["loc"]), problem["type"]
    if kind == "extra_forbidden":
        _unknown(cls, name, where)
    label = f"--{name}" if name in given else f"{where}{name}"
    if kind == "missing":
        raise ConfigError(f"{label} is required")
    if kind in ("value_error", "assertion_error"):
        raise ConfigError(f"{label}: {problem['ctx']['error']}" if name else f"{where}{problem['ctx']['error']}")
    subject, should, wish = problem["msg"].partition(" should be ")
    if not should or subject != "Input":
        raise ConfigError(f"{label}: {problem['msg'][:1].lower()}{problem['msg'][1:]}")
    raise ConfigError(f"{label} should be {_PLAIN.get(wish, wish)}, got {problem['input']!r}")


def _dotted(cls: type[Settings], loc: Sequence[int | str]) -> str:
    """A problem's place as the user writes it, without the marks a union of types leaves in it."""
    name, kind = "", cls
    for item in loc:
        section = _section(kind)
        if isinstance(item, int):
            name += f"[{item}]"
        elif section or get_origin(kind) is dict:
            name += f".{item}"
            field = section.model_fields.get(item) if section else None
            kind = field.annotation if field else Any  # type: ignore[assignment]
    return name.removeprefix(".")


_CALLED = {
    "learning_rate": "lr", "num_generations": "group", "group_size": "group", "max_completion_length": "max_tokens",
    "max_new_tokens": "max_tokens", "num_train_epochs": "epochs", "max_steps": "steps", "output_dir": "out",
    "model": "base", "model_name_or_path": "base", "beta": "kl", "kl_coef": "kl",
}  # fmt: skip
"""What other programs call a setting -> its name here."""


def _unknown(cls: type[Settings], name: str, where: str) -> NoReturn:
    """Raise for a name that is no setting, with the nearest that is: the same last part first, then the spelling."""
    names = list(_names(cls))
    leaf = name.rpartition(".")[2]
    same = [known for known in names if known.rpartition(".")[2] == leaf]
    leaves = {known.rpartition(".")[2]: known for known in reversed(names)}
    near = difflib.get_close_matches(name, same, 1, cutoff=0)
    near = near or [known for known in names if known.rpartition(".")[2] == _CALLED.get(leaf)][:1]
    near = near or difflib.get_close_matches(name, names, 1)
    near = near or [leaves[found] for found in difflib.get_close_matches(leaf, leaves, 1)]
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise ConfigError(f"{where}no setting {name!r}{hint}")


def _names(cls: type[Settings]) -> Iterator[str]:
    for name, field in cls.model_fields.items():
        yield name
        section = _section(field.annotation)
        if section:
            yield from (f"{name}.{inner}" for inner in _names(section))


def _lines(table: dict[str, Any], at: str) -> Iterator[str]:
    """A table as TOML, its plain values before its sections."""
    yield from (f"{_key(key)} = {_toml(value)}" for key, value in table.items() if not isinstance(value, dict))
    for key, value in table.items():
        if isinstance(value, dict):
            yield f"\n[{at}{_key(key)}]"
            yield from _lines(value, f"{at}{_key(key)}.")


def _key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else _toml(key)


_ESCAPES = {"\n": "\\n", "\t": "\\t", '"': '\\"', "\\": "\\\\"}


def _toml(value: Any) -> str:
    if isinstance(value, str):
        return '"' + re.sub(r'[\x00-\x1f\x7f"\\]', lambda m: _ESCAPES.get(m[0], f"\\u{ord(m[0]):04x}"), value) + '"'
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{_key(key)} = {_toml(item)}' for key, item in value.items())}}}"
    return str(value).lower() if isinstance(value, bool) else repr(value)

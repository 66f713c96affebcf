"""Data sets of the hub, and folders laid out like them: which files a split has, and fetching those and no others.

    listing = hub("openai/gsm8k")
    listing.get(chosen(listing, "main", "", "train"))  ->  [.../main/train-00000-of-00001.parquet]

Files are read, never run: a data set that is a script has no files here. What was fetched stays in huggingface_hub's own
cache, so a download that broke off goes on, and without a network the cache is enough. `HF_ENDPOINT`, `HF_HOME`,
`HF_HUB_OFFLINE` and `HF_TOKEN` mean what they always do.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from typing import Any

from aha.errors import DataError
from aha.tasks.data_presets import ANY

SUFFIXES = (".jsonl", ".jsonl.gz", ".json", ".parquet", ".csv", ".tsv")
"""Files that hold rows."""
SPLITS = {
    "train": ("train", "training"),
    "test": ("test", "testing", "eval", "evaluation"),
    "validation": ("validation", "valid", "val", "dev"),
}
"""Words in the names of files and folders that tell a split, as the hub reads them."""
_SHARD = re.compile(r"(?P<split>[\w.]+)-(?P<number>\d{5})-of-(?P<count>\d{5})(?:-[0-9a-f]+)?")

Splits = dict[str, dict[str, list[str]]]
"""Files by configuration and split."""


@dataclass(frozen=True, slots=True)
class Listing:
    """A data set's files, its card's heading, and how its files are had."""

    title: str
    files: Sequence[str]
    card: Mapping[str, Any]
    get: Callable[[Sequence[str]], list[Path]]

    @property
    def licence(self) -> str:
        """What the card says, empty where it says nothing."""
        told = self.card.get("license") or ""
        return ", ".join(map(str, told)) if isinstance(told, list) else str(told)


def folder(path: Path) -> Listing:
    """A folder on this machine. Raises DataError for a damaged card."""
    try:
        files = sorted(file.relative_to(path).as_posix() for file in path.rglob("*") if file.is_file())
    except OSError as error:
        raise DataError(f"{path} cannot be looked through: {error.strerror}: {error.filename}") from None
    return Listing(str(path), files, _card(path / "README.md"), lambda names: [path / name for name in names])


def hub(name: str, revision: str = "") -> Listing:
    """A data set of the hub, at a branch, tag or commit. Raises DataError, one line, where it cannot be had."""
    import huggingface_hub

    def have(patterns: Sequence[str], at: str | None) -> Path:
        try:
            return Path(
                huggingface_hub.snapshot_download(name, repo_type="dataset", revision=at, allow_patterns=list(patterns))
            )
        except Exception as error:  # the library lets the errors of its HTTP client through
            raise DataError(_refusal(name, revision, error)) from error

    place = have(["README.md", ".gitattributes"], revision or None)
    commit = place.name
    try:
        files = [file.path for file in huggingface_hub.get_cached_repo_tree(name, repo_type="dataset", revision=commit)]
    except huggingface_hub.errors.CachedRepoTreeNotFoundError:  # a cache that an earlier version has filled
        files = folder(place).files  # type: ignore[assignment]

    def get(names: Sequence[str]) -> list[Path]:
        fetched = have(names, commit)
        return [fetched / one for one in names]

    return Listing(name, sorted(files), _card(place / "README.md"), get)


def _card(file: Path) -> Mapping[str, Any]:
    from huggingface_hub import metadata_load

    if not file.is_file():
        return {}
    try:
        return metadata_load(file) or {}
    except Exception as error:  # of YAML, of its encoding, or of what it says
        raise DataError(f"{file}: its heading cannot be read: {' '.join(str(error).split())[:200]}") from None


def _refusal(name: str, revision: str, error: Exception) -> str:
    """What went wrong in one line, with what to do."""
    from huggingface_hub import errors

    said = " ".join(str(error).split())
    match error:
        case errors.GatedRepoError():
            return (
                f"{name} is given only to those who accept its terms: do so on its page, then log in with hf auth login"
            )
        case errors.RevisionNotFoundError():
            return f"{name} has no revision {revision!r} on the hub"
        case errors.RepositoryNotFoundError():
            return f"the hub has no data set {name!r}, or it is private: check the name, or log in with hf auth login"
        case errors.LocalEntryNotFoundError():
            return f"{name} is not whole in the cache, and the hub was not asked or not reached: {said[:300]}"
    return f"{name} cannot be had from the hub: {type(error).__name__}: {said[:300]}"


def splits(listing: Listing) -> Splits:
    """Its files by configuration and split: as its card says, or else as their names do.

    Raises DataError where there are none.
    """
    data = [file for file in listing.files if file.endswith(SUFFIXES)]
    found = _told(listing.card, data) or _named(data)
    if not found:
        kinds = ", ".join(SUFFIXES)
        raise DataError(
            f"{listing.title} has no file of rows ({kinds}); a data set that is a script often has some at the revision "
            f"refs/convert/parquet: write {listing.title}@refs/convert/parquet"
        )
    return found


def _told(card: Mapping[str, Any], data: Sequence[str]) -> Splits:
    configs = card.get("configs")
    found: Splits = {}
    for config in configs if isinstance(configs, list) else []:
        if not isinstance(config, dict) or not config.get("data_files"):
            continue
        given = config["data_files"]
        listed = given if isinstance(given, list) else [given]
        parts = [part if isinstance(part, dict) else {"split": "train", "path": part} for part in listed]
        by_split = found.setdefault(str(config.get("config_name", "default")), {})
        for part in parts:
            paths = part.get("path")
            for pattern in paths if isinstance(paths, list) else [paths]:
                by_split.setdefault(str(part.get("split")), []).extend(f for f in data if fnmatch(f, str(pattern)))
    return {
        name: kept for name, by in found.items() if (kept := {split: files for split, files in by.items() if files})
    }


def _named(data: Sequence[str]) -> Splits:
    found: Splits = defaultdict(lambda: defaultdict(list))
    for file in data:
        *folders, name = PurePosixPath(file).parts
        configs = [part for part in folders if part != "data" and not _split(part)]
        shard = _SHARD.match(name)
        split = shard["split"] if shard else _split(name) or next(filter(None, map(_split, reversed(folders))), "train")
        found["/".join(configs) or "default"][split].append(file)
    return {config: dict(by_split) for config, by_split in found.items()}


def _split(name: str) -> str:
    """The split that a file's or folder's name tells, empty for none."""
    words = set(re.split(r"[^a-z]+", name.lower()))
    return next((split for split, told in SPLITS.items() if words & set(told)), "")


def chosen(listing: Listing, config: str, split: str, side: str) -> list[str]:
    """The files of a split; without a name for it, of `side` ("train", "test" or ANY). Raises DataError, listing what there is."""
    if split.endswith(SUFFIXES):
        return [_one_of(listing.files, split, f"{listing.title} has no file", lambda file: f"#{file}")]
    found = splits(listing)
    configs = [config] if config else ["default"] if "default" in found else list(found)
    if len(configs) > 1:
        raise DataError(f"{listing.title} has several parts: write {_ways(f'{listing.title}:', configs)}")
    by_split = found[_one_of(found, configs[0], f"{listing.title} has no part", lambda name: f":{name}")]
    at = f"{listing.title}:{config}" if config else listing.title
    if not split and side == ANY:
        split = "train" if "train" in by_split else next(iter(by_split)) if len(by_split) == 1 else ""
    wanted = split or side
    if wanted not in by_split:
        near = get_close_matches(wanted, by_split, 1)
        hint = f"did you mean #{near[0]}? " if near else ""
        raise DataError(f"{at} has no split {wanted!r}; {hint}write {_ways(f'{at}#', by_split)}")
    files = by_split[wanted]
    _check_shards(at, files)
    return files


def _one_of(known: Sequence[str] | Mapping[str, Any], name: str, lacks: str, shown: Callable[[str], str]) -> str:
    if name in known:
        return name
    near = get_close_matches(name, known, 1)
    hint = f"did you mean {shown(near[0])}? " if near else ""
    raise DataError(f"{lacks} {name!r}; {hint}it has: {', '.join(list(known)[:20])}")


def _ways(start: str, names: Sequence[str] | Mapping[str, Any]) -> str:
    return " or ".join(f"{start}{name}" for name in list(names)[:12])


def _check_shards(title: str, files: Sequence[str]) -> None:
    """Raise DataError where a file says that it is one of several and others of them are not there."""
    told = [match for file in files if (match := _SHARD.match(PurePosixPath(file).name))]
    for match in told:
        same = {
            other["number"] for other in told if (other["split"], other["count"]) == (match["split"], match["count"])
        }
        if len(same) < int(match["count"]):
            raise DataError(
                f"{title} is not whole: {len(same)} of {int(match['count'])} files of {match['split']} are there"
            )

"""When a run fails: one line for whoever started it, and the whole traceback in the run's folder."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from aha.errors import AhaError, UnexpectedError
from aha.page import plain

LOG = "aha.log"


@contextmanager
def logged(folder: Path) -> Iterator[None]:
    """Add the traceback of any failure to `folder/aha.log`. One that is no AhaError is raised as an UnexpectedError,
    unless the log cannot be written: then the traceback has no other place than the terminal.
    """
    try:
        yield
    except Exception as error:
        known = isinstance(error, AhaError)
        try:
            file = _add(folder, error, make=not known)
        except OSError:
            raise error from None
        if known:
            raise
        what = plain(f"{type(error).__name__}: {error}".splitlines()[0][:300])
        raise UnexpectedError(
            f"stopped by {what} (whole traceback: {file}). Mend its cause; the same command then goes on from the last "
            f"checkpoint"
        ) from error


def _add(folder: Path, error: Exception, make: bool) -> Path:
    """Append a failure to the log, with its time and command. A mistake in the settings makes no folder."""
    import shlex
    import traceback

    file = folder / LOG
    if make:
        folder.mkdir(parents=True, exist_ok=True)
    if folder.is_dir():
        head = f"{time.strftime('%Y-%m-%d %H:%M:%S')}  {shlex.join(['aha', *sys.argv[1:]])}\n"
        with file.open("a", encoding="utf-8", errors="backslashreplace") as stream:
            stream.write(head + "".join(traceback.format_exception(error)) + "\n")
    return file

"""Every error a user can cause, under one root.

    AhaError                 catch this one to catch them all
    +-- ConfigError          a setting is unknown, misspelt or of the wrong type
    +-- DataError            a row or file of data cannot be used; the message names both
    +-- ModelError           a model folder is missing, damaged or of a family we do not know
    +-- RunError             a run folder is in use, holds other settings, or cannot be written
    |   +-- EngineError      some prompts got no reply; those that came are kept
    |   +-- UnsoundError     a guard stopped the training; the message says why and what to change
    +-- CheckpointError      a checkpoint's bytes are not those its manifest promises
    +-- SandboxError         untrusted code cannot be run safely on this machine
    +-- UnexpectedError      what should not have happened; the message names the log with the traceback

The command line prints them as one line and exits with status 2, after an UnexpectedError with 1. Anything else is a
bug and keeps its traceback.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class AhaError(Exception):
    """Root of the errors a user can cause. The message says what is wrong, where, and what to do."""


class ConfigError(AhaError):
    """A setting is unknown, misspelt or of the wrong type."""


class DataError(AhaError):
    """A row or file of data cannot be used."""


class ModelError(AhaError):
    """A model folder is missing, damaged or of an unknown family."""


class RunError(AhaError):
    """A run folder is in use, holds other settings, or cannot be written."""


class EngineError(RunError):
    """Some prompts got no reply. `groups` holds those that did: the replies to each prompt, or None."""

    def __init__(self, message: str, groups: Sequence[Any]) -> None:
        super().__init__(message)
        self.groups = groups


class UnsoundError(RunError):
    """A guard stopped the training: it could not have gone well. The message says why, and what to change."""


class CheckpointError(AhaError):
    """A checkpoint's bytes are not those its manifest promises."""


class SandboxError(AhaError):
    """Untrusted code cannot be run safely on this machine."""


class UnexpectedError(AhaError):
    """What should not have happened, in a run whose log has the traceback. The message names the log."""

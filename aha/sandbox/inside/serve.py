"""The loop: a job in, an answer out. This process sees jobs and answers; no program is a copy of it."""

from __future__ import annotations

import os
import sys

from . import system
from .frames import answer, receive
from .job import Job
from .zygote import Zygote


def main() -> None:
    """Read the configuration, then do jobs until the other side closes."""
    requests, answers = os.dup(0), os.dup(1)
    os.dup2(os.open(os.devnull, os.O_RDWR), 0)
    os.dup2(2, 1)
    if not (config := receive(requests)):
        return
    zygote = None
    try:
        change_user(config)
        zygote = Zygote(config)
        answer(answers, sys.version.split()[0])
        while job := receive(requests):
            answer(answers, *Job(zygote, job, requests).run())
    except OSError as error:
        answer(answers, f"error {error}".replace("\n", " "))
    finally:
        if zygote:
            zygote.end()


def change_user(config: dict) -> None:
    """Turn into the user that jobs run as. Raises OSError."""
    if config["uid"] is not None:
        os.setgroups([])
        os.setresgid(config["uid"], config["uid"], config["uid"])
        os.setresuid(config["uid"], config["uid"], config["uid"])
    # in a user namespace of its own it must own its files in /proc; elsewhere no program may see its memory there
    system.control(system.SET_DUMPABLE, config["nested"])
    if config["nested"]:
        system.become_root_of_nothing()

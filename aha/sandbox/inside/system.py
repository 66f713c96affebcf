"""What Python's library does not offer of the system: namespaces, mounts, filters, and a look at other processes."""

from __future__ import annotations

import ctypes
import os
import resource
import struct

MOUNTS, USERS, PROCESSES = 0x00020000, 0x10000000, 0x20000000
SET_THREAD_ID, CLEAR_THREAD_ID = 0x01000000, 0x00200000
KILL, CHILD = 9, 17
"""Signals."""
READ_ONLY, NO_SUID, NO_DEVICES, REMOUNT = 1, 2, 4, 32
DEATH_SIGNAL, SET_DUMPABLE, SET_SECCOMP, CAPBSET_DROP, CHILD_SUBREAPER, NO_NEW_PRIVS, THREAD_ID = (
    1,
    4,
    22,
    24,
    36,
    38,
    40,
)

libc = ctypes.PyDLL(None, use_errno=True)


def call(name: str, *args: object) -> int:
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
    call("unshare", USERS)
    write("/proc/self/setgroups", "deny")
    write("/proc/self/uid_map", f"{user} {user} 1")
    write("/proc/self/gid_map", f"{group} {group} 1")


def fork(namespaces: int) -> int:
    """Copy this process, which has one thread, into namespaces of its own. 0 in the copy. Raises OSError.

    `os.fork` knows no namespaces, and its handlers, which set right locks and threads, touch and so copy a hundred pages.
    """
    thread_id = ctypes.c_long(0)  # where the C library keeps the number of its thread
    libc.prctl(THREAD_ID, ctypes.byref(thread_id), 0, 0, 0)
    call_number, last = (220, (0, thread_id)) if os.uname().machine == "aarch64" else (56, (thread_id, 0))
    flags = namespaces | SET_THREAD_ID | CLEAR_THREAD_ID | CHILD
    return call("syscall", call_number, ctypes.c_long(flags), *map(ctypes.c_void_p, (0, 0)), *last)


def kill(pid: int) -> None:
    """Kill a process, if it is still there."""
    libc.kill(pid, KILL)


def wait_for_all() -> None:
    """Wait for the end of every child."""
    while libc.waitpid(-1, None, 0) > 0:
        pass


def hide(disk: int) -> None:
    """File systems of a job's own, which vanish with it; /proc is empty. Raises OSError."""
    size = f"size={disk},nr_inodes=4096,mode=1777"
    for where, options in (("/tmp", size), ("/dev/shm", size), ("/proc", EMPTY + ",mode=555")):
        call("mount", b"none", where.encode(), b"tmpfs", NO_SUID | NO_DEVICES, options.encode())
    call("mount", b"none", b"/proc", None, REMOUNT | READ_ONLY | NO_SUID | NO_DEVICES, EMPTY.encode())


EMPTY = "size=4096,nr_inodes=2"


def bound_capabilities() -> None:
    """No exec brings a privilege, as far as this process may say so."""
    for capability in range(64):
        libc.prctl(CAPBSET_DROP, capability, 0, 0, 0)


def drop_capabilities() -> None:
    """Every privilege. Raises OSError."""
    call("capset", struct.pack("Ii", 0x20080522, 0), struct.pack("6I", 0, 0, 0, 0, 0, 0))


def filter_of(program: bytes) -> tuple[object, bytes]:
    """A system call filter of 8 bytes an instruction, ready to be installed."""
    buffer = ctypes.create_string_buffer(program, len(program))
    return buffer, struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(buffer))


def install_filter(ready: tuple[object, bytes]) -> None:
    """Install a system call filter for good. Raises OSError."""
    call("prctl", SET_SECCOMP, 2, ready[1], 0, 0)


def file_rules(rules: dict) -> int:
    """A Landlock ruleset that forbids every access to files but those of the rules, [path, rights] each. Raises OSError."""
    attributes = struct.pack("QQQ", *rules["handled"])[: rules["size"]]
    ruleset = call("syscall", 444, attributes, ctypes.c_size_t(len(attributes)), 0)
    for path, rights in rules["paths"]:
        try:
            place = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except FileNotFoundError:
            continue
        call("syscall", 445, ruleset, 1, struct.pack("=Qi", rights, place), 0)
        os.close(place)
    return ruleset


def restrict_files(ruleset: int) -> None:
    """Apply a Landlock ruleset for good. Raises OSError."""
    call("syscall", 446, ruleset, 0)


def descendants(ancestor: int) -> list[int]:
    """Every process below one."""
    children: dict[int, list[int]] = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat", "rb") as file:
                parent = int(file.read().rpartition(b")")[2].split()[1])
        except (OSError, IndexError):
            continue
        children.setdefault(parent, []).append(int(name))
    family, found = [ancestor], list[int]()
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

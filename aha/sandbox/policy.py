"""What a jailed program may use: limits, the system call filter, the files it may see.

The filter denies what reaches outside a process's own memory and files, and every channel by which two programs that run
at the same time could talk (keyrings, sockets, file locks, io_uring: the list of isolate's manual). Everything else is
allowed, since a Python program may need any of it.
"""

from __future__ import annotations

import errno
import os
import platform
import struct
from dataclasses import dataclass

from aha.errors import SandboxError


@dataclass(frozen=True, slots=True)
class Limits:
    """What one job may use. Times in seconds, sizes in bytes."""

    wall: float = 10.0
    cpu: float = 10.0
    memory: int = 512 << 20
    """Held by all its processes together, looked at every 15 ms."""
    output: int = 1 << 20
    """Of each of stdout, stderr and results."""
    disk: int = 64 << 20
    """Of /tmp and of /dev/shm."""
    processes: int = 32
    """Threads count."""

    def as_dict(self) -> dict[str, float]:
        """As the program inside the jail reads them. A process may reserve more addresses than it may fill with memory."""
        return {
            "wall": self.wall, "cpu": self.cpu, "memory": self.memory, "address": self.memory + (1 << 30),
            "output": self.output, "disk": self.disk, "processes": self.processes,
        }  # fmt: skip


DENIED = {
    # name: number on x86-64, on aarch64; None where it does not exist
    "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51), "mount_setattr": (442, 442),
    "open_tree": (428, 428), "move_mount": (429, 429), "fsopen": (430, 430), "fsconfig": (431, 431), "fsmount": (432, 432),
    "fspick": (433, 433), "unshare": (272, 97), "setns": (308, 268), "bpf": (321, 280), "perf_event_open": (298, 241),
    "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "io_uring_register": (427, 427), "add_key": (248, 217),
    "request_key": (249, 218), "keyctl": (250, 219), "userfaultfd": (323, 282), "ptrace": (101, 117),
    "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "pidfd_getfd": (438, 438), "kcmp": (312, 272),
    "kexec_load": (246, 104), "kexec_file_load": (320, 294), "init_module": (175, 105), "finit_module": (313, 273),
    "delete_module": (176, 106), "open_by_handle_at": (304, 265), "name_to_handle_at": (303, 264), "socket": (41, 198),
    "flock": (73, 32), "shmget": (29, 194), "msgget": (68, 186), "semget": (64, 190), "mq_open": (240, 180),
    "reboot": (169, 142), "swapon": (167, 224), "swapoff": (168, 225), "settimeofday": (164, 170),
    "clock_settime": (227, 112), "adjtimex": (159, 171), "clock_adjtime": (305, 266), "acct": (163, 89),
    "quotactl": (179, 60), "syslog": (103, 116), "personality": (135, 92), "fanotify_init": (300, 262),
    "vhangup": (153, 58), "sethostname": (170, 161), "setdomainname": (171, 162), "memfd_secret": (447, 447),
    "iopl": (172, None), "ioperm": (173, None), "modify_ldt": (154, None), "uselib": (134, None),
}  # fmt: skip
ABSENT = {"clone3": (435, 435), "memfd_create": (319, 279)}
"""Answered as if this kernel did not have them: clone3 hides its flags from a filter, a memory file from every limit."""
SIGNALS = {"kill": (62, 129), "tkill": (200, 130), "tgkill": (234, 131), "pidfd_send_signal": (424, 424)}
"""Denied where neither a namespace nor Landlock keeps signals inside."""
BY_ARGUMENT = {
    # name: numbers, which argument, its forbidden values or bits
    "clone": ((56, 220), 0, (), 0x7E020080),
    "fcntl": ((72, 25), 1, (6, 7, 37, 38, 1024, 1026), 0),
    "ioctl": ((16, 29), 1, (0x5412, 0x541C), 0),
}
"""New namespaces; file locks, leases and notices; typing into a terminal."""

MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
LOAD, JUMP_EQUAL, JUMP_ABOVE, JUMP_BITS, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
ALLOW, KILL, FAIL = 0x7FFF0000, 0x80000000, 0x00050000
NUMBER, ARCHITECTURE, ARGUMENTS = 0, 4, 16
Instruction = tuple[int, int, int, int]
"""Operation, how many to skip if it holds and if not, and its constant."""


def system_call_filter(deny_signals: bool = False, machine: str | None = None) -> bytes:
    """The filter as a classic BPF program, for this machine. Raises SandboxError for a machine it is not written for."""
    machine = machine or platform.machine()
    if machine not in MACHINES:
        raise SandboxError(f"no system call filter for {machine}; untrusted code runs on {' and '.join(MACHINES)} only")
    column, architecture = MACHINES[machine]
    program = [(LOAD, 0, 0, ARCHITECTURE), (JUMP_EQUAL, 1, 0, architecture), (RETURN, 0, 0, KILL), (LOAD, 0, 0, NUMBER)]
    if machine == "x86_64":  # the x32 calls are the same under other numbers
        program += [(JUMP_ABOVE, 0, 1, 0x40000000), (RETURN, 0, 0, KILL)]
    refuse = (RETURN, 0, 0, FAIL | errno.EPERM)
    found = {numbers[column]: [refuse] for numbers in (DENIED | (SIGNALS if deny_signals else {})).values()}
    found |= {numbers[column]: [(RETURN, 0, 0, FAIL | errno.ENOSYS)] for numbers in ABSENT.values()}
    for numbers, argument, values, mask in BY_ARGUMENT.values():
        tests = [(JUMP_EQUAL, 0, 1, value) for value in values] + ([(JUMP_BITS, 0, 1, mask)] if mask else [])
        body = [(LOAD, 0, 0, ARGUMENTS + 8 * argument)]
        found[numbers[column]] = body + [instruction for test in tests for instruction in (test, refuse)]
    program += _search(sorted((number, body) for number, body in found.items() if number is not None))
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in program)


def _search(cases: list[tuple[int, list[Instruction]]]) -> list[Instruction]:
    """Run the body of the loaded number, by halving, since installing a filter runs it for every number there is."""
    if len(cases) == 1:
        [(number, body)] = cases
        return [(JUMP_EQUAL, 0, len(body), number), *body, (RETURN, 0, 0, ALLOW)]
    below, above = cases[: len(cases) // 2], cases[len(cases) // 2 :]
    first = _search(below)
    return [(JUMP_ABOVE, len(first), 0, above[0][0]), *first, *_search(above)]


READ, FILE = 0b1101, 0b100000000000111
"""Landlock rights: execute, read a file, list a folder; and those that a file can have: execute, write, read, truncate."""


def landlock_rules(abi: int, readable: list[str], writable: list[str]) -> dict[str, object]:
    """What `landlock` inside the jail applies. Rights that a kernel does not know must not be asked for."""
    everything = (1 << {1: 13, 2: 14, 3: 15, 4: 15}.get(abi, 16)) - 1
    paths = [[path, everything & READ & (-1 if os.path.isdir(path) else FILE)] for path in readable]
    paths += [[path, everything & (-1 if os.path.isdir(path) else FILE)] for path in writable]
    handled = [everything, 0b11 if abi >= 4 else 0, 0b11 if abi >= 6 else 0]
    return {"handled": handled, "size": 8 if abi < 4 else 16 if abi < 6 else 24, "paths": paths}

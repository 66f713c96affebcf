"""The jail: what a program may not do, that nothing of it stays, and that its end is told rightly (reliability S1-S12)."""

from __future__ import annotations

import os
import platform
import re
import time
from pathlib import Path

import pytest

from aha.errors import SandboxError
from aha.sandbox.inside.values import pack, unpack
from aha.sandbox.jail import Jail, JailBroken, best_level
from aha.sandbox.policy import ABSENT, BY_ARGUMENT, DENIED, SIGNALS, Limits, landlock_rules, system_call_filter
from aha.sandbox.pool import Pool
from aha.sandbox.verdict import Program, same_output, same_value

pytestmark = pytest.mark.skipif(best_level()[0] is None, reason=f"no jail holds here: {best_level()[1]}")
SHORT = Limits(wall=3, cpu=3, memory=256 << 20)


@pytest.fixture(scope="module")
def pool():
    with Pool(1) as pool:
        yield pool


def run(pool, code, stdin=b"", limits=SHORT):
    return pool.run(Program(code, stdin, limits=limits))


def ends_within(pool, code, verdict, milliseconds, limits=SHORT):
    """Whether a program ends so, and soon enough at one of three tries: a busy machine may be late once."""
    outcomes = (run(pool, code, limits=limits) for _ in range(3))
    return any(outcome.verdict == verdict and outcome.milliseconds < milliseconds for outcome in outcomes)


def tried(*lines):
    """A program that prints the name of every line that does not fail."""
    attempts = (f"try:\n    {line}\n    print({line!r})\nexcept (OSError, ImportError): pass\n" for line in lines)
    return "import os, socket, ctypes, fcntl\n" + "".join(attempts)


@pytest.mark.parametrize("level", ["forks", "fresh", "landlock"])
def test_a_program_reads_and_writes_and_is_bounded_at_every_level(level):
    try:
        Jail(level).close()
    except JailBroken as error:
        pytest.skip(f"{level} does not work here: {error}")
    with Pool(1, level) as pool:
        assert run(pool, SIX, limits=Limits(wall=8, memory=256 << 20, processes=200)).verdict == "MLE"
        outcome = run(pool, "import sys\nprint(input(), file=sys.stderr)\nprint(sys.stdin.read()[::-1])", b"one\ntwo")
        assert (outcome.verdict, outcome.stdout, outcome.stderr) == ("AC", b"owt\n", b"one\n")
        assert (
            run(
                pool, tried("socket.socket()", "os.listdir('/root')", "open('/usr/x', 'w')", "open('/etc/shadow')")
            ).stdout
            == b""
        )


def test_files_outside_are_out_of_reach(pool, tmp_path):
    (tmp_path / "secret").write_text("x")
    lines = [
        f"open({str(path)!r})"
        for path in (tmp_path / "secret", __file__, "/etc/shadow", "/etc/passwd", "/root/.bashrc")
    ]
    lines += [f"open({path!r}, 'w')" for path in ("/x", "/usr/x", "/jail/x", "/packages/x", "/proc/x", "/dev/x")]
    lines += ["os.listdir('/home')", "os.listdir('/work')", "os.chroot('/tmp')", "os.mknod('/tmp/d', 0o60600, 0)"]
    assert run(pool, tried(*lines)).stdout == b""


def test_there_is_no_network(pool):
    families = ("AF_INET", "AF_INET6", "AF_NETLINK", "AF_VSOCK", "AF_PACKET", "AF_UNIX")
    lines = [
        f"socket.socket(socket.{name}, socket.{kind})" for name in families for kind in ("SOCK_STREAM", "SOCK_DGRAM")
    ]
    assert run(pool, tried(*lines, "socket.create_connection(('127.0.0.1', 80))")).stdout == b""


SIX = "import os, time\nfor _ in range(6):\n    if not os.fork():\n        x = bytearray(b'1') * (150 << 20)\n        time.sleep(9)\ntime.sleep(9)"


@pytest.mark.parametrize(
    "code",
    ["bytearray(16 << 30)", "held = []\nwhile True:\n    held.append(bytearray(1 << 22))", SIX],
)
def test_memory_is_bounded_for_all_processes_together(pool, code):
    assert ends_within(pool, code, "MLE", 1_500, Limits(wall=8, memory=256 << 20))
    assert run(pool, "print(1)").verdict == "AC"


IGNORE = "import signal\nfor n in range(1, 65):\n    try:\n        signal.signal(n, signal.SIG_IGN)\n    except (OSError, ValueError): pass\n"


@pytest.mark.parametrize(
    "code",
    [
        "while True: pass",
        "import time\ntime.sleep(60)",
        IGNORE + "while True: pass",
        "import os, signal, time\nos.kill(os.getpid(), signal.SIGSTOP)\ntime.sleep(60)",
        "import os, time\nfor n in range(10):\n    try: os.close(n)\n    except OSError: pass\ntime.sleep(60)",
        "import threading, time\nthreading.Thread(target=time.sleep, args=(60,)).start()",
    ],
)
def test_time_is_bounded(pool, code):
    assert ends_within(pool, code, "TLE", 1_500, Limits(wall=1, cpu=1, memory=256 << 20))


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_output_is_bounded(pool, stream):
    flood = f"import sys\nwhile True: sys.{stream}.write('x' * 100000)"
    assert ends_within(pool, flood, "OLE", 100, Limits(wall=9))
    assert len(getattr(run(pool, flood, limits=Limits(wall=9)), stream)) == Limits().output


def test_any_bytes_come_out_as_they_are_and_large_input_goes_in(pool):
    echo = "import sys\ndata = sys.stdin.buffer.read()\nsys.stdout.buffer.write(data[:999])\nprint(len(data), file=sys.stderr)"
    data = bytes(range(256)) * (8 << 12)
    outcome = run(pool, echo, data, Limits(wall=9))
    assert (outcome.stdout, outcome.stderr) == (data[:999], b"8388608\n")
    assert run(pool, "print(1)", data).verdict == "AC"  # input that nobody reads


def test_a_daemon_does_not_outlive_its_program(pool):
    code = "import os, time\nif os.fork(): os._exit(0)\nos.setsid()\nif os.fork(): os._exit(0)\ntime.sleep(1)\nprint('late')"
    outcome = run(pool, code)
    assert (outcome.verdict, outcome.stdout) == ("AC", b"") and outcome.milliseconds < 900


def test_signals_stay_inside(pool):
    everyone = "import os\nfor pid in (-1, 0, os.getppid(), *range(1, 1000)):\n    try: os.kill(pid, 9)\n    except OSError: pass\nprint(1)"
    broken = pool.broken
    assert run(pool, everyone).verdict == "AC" and pool.broken == broken
    assert run(pool, "print(1)").stdout == b"1\n"


def test_nothing_of_the_host_is_told(pool, monkeypatch):
    monkeypatch.setenv("CANARY", "canary-4711")
    code = "import glob, os, sys\nprint(dict(os.environ), os.getcwd(), sys.argv, sys.path, sys.modules.keys(), os.uname())\n"
    code += "for file in glob.glob('/proc/*/*') + glob.glob('/proc/*'):\n    try: print(open(file, 'rb').read())\n    except OSError: pass"
    said = run(pool, code).stdout
    assert b"canary" not in said and str(os.getcwd()).encode() not in said and b"aha" not in said


CALLS = {
    # name: number on x86-64, on aarch64, arguments
    "unshare": (272, 97, "0x10000000"), "setns": (308, 268, "0, 0"), "mount": (165, 40, "b'n', b'/tmp', b'tmpfs', 0, 0"),
    "bpf": (321, 280, "0, 0, 0"), "io_uring_setup": (425, 425, "1, 0"), "keyctl": (250, 219, "0, 0"),
    "add_key": (248, 217, "b'user', b'x', b'y', 1, -2"), "userfaultfd": (323, 282, "0"),
    "perf_event_open": (298, 241, "0, 0, -1, -1, 0"), "clone3": (435, 435, "0, 0"),
    "clone into a namespace": (56, 220, "0x10000011, 0, 0, 0, 0"), "ptrace": (101, 117, "0, 0, 0, 0"),
    "memfd_create": (319, 279, "b'x', 0"), "process_vm_readv": (310, 270, "1, 0, 0, 0, 0, 0"),
    "personality": (135, 92, "0xffffffff"), "shmget": (29, 194, "1, 4096, 0o1600"),
    "open_by_handle_at": (304, 265, "-100, 0, 0"), "fsopen": (430, 430, "b'tmpfs', 0"), "memfd_secret": (447, 447, "0"),
    "flock": (73, 32, "1, 2"), "fcntl lock": (72, 25, "1, 6, 0"), "typing into a terminal": (16, 29, "0, 0x5412, 0"),
}  # fmt: skip


@pytest.mark.parametrize("name", CALLS)
def test_system_calls_that_reach_outside_are_refused(pool, name):
    x86_64, aarch64, arguments = CALLS[name]
    number = aarch64 if platform.machine() == "aarch64" else x86_64
    code = f"import ctypes\nc = ctypes.CDLL(None, use_errno=True)\nprint(c.syscall({number}, {arguments}), ctypes.get_errno())"
    assert run(pool, code).stdout in (b"-1 1\n", b"-1 38\n")


@pytest.mark.skipif(platform.machine() != "x86_64", reason="machine code of x86-64")
@pytest.mark.parametrize(
    "code", [b"\xb8\x14\0\0\0\xcd\x80\xc3", b"\xb8\x27\0\0\x40\x0f\x05\xc3"], ids=["32 bit", "x32"]
)
def test_other_ways_into_the_kernel_kill(pool, code):
    program = f"import ctypes, mmap\nm = mmap.mmap(-1, 4096, prot=7)\nm.write({code!r})\n"
    program += "ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(m)))()\nprint('alive')"
    outcome = run(pool, program)
    assert outcome.verdict == "RE" and b"alive" not in outcome.stdout


@pytest.mark.parametrize("folder", ["/tmp", "/dev/shm"])
def test_disk_and_files_are_bounded_and_leave_nothing(pool, folder):
    fill = f"for n in range(100):\n    with open(f'{folder}/{{n}}', 'wb') as f: f.write(bytes(1 << 24))"
    assert b"No space left" in run(pool, fill, limits=Limits()).stderr
    assert (
        b"No space left"
        in run(pool, f"for n in range(9999): open(f'{folder}/{{n}}', 'w').close()", limits=Limits()).stderr
    )
    assert run(pool, f"import os\nprint(os.listdir('{folder}'))").stdout in (b"[]\n", b"['solution.py']\n")


def test_a_job_sees_nothing_of_the_one_before(pool):
    leave = (
        "import builtins, json, sys, os, math\nbuiltins.left = json.left = math.left = 1\nos.environ['LEFT'] = '1'\n"
    )
    leave += "sys.modules['left'] = sys\nsys.path.insert(0, '/tmp')\nfor d in ('/tmp', '/dev/shm'): open(d + '/left', 'w').close()"
    look = "import builtins, json, sys, os, math\nprint([hasattr(m, 'left') for m in (builtins, json, math)], 'LEFT' in os.environ,"
    look += "'left' in sys.modules, '/tmp' in sys.path, [os.path.exists(d + '/left') for d in ('/tmp', '/dev/shm')])"
    assert run(pool, leave).verdict == "AC"
    assert run(pool, look).stdout == b"[False, False, False] False False False [False, False]\n"


@pytest.mark.parametrize(
    ("code", "verdict", "exit_code"),
    [
        ("print(1)", "AC", 0), ("raise SystemExit", "AC", 0), ("import sys\nsys.exit('no')", "RE", 1), ("exit(3)", "RE", 3),
        ("1 / 0", "RE", 1), ("def", "CE", 85), ("\0", "CE", 85), ("import os\nos._exit(7)", "RE", 7),
        ("import os\nos.abort()", "RE", -6), ("import nothing_of_this_name", "RE", 1), ("(" * 9999, "CE", 85),
    ],
)  # fmt: skip
def test_how_a_program_ended_is_told(pool, code, verdict, exit_code):
    outcome = run(pool, code)
    assert outcome.verdict == verdict
    if exit_code != -6:
        assert outcome.exit_code == exit_code


def test_a_function_is_called_and_its_results_come_back_as_values(pool):
    code = "def f(x, y=2):\n    print('noise')\n    return {x: (y, [1.5, None, True, {1, 2}, 10**30, 'ä'])}"
    outcome = pool.run(Program(code, function="f", calls=[(1,), ("a", (3, 4)), (1, 2, 3)]))
    expected = [1.5, None, True, {1, 2}, 10**30, "ä"]
    assert [r.value for r in outcome.results[:2]] == [{1: (2, expected)}, {"a": ((3, 4), expected)}]
    assert outcome.results[2].raised.startswith("TypeError")


@pytest.mark.parametrize(
    "result", ["type('E', (int,), {'__eq__': lambda s, o: True})(1)", "float('nan')", "object()", "iter([])"]
)
def test_a_result_of_no_plain_type_equals_nothing(pool, result):
    outcome = pool.run(Program(f"def f(): return {result}", function="f", calls=[()]))
    assert outcome.results[0].raised or not same_value(outcome.results[0].packed, outcome.results[0].value)


def test_a_method_of_a_class_can_be_called(pool):
    outcome = pool.run(
        Program("class Solution:\n    def f(self, x): return x + 1", function="Solution.f", calls=[(1,)])
    )
    assert outcome.results[0].value == 2


def test_values_survive_the_journey():
    value = [None, True, -1, 10**40, 1.5, "x", b"\0", (1, [2]), {"a": {1: (2,)}}, frozenset({1, 2}), 1j]
    assert unpack(pack(value)) == value
    with pytest.raises(TypeError, match="object"):
        pack([object()])


def test_threads_share_a_pool():
    with Pool(2) as pool:
        outcomes = pool.map([Program(f"print({n})") for n in range(20)])
    assert [int(outcome.stdout) for outcome in outcomes] == list(range(20))


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_process_has_jails_of_its_own():
    with Pool(1) as pool:
        assert pool.run(Program("print(1)")).verdict == "AC"
        child = os.fork()
        if not child:
            held = pool.run(Program("print(2)")).stdout == b"2\n"
            pool.close()
            os._exit(0 if held else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert pool.run(Program("print(3)")).stdout == b"3\n"


def test_no_process_and_no_descriptor_is_left_behind():
    before = len(os.listdir("/proc/self/fd"))
    with Pool(2) as pool:
        pool.map([Program("print(1)")] * 4)
        pids = [jail.process.pid for jail in pool._idle]
    assert len(os.listdir("/proc/self/fd")) == before
    assert not any(os.path.exists(f"/proc/{pid}") for pid in pids)


@pytest.mark.parametrize(
    ("found", "expected", "same"),
    [
        (b"1 2 \n3\n\n", b"1 2\n3", True), (b"1\r\n2\r\n", b"1\n2\n", True), (b"1 2", b"1  2", False), (b"", b"\n", True),
        (b" 1", b"1", False), (b"1\n\n2", b"1\n2", False), (b"1.0", b"1", False), (b"1\0", b"1", False), ("１".encode(), b"1", False),
    ],
)  # fmt: skip
def test_outputs_agree_but_for_blanks_at_line_ends(found, expected, same):
    assert same_output(found, expected) == same


@pytest.mark.parametrize(
    ("found", "expected", "same"),
    [
        (1, 1.0, True), (True, 1, True), (2, True, False), (True, "True", False), ([1, 2], (1, 2), True), ([1], [1, 2], False),
        ("1", 1, False), (None, None, True), (None, 0, False), ({1: [2]}, {1: (2,)}, True), (float("nan"), float("nan"), False),
        (0.1 + 0.2, 0.3, False), (10**400, 1.5, False), (frozenset({1}), {1}, True), ([], None, False),
    ],
)  # fmt: skip
def test_values_agree_by_value_and_never_by_their_own_opinion(found, expected, same):
    assert same_value(pack(found), expected) == same


def test_numbers_agree_within_a_tolerance():
    assert same_value([0.1 + 0.2], [0.3], 1e-9) and not same_value([0.31], [0.3], 1e-3)
    assert not same_value(pack(10**400), 1.5, 1e-6) and not same_value(pack(float("nan")), 1.0, 1e9)


def test_keys_that_collide_cost_no_time():
    colliding = [n * (2**61 - 1) for n in range(1, 20000)]
    began = time.monotonic()
    assert not same_value({"set": [{"int": hex(n)} for n in colliding]}, {1, 2})
    assert not same_value({"dict": [[{"int": hex(n)}, 1] for n in colliding]}, {1: 2})
    assert time.monotonic() - began < 1


@pytest.mark.parametrize(
    "hostile", [{"set": 1}, {"dict": [[1]]}, {"tuple": {}}, {"dict": [1]}, {"int": "x"}, {"a": 1, "b": 2}, {}]
)
@pytest.mark.parametrize("expected", [{1}, {1: 2}, (1,), 1, None])
def test_a_malformed_result_equals_nothing(hostile, expected):
    assert not same_value(hostile, expected)


@pytest.mark.parametrize(("machine", "length"), [("x86_64", 8), ("aarch64", 8)])
def test_the_filter_is_written_for_both_machines(machine, length):
    program = system_call_filter(machine=machine)
    assert len(program) % length == 0 and program != system_call_filter(
        machine="aarch64" if machine == "x86_64" else "x86_64"
    )
    with pytest.raises(SandboxError, match="riscv"):
        system_call_filter(machine="riscv64")


HEADERS = {"x86_64": "x86_64-linux-gnu/asm/unistd_64.h", "aarch64": "asm-generic/unistd.h"}


@pytest.mark.parametrize("machine", HEADERS)
def test_system_calls_are_denied_under_the_numbers_of_the_kernels_own_headers(machine):
    header = Path("/usr/include", HEADERS[machine])
    if not header.exists():
        pytest.skip(f"{header} comes with the package linux-libc-dev")
    told = dict(re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", header.read_text()))
    numbers = DENIED | ABSENT | SIGNALS | {name: rule[0] for name, rule in BY_ARGUMENT.items()}
    ours = {name: both[machine == "aarch64"] for name, both in numbers.items()}
    assert {name: told.get(name) for name in ours} == {n: None if v is None else str(v) for n, v in ours.items()}


def test_landlock_asks_for_no_right_that_a_kernel_does_not_know():
    assert landlock_rules(3, [], [])["handled"] == [(1 << 15) - 1, 0, 0]
    assert landlock_rules(7, ["/usr"], [])["paths"] == [["/usr", 0b1101]]

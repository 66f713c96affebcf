"""Groups graded while others are still sampled, each reward within a time limit.

A reward that is late leaves None for its group, which is not a zero, and the other rewards go on. Python cannot end a
thread, so a late one is left behind and another takes its place. One that also holds the interpreter (a regular
expression gone wild, say) stops everything: then the process prints where it hangs and ends, and the same command goes
on from the last checkpoint.
"""

from __future__ import annotations

import faulthandler
import threading
import time
from collections.abc import Sequence
from queue import SimpleQueue

from aha.rewards.rubric import GroupGrader, Part, Rater, graded, name_of, scores
from aha.types import Completion, Problem, Score

HANGING = 120.0
"""Seconds after the limit at which a process that cannot even notice it ends."""


class Job:
    """One group on its way to its scores, reward by reward."""

    def __init__(self, rubric: Rater, problem: Problem, group: Sequence[Completion]) -> None:
        self.problem, self.group = problem, group
        self.weighted = rubric.weighted(problem)
        self.columns: list[list[Part]] = []
        """What the rewards so far say of each reply."""
        self.error: BaseException | None = None
        self.began = float("inf")
        self.ended = threading.Event()
        self._change = threading.Lock()

    def work(self) -> None:
        """Have the rewards that are left grade the group; ends early where another thread has gone on without this one."""
        while not self.ended.is_set():
            turn, self.began = len(self.columns), time.monotonic()
            column: list[Part] = []
            error = None
            try:
                column = graded(self.weighted[turn][1], self.problem, self.group)
            except BaseException as raised:
                error = raised
            if not self._put(turn, column, error):
                return

    def skip(self, limit: float) -> bool:
        """Go on without the reward at work if it is late. Returns whether it is."""
        turn = len(self.columns)
        if turn == len(self.weighted):
            return False
        reward = self.weighted[turn][1]
        seconds = limit_of(reward, limit)
        late: Part = (None, f"{name_of(reward)} took longer than {seconds:g} s")
        return time.monotonic() > self.began + seconds and self._put(turn, [late] * len(self.group))

    def _put(self, turn: int, column: list[Part], error: BaseException | None = None) -> bool:
        with self._change:
            if turn != len(self.columns) or self.ended.is_set():
                return False
            self.began, self.error = float("inf"), error
            self.columns.append(column)
            if error is not None or len(self.columns) == len(self.weighted):
                self.ended.set()
            return True


def limit_of(reward: GroupGrader, limit: float) -> float:
    """The seconds a reward may take: its own attribute `limit`, or what holds for all."""
    return float(getattr(reward, "limit", limit))


class Grading:
    """A rubric at work in `workers` threads; `limit` is the seconds that one reward may take for one group.

    A reward that needs longer says so: `judged.limit = 600`.
    """

    def __init__(self, rubric: Rater, workers: int = 4, limit: float = 60.0) -> None:
        self.rubric, self.workers, self.limit = rubric, workers, limit
        self._queue: SimpleQueue[Job | None] = SimpleQueue()
        self._started = 0

    def submit(self, problem: Problem, group: Sequence[Completion]) -> Job:
        """Have a group graded."""
        job = Job(self.rubric, problem, group)
        self._queue.put(job)
        if self._started < self.workers:
            self._start()
        return job

    def scores(self, job: Job) -> list[Score]:
        """Wait for a group's scores; a reward that passed its limit leaves None. Raises what a reward raised."""
        longest = max(limit_of(reward, self.limit) for _, reward in job.weighted)
        faulthandler.dump_traceback_later(len(job.weighted) * longest + HANGING, exit=True)
        try:
            while not job.ended.wait(min(1.0, self.limit)):
                if job.skip(self.limit):
                    self._start()
                    self._queue.put(job)
        finally:
            faulthandler.cancel_dump_traceback_later()
        if job.error is not None:
            raise job.error
        return scores(job.weighted, job.columns)

    def close(self) -> None:
        """Let the threads end."""
        for _ in range(self._started):
            self._queue.put(None)
        self._started = 0

    def _start(self) -> None:
        self._started += 1
        threading.Thread(target=self._work, daemon=True).start()

    def _work(self) -> None:
        while job := self._queue.get():
            job.work()

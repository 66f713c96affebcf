"""Groups graded while others are still sampled, each within a time limit.

A grader that is late leaves its group without scores, which is not a zero. Python cannot end a thread, so a late one is
left behind and another takes its place. One that also holds the interpreter (a regular expression gone wild, say) stops
everything: then the process prints where it hangs and ends, and the same command goes on from the last checkpoint.
"""

from __future__ import annotations

import faulthandler
import threading
import time
from collections.abc import Sequence
from queue import SimpleQueue

from aha.rewards.rubric import Rater
from aha.types import Completion, Problem, Score

HANGING = 120.0
"""Seconds after the limit at which a process that cannot even notice it ends."""


class Job:
    """One group on its way to its scores."""

    def __init__(self, problem: Problem, group: Sequence[Completion]) -> None:
        self.problem, self.group = problem, group
        self.scores: list[Score] = []
        self.error: BaseException | None = None
        self.began = float("inf")
        self.ended = threading.Event()


class Grading:
    """A rubric at work in `workers` threads; `limit` is the seconds that one group may take."""

    def __init__(self, rubric: Rater, workers: int = 4, limit: float = 60.0) -> None:
        self.rubric, self.workers, self.limit = rubric, workers, limit
        self._queue: SimpleQueue[Job | None] = SimpleQueue()
        self._started = 0

    def submit(self, problem: Problem, group: Sequence[Completion]) -> Job:
        """Have a group graded."""
        job = Job(problem, group)
        self._queue.put(job)
        if self._started < self.workers:
            self._start()
        return job

    def scores(self, job: Job) -> list[Score]:
        """Wait for a group's scores; totals of None where the limit passed. Raises what the reward raised."""
        faulthandler.dump_traceback_later(self.limit + HANGING, exit=True)
        try:
            while not job.ended.wait(max(0.01, min(1.0, job.began + self.limit - time.monotonic()))):
                if time.monotonic() > job.began + self.limit:
                    self._start()
                    late = f"the rewards took longer than {self.limit:g} s"
                    return [Score(None, dict.fromkeys(self.rubric.names), late) for _ in job.group]
        finally:
            faulthandler.cancel_dump_traceback_later()
        if job.error is not None:
            raise job.error
        return job.scores

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
            job.began = time.monotonic()
            try:
                job.scores = self.rubric(job.problem, job.group)
            except BaseException as error:
                job.error = error
            job.ended.set()

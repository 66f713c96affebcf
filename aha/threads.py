"""Work done side by side in threads that never wait for each other.

PyTorch splits every operation over its threads and waits for all of them after each. Where operations are small, that
waiting is most of the time; a thread that does a share of the whole work alone wastes none.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import cache
from typing import TypeVar

import torch

T = TypeVar("T")


def side_by_side(works: Sequence[Callable[[], T]], halt: Callable[[], None] = lambda: None) -> list[T]:
    """The results of all works, each done in its own thread, which split PyTorch's threads evenly among them.

    The first is done in the calling thread. When one raises, `halt` is called to make the others end early.
    """
    cores = torch.get_num_threads()

    def alone(work: Callable[[], T]) -> T:
        torch.set_num_threads(max(1, cores // len(works)))  # of this thread
        try:
            return work()
        except BaseException:
            halt()
            raise

    others: list[Future[T]] = []
    try:
        others += (_pool(len(works) - 1).submit(alone, work) for work in works[1:])
        return [alone(works[0]), *(other.result() for other in others)]
    except BaseException:  # also a signal's, while waiting: no thread may go on behind the caller's back
        halt()
        wait(others)
        raise
    finally:
        torch.set_num_threads(cores)


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    """Threads that stay, as do the buffers that libraries keep for each."""
    return ThreadPoolExecutor(threads)


os.register_at_fork(after_in_child=_pool.cache_clear)  # a forked process has the pool, but none of its threads

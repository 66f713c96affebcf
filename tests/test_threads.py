"""Work side by side: results in order, one failure ends all, and a forked process can still use it."""

from __future__ import annotations

import os
import threading

import pytest
import torch

from aha.threads import side_by_side


def test_results_come_in_order_and_each_work_has_its_share_of_the_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    found = side_by_side([lambda n=n: (n, torch.get_num_threads()) for n in range(2)])
    assert found == [(0, 2), (1, 2)] and torch.get_num_threads() == 4
    torch.set_num_threads(before)


@pytest.mark.parametrize("broken", [0, 1])
def test_a_failure_halts_the_other_work_and_nothing_runs_on(broken):
    halted = threading.Event()

    def fail():
        raise KeyError("broken")

    def go_on():
        assert halted.wait(20)
        return "stopped early"

    with pytest.raises(KeyError, match="broken"):
        side_by_side([fail, go_on] if broken == 0 else [go_on, fail], halted.set)


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_process_starts_threads_of_its_own():
    assert side_by_side([lambda: 1, lambda: 2]) == [1, 2]
    child = os.fork()
    if not child:
        os._exit(0 if side_by_side([lambda: 1, lambda: 2]) == [1, 2] else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0

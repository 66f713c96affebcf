"""Advantages and the length penalty, against numbers worked out by hand."""

import math

import pytest
import torch

from aha.train.advantage import centred, leave_one_out, soft_overlong_penalty, z_score

NAN = math.nan


def close(actual, expected):
    torch.testing.assert_close(actual, torch.as_tensor(expected, dtype=actual.dtype), rtol=1e-5, atol=1e-6)


def test_z_score_divides_by_the_spread_of_the_whole_group():
    close(
        z_score(torch.tensor([[1.0, 0.0, 0.0, 1.0], [3.0, 0.0, 0.0, 0.0]])),
        [[1, -1, -1, 1], [3**0.5] + [-(3**-0.5)] * 3],
    )


def test_centred_and_leave_one_out():
    reward = torch.tensor([[1.0, 0.0, 0.0, 0.0]])
    close(centred(reward), [[0.75, -0.25, -0.25, -0.25]])
    close(leave_one_out(reward), [[1.0, -1 / 3, -1 / 3, -1 / 3]])


def test_a_failed_grader_counts_in_no_mean_and_gets_no_advantage():
    reward = torch.tensor([[1.0, 0.0, NAN, NAN]])
    close(z_score(reward), [[1.0, -1.0, 0.0, 0.0]])
    close(centred(reward), [[0.5, -0.5, 0.0, 0.0]])
    close(leave_one_out(reward), [[1.0, -1.0, 0.0, 0.0]])


@pytest.mark.parametrize("advantage", [z_score, centred, leave_one_out])
@pytest.mark.parametrize("group", [[NAN, NAN, NAN], [1.0, NAN, NAN], [0.1, 0.1, 0.1], [1e6 + 0.1] * 3, [0.7, 0.7, NAN]])
def test_a_group_with_nothing_to_compare_teaches_nothing(advantage, group):
    assert advantage(torch.tensor([group])).tolist() == [[0.0, 0.0, 0.0]]


def test_soft_overlong_penalty_by_hand():
    close(soft_overlong_penalty(torch.tensor([10, 80, 90, 100, 500]), max_tokens=100, cache=20), [0, 0, -0.5, -1, -1])

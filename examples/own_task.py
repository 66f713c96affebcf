"""A task of your own: the model learns to answer sums, and the rewards are two functions.

python examples/own_task.py
"""

import random

import torch

from aha.chat import Chat, parse_reply, render
from aha.models.folder import load_model, resolve
from aha.rewards.format import formatted
from aha.rewards.rubric import Rubric, each
from aha.rollout.engine import TorchEngine
from aha.tasks.base import Task
from aha.train import grpo
from aha.train.settings import Grpo
from aha.types import Problem


def draw(count: int, seed: int) -> list[Problem]:
    rng = random.Random(seed)
    pairs = [(rng.randint(10, 99), rng.randint(10, 99)) for _ in range(count)]
    return [Problem(render(f"What is {a} + {b}?"), answer=a + b, id=f"{a}+{b}") for a, b in pairs]


@each
def correct(problem, completion):
    reply = parse_reply(completion.text)
    return reply is not None and reply.answer == str(problem.answer)


def main() -> None:
    folder = resolve("tiny")
    model, chat = load_model(folder, torch.bfloat16), Chat.load(folder)
    rubric = Rubric((1.0, correct), (0.1, formatted))
    task = Task("sums", draw, draw(50, seed=-1), rubric, lambda problem, completion: completion.text)
    settings = Grpo(problems=16, group=8, max_tokens=48)
    state = grpo.start(model, settings)
    for _, record in grpo.train(model, TorchEngine(model, chat), task, settings, state, steps=10, seed=0):
        print(f"step {state.step}: right {record['reward/correct']:.0%}, length {record['length_mean']:.0f}")


if __name__ == "__main__":
    main()

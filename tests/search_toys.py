"""An engine that says what it is told to, and a task that reads it: stand-ins for the tests of strategies."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from aha.chat import render
from aha.rewards.format import formatted, read_reply
from aha.rewards.rubric import Rubric
from aha.rollout.engine import Ledger
from aha.search.types import Candidate
from aha.tasks.base import Task
from aha.types import Completion, Problem, Sampling
from tests.toys import toy_chat

Script = Callable[[str, int, int], str]
"""Of a prompt, a sample's number and the seed, what the model would write, "<|end|>" included."""


class Scripted:
    """Continues prompts by a script, token by token, and stops as the torch engine does."""

    def __init__(self, script: Script) -> None:
        self.script, self.chat, self.ledger = script, toy_chat(), Ledger()
        self.calls: list[tuple[list[str], Sampling]] = []

    def load_weights(self, named_tensors):
        raise NotImplementedError

    def generate(self, prompts, sampling, done=None):
        ids = [self.chat.encode(p) if isinstance(p, str) else list(p) for p in prompts]
        texts = [self.chat.tokenizer.decode(i, skip_special_tokens=False) for i in ids]
        self.calls.append((texts, sampling))
        groups = [
            [self.reply(i, self.script(text, s, sampling.seed), sampling) for s in range(sampling.n)]
            for i, text in zip(ids, texts, strict=True)
        ]
        self.ledger.prompt_tokens += sum(map(len, ids))
        self.ledger.tokens += sum(len(r.token_ids) for g in groups for r in g)
        for i, group in enumerate(groups):
            if done:
                done(i, group)
        return groups

    def reply(self, prompt_ids: list[int], text: str, sampling: Sampling) -> Completion:
        drawn: list[int] = []
        for token in self.chat.encode(text):
            drawn.append(token)
            said = self.chat.decode(drawn)
            stopped = token == self.chat.end_id or any(stop in said for stop in sampling.stop)
            if stopped or len(drawn) == sampling.max_tokens:
                return Completion(said, prompt_ids, drawn, [-0.5] * len(drawn), "stop" if stopped else "length")
        raise AssertionError(f"the script ends without <|end|>: {text!r}")


def goes_on(reply: str) -> Script:
    """A model that always gives one reply, and takes it up wherever its prompt breaks off."""

    def script(prompt: str, sample: int, seed: int) -> str:
        written = prompt.rpartition("Assistant:")[2].replace("\n", "")
        for tag in ("<answer>", "</think>"):
            if written.endswith(tag):
                return reply.partition(tag)[2]
        return reply.removeprefix(written)

    return script


def said(problem: Problem, reply: Completion):
    read, _ = read_reply(reply)
    return read.conclusion if read else None


def toy_task(*questions: str) -> tuple[Task, list[Problem]]:
    problems = [Problem(render(question)) for question in questions or ("1 + 1", "2 + 2")]
    return Task("toy", lambda count, seed: [], problems, Rubric((1.0, formatted)), said), problems


def candidates(*told: tuple) -> list[Candidate]:
    """Of (answer, tokens, mean log-probability, score), what a strategy has to choose from; the last two may lack."""
    return [
        Candidate(
            Completion(f"{answer}", [], [7] * length, [rest[0] if rest else -1.0] * length, "stop"),
            answer,
            rest[1] if len(rest) > 1 else None,
        )
        for answer, length, *rest in told
    ]


def total(costs: Sequence, name: str):
    return sum(getattr(cost, name) for cost in costs)

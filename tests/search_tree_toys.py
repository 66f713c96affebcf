"""Stand-ins for tests of tree search: an engine that goes on by a table, scorers that look for words."""

from __future__ import annotations

import zlib
from types import SimpleNamespace

from aha.chat import END, parse_reply, render
from aha.models.steps import split
from aha.rewards.format import formatted
from aha.rewards.rubric import Rubric
from aha.tasks.base import Task
from aha.types import Completion, Problem
from tests.toys import toy_chat

CHAT = toy_chat()
PROBLEM = Problem(render("make 1"), id="p")


def answer_of(problem, reply):
    read = parse_reply(reply.text)
    return read and read.answer


TASK = Task("toy", lambda count, seed: [], [], Rubric((1.0, formatted)), answer_of)


class Book:
    """An engine that goes on by a table: what may follow each beginning of a reply, in order, and over again."""

    def __init__(self, table):
        self.table, self.chat, self.calls = table, CHAT, []
        self.ledger = SimpleNamespace(tokens=0, prompt_tokens=0)

    def generate(self, prompts, sampling, done=None):
        self.calls.append(([self.chat.decode(ids).partition("Assistant:")[2] for ids in prompts], sampling))
        groups = []
        for ids, text in zip(prompts, self.calls[-1][0], strict=True):
            said = [self.table[text][k % len(self.table[text])] for k in range(sampling.n)]
            replies = [self.chat.encode(words) for words in said]
            groups.append(
                [Completion(w, list(ids), r, [0.0] * len(r), "stop") for w, r in zip(said, replies, strict=True)]
            )
            self.ledger.prompt_tokens += len(ids)
            self.ledger.tokens += sum(map(len, replies))
        return groups


class Marks:
    """A scorer that looks for words: a step's score is that of the last word seen so far, 0.5 before any."""

    def __init__(self, **marks):
        self.marks, self.seen = marks, []

    def __call__(self, prompts, replies):
        self.seen += replies
        return [[self.of("".join(split(r)[: k + 1])) for k in range(len(split(r)))] for r in replies], [1] * len(
            replies
        )

    def of(self, text):
        found = [(text.rfind(word), score) for word, score in self.marks.items() if word in text]
        return max(found)[1] if found else 0.5


def hashed(prompts, replies):
    """A scorer whose scores are as good as random, and depend on the text alone."""
    rows = [["".join(split(r)[: k + 1]) for k in range(len(split(r)))] for r in replies]
    return [[zlib.crc32(text.encode()) / 2**32 for text in row] for row in rows], [len(r) for r in replies]


def run(strategy, table, problems=(PROBLEM,), watch=lambda event: None):
    engine = Book(table)
    return strategy(engine, TASK, problems, 0, watch), engine


def closing(answer):
    return f"</think><answer>{answer}</answer>{END}"


def at_once(answer):
    return "<think>" + closing(answer)


GOOD, BAD = "<think>yes\n", "<think>no\n"

"""The embedded world's facts: as a table of passages, and as questions that verify an answer.

    index = Index(fact_table())
    strategy = Verify(Vote(n=8), other_way)

A fact is asked the other way round where that has one answer ("Paris is the capital of which country?"), and in another of
its wordings where it has not (four animals of the embedded world have four legs). `is_it_so` is for any question.
"""

from __future__ import annotations

from collections.abc import Hashable
from functools import cache

from aha.chat import parse_reply, render
from aha.models.world.questions import CAPITAL_EN, CAPITAL_ZH, COUNTRY_EN, COUNTRY_ZH, facts
from aha.rewards.format import formatted, read_reply
from aha.rewards.judge_prompts import question_of
from aha.rewards.rubric import Rubric
from aha.search.citations import inert
from aha.search.draft import in_language
from aha.search.passages import Passage
from aha.search.types import Candidate
from aha.tasks.base import Task
from aha.tasks.general import questions
from aha.types import Completion, Problem

BACK = {
    ("capital", "en"): ("country", COUNTRY_EN[0]), ("capital", "zh"): ("country", COUNTRY_ZH[0]),
    ("country", "en"): ("capital", CAPITAL_EN[0]), ("country", "zh"): ("capital", CAPITAL_ZH[0]),
}  # fmt: skip
"""The kind of question that a fact's answer leads back from, and how it is worded."""
IS_IT_SO = {
    "en": "Question: {question}\nAnswer: {answer}\nIs this answer right? Reply with yes or no.",
    "zh": "问题：{question}\n回答：{answer}\n这个回答对吗？请回答“对”或“不对”。",
}
YES, NO = ("yes", "right", "对", "是", "是的"), ("no", "wrong", "不对", "不是", "否")


def fact_table() -> list[Passage]:
    """Every fact of the embedded world once in each language and direction, as a sentence."""
    said = dict.fromkeys(question.replies[0] for question in facts())
    return [Passage(sentence, "facts", line) for line, sentence in enumerate(said, 1)]


def other_way(problem: Problem, c: Candidate) -> list[tuple[Problem, Hashable]]:
    """A question that leads back from a fact's answer, or asks it in another wording. None where the reply names no fact."""
    about, answer = problem.answer, c.answer
    if about.get("domain") != "fact" or not isinstance(answer, tuple) or len(answer) != 1:
        return []
    if (about["kind"], about["language"]) not in BACK:
        return [(_reworded(problem), answer)]
    kind, form = BACK[about["kind"], about["language"]]
    back = about | {"kind": kind, "subject": answer[0], "value": about["subject"]}
    return [(Problem(render(form.format(answer[0])), back, id=f"{problem.id}/back"), (about["subject"],))]


def _reworded(problem: Problem) -> Problem:
    """The same fact in the first wording of its kind that is another, none that is held out."""
    about, asked = problem.answer, question_of(problem)
    texts = _wordings()[about["kind"], about["language"], about["subject"]]
    other = next(text for text in texts if text != asked)
    return Problem(render(other), about, id=f"{problem.id}/reworded")


@cache
def _wordings() -> dict[tuple[str, str, str], list[str]]:
    found: dict[tuple[str, str, str], list[str]] = {}
    for q in questions(held_out=False)["fact"]:
        found.setdefault((q.kind, q.language, q.subject), []).append(q.text)
    return found


def is_it_so(problem: Problem, c: Candidate) -> list[tuple[Problem, Hashable]]:
    """Whether the reply's answer is right, asked of the model that gave it. Read by `yes_or_no`."""
    read = parse_reply(c.reply.text)
    text = in_language(problem, IS_IT_SO).format(
        question=question_of(problem), answer=inert(read.answer if read else str(c.answer))
    )
    return [(Problem(render(text), id=f"{problem.id}/so"), True)]


def yes_or_no() -> Task:
    """What reads the replies to `is_it_so`: True for yes, False for no, None for anything else."""

    def answer_of(problem: Problem, completion: Completion) -> Hashable | None:
        reply, _ = read_reply(completion)
        word = reply.conclusion.strip(" .!。！").lower() if reply else ""
        return True if word in YES else False if word in NO else None

    return Task("yes-or-no", lambda count, seed: [], (), Rubric((1.0, formatted)), answer_of)

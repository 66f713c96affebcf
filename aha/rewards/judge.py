"""Rewards by a judge: a model that reads an answer and gives a verdict, behind any Engine.

    judge = Judge(HttpEngine("http://127.0.0.1:8000/v1", "Qwen/Qwen2.5-7B-Instruct", chat=True), template=str)
    rubric = Rubric((1.0, correctness(judge)), (0.1, formatted))

R1 had DeepSeek-V3 compare answers with references where no rule could, and choose between pairs of answers (arXiv
2501.12948, sections 2.3.3 and 2.3.4). A policy learns to speak to its judge, for which a bare ":" may pass for right
(2507.08794). The rule here is

* what can be decided without a judge, is: no answer, a broken template, an answer without a letter or digit, a bare
  opening ("Thought process:") and an answer too long for one are 0; the reference's own text is 1;
* the judge sees the answer alone, never the thinking, as quoted data (`judge_prompts`), and only its exact form counts;
* an answer that passes is shown again beside a made-up reference. If it is right by that one too, the judge was fooled,
  and it is 0. This costs a second call for each answer that passes, and it wrongs answers where a judge follows its own
  knowledge instead of the reference: watch the reason "judge fooled".

A judge that cannot be reached, is cut off, or answers anything but its JSON after `tries` gives None with a reason,
which the trainer counts and leaves out; `Judge.counts` has the totals, and the first of each kind is one line in the
log. None is no punishment, so a reply that can make its judge stammer escapes it: watch that count as well.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

from aha.chat import parse_reply, render
from aha.errors import DataError, EngineError
from aha.rewards.format import formatted, read_reply, visible
from aha.rewards.judge_prompts import BETTER, CORRECT, FORMATTED, made_up, question_of, read, says_nothing, write
from aha.rewards.rubric import Grade, GroupGrader
from aha.types import Completion, Engine, Problem, Sampling

UNREACHABLE, UNREADABLE, CUT_OFF = "judge unreachable", "judge strayed from its JSON", "judge cut off"
LACKING, FOOLED = "judge gave fewer than four verdicts", "judge fooled"
LEVELS = {"A>>B": 2, "A>B": 1, "A=B": 0, "B>A": -1, "B>>A": -2}

_log = logging.getLogger("aha.judge")

Verdict = tuple[str | None, str]
"""One of the choices, or None and the reason there is none."""


class Judge:
    """Asks an engine for verdicts, tries again where one cannot be read, and counts what failed.

    `template` makes of a question what the engine continues: this project's plain template, or `str` for an engine that
    writes the template itself. `tries` are for verdicts that cannot be read; an engine retries its own connections.
    `limit` is the seconds that a group's verdicts may take in training, more than other rewards have.
    """

    def __init__(
        self,
        engine: Engine,
        template: Callable[[str], str] = render,
        max_tokens: int = 1024,
        temperature: float = 0.0,
        tries: int = 2,
        seed: int = 0,
        limit: float = 600.0,
    ) -> None:
        self.limit = limit
        self.engine, self.template, self.tries, self.seed = engine, template, tries, seed
        self.max_tokens, self.temperature = max_tokens, temperature
        self.counts: Counter[str] = Counter()
        """Questions asked, and those that ended in each kind of failure."""

    def ask(
        self, task: str, choices: tuple[str, ...], texts: Sequence[dict[str, str]], salt: str = ""
    ) -> list[Verdict]:
        """A verdict about each set of named texts. A `salt` makes the same question another one."""
        said: list[Verdict] = [(None, UNREADABLE)] * len(texts)
        waiting = list(range(len(texts)))
        for attempt in range(self.tries):
            prompts = [self.template(write(task, choices, texts[i], f"{self.seed}/{salt}/{attempt}")) for i in waiting]
            for i, reply in zip(waiting, self._generate(prompts, attempt), strict=True):
                said[i] = self._read(reply, choices)
            waiting = [i for i in waiting if said[i][1] in (UNREADABLE, CUT_OFF)]
        self.counts.update(asked=len(texts))
        self.counts.update(why for _, why in said if why)
        return said

    def _generate(self, prompts: list[str], attempt: int) -> list[Completion | None]:
        if not prompts:
            return []
        sampling = Sampling(max_tokens=self.max_tokens, temperature=self.temperature, seed=self.seed + attempt)
        groups: Sequence[list[Completion] | None]
        try:
            groups = self.engine.generate(prompts, sampling)
        except EngineError as error:
            groups = error.groups
            self._tell(UNREACHABLE, str(error))
        return [group[0] if group else None for group in groups]

    def _read(self, reply: Completion | None, choices: tuple[str, ...]) -> Verdict:
        if reply is None:
            return None, UNREACHABLE
        verdict = None if reply.finish == "length" else read(reply.text, choices)
        if verdict is not None:
            return verdict, ""
        why = CUT_OFF if reply.finish == "length" else UNREADABLE
        self._tell(why, f"it said {reply.text[:120]!r}")
        return None, why

    def _tell(self, why: str, detail: str) -> None:
        if why not in self.counts:
            self.counts[why] += 0
            _log.warning("%s: %s. Such replies stay without this reward and are counted.", why, detail)


def text_of_answer(problem: Problem) -> str:
    """The reference to compare with. Raises DataError for an answer that is neither text nor a number."""
    if isinstance(problem.answer, bool) or not isinstance(problem.answer, str | int | float):
        kind = type(problem.answer).__name__
        raise DataError(f"problem {problem.id!r} has a {kind} as its answer; a judge compares with text or a number")
    if not visible(str(problem.answer)).strip():
        raise DataError(f"problem {problem.id!r} has a blank answer, with which nothing can be compared")
    return str(problem.answer)


def correctness(
    judge: Judge, reference: Callable[[Problem], str] = text_of_answer, decoy: bool = True, longest: int = 2000
) -> GroupGrader:
    """Whether the final answer states the reference's result: 1 or 0, named `judged_correct`.

    An answer of more than `longest` characters is none. `decoy` is the second call described above. Equal answers of a
    group are asked about once.
    """

    def judged_correct(problem: Problem, group: Sequence[Completion]) -> list[Grade]:
        right = reference(problem)
        ruled = [_by_rule(completion, right, longest) for completion in group]
        answers = list(dict.fromkeys(answer for answer, _ in ruled if answer))
        grades = _judged(judge, question_of(problem), right, answers, decoy)
        return [grades[answer] if answer else grade for answer, grade in ruled]

    return _patient(judged_correct, judge)


def _by_rule(completion: Completion, reference: str, longest: int) -> tuple[str, Grade]:
    """The answer a judge has to be asked about, or "" and its grade."""
    reply, reason = read_reply(completion)
    if reply is None:
        return "", (0.0, reason)
    answer, same = (" ".join(visible(text).split()) for text in (reply.answer, reference))
    if answer == same or answer == same + ".":
        return "", 1.0
    if says_nothing(answer):
        return "", (0.0, "no answer")
    return ("", (0.0, "answer too long")) if len(answer) > longest else (reply.answer, 0.0)


def _judged(judge: Judge, question: str, reference: str, answers: list[str], decoy: bool) -> dict[str, Grade]:
    choices = ("correct", "incorrect")

    def ask(reference: str, answers: list[str]) -> list[Verdict]:
        texts = [{"question": question, "reference": reference, "answer": answer} for answer in answers]
        return judge.ask(CORRECT, choices, texts)

    grades: dict[str, Grade] = {}
    for answer, (verdict, why) in zip(answers, ask(reference, answers), strict=True):
        grades[answer] = (None, why) if verdict is None else 1.0 if verdict == "correct" else (0.0, "judged wrong")
    passed = [answer for answer in answers if grades[answer] == 1.0] if decoy else []
    for answer, (verdict, why) in zip(passed, ask(made_up(reference), passed), strict=True):
        if verdict != "incorrect":
            grades[answer] = (None, why) if verdict is None else (0.0, FOOLED)
            judge.counts[FOOLED] += verdict == "correct"
    return grades


def well_placed(judge: Judge) -> GroupGrader:
    """The format reward with a judge: 1 where the rule is kept and the judge finds the reasoning inside the thinking.

    The judge can take away what `formatted` gave, never give what it did not.
    """

    def well_placed(problem: Problem, group: Sequence[Completion]) -> list[Grade]:
        grades: list[Grade] = list(formatted(problem, group))
        kept = [i for i, grade in enumerate(grades) if grade == 1.0]
        replies = [parse_reply(group[i].text) for i in kept]
        texts = [{"question": question_of(problem), "thinking": r.thinking, "answer": r.answer} for r in replies if r]
        for i, (verdict, why) in zip(kept, judge.ask(FORMATTED, ("follows", "strays"), texts), strict=True):
            if verdict != "follows":
                grades[i] = (None, why) if verdict is None else (0.0, "judged badly placed")
        return grades

    return _patient(well_placed, judge)


class Preference(NamedTuple):
    """How much better the first of two answers is, from 2 (much better in all four verdicts) to -2.

    None if a verdict is lacking. A judge that always prefers the same place gives 0, as a tie does.
    """

    margin: float | None
    verdicts: tuple[str | None, ...] = ()

    @property
    def clear(self) -> bool:
        """Whether R1 would have kept the pair: a margin of more than 1 either way."""
        return self.margin is not None and abs(self.margin) > 1


def compare(judge: Judge, pairs: Sequence[tuple[str, str, str]]) -> list[Preference]:
    """Judge each (question, first answer, second answer) four times, twice in each order, and average.

    After R1 (2501.12948 v2, appendix on the helpfulness model): five verdicts, here worth 2 to -2. The two in one order
    differ only where the judge has a temperature or reacts to the mark; give it a temperature of about 0.7. An answer
    that says nothing loses by 2 without being asked about. Judges prefer long answers: whoever makes a set of pairs has
    to choose from it such that chosen and rejected answers are equally long on average.
    """
    asked = [pair for pair in dict.fromkeys(pairs) if not says_nothing(pair[1]) and not says_nothing(pair[2])]
    texts = [
        {"question": question, "A": a, "B": b}
        for question, first, second in asked
        for a, b in ((first, second), (second, first))
    ]
    rounds = [judge.ask(BETTER, tuple(LEVELS), texts, salt=str(n)) for n in range(2)]
    judged = {}
    for i, pair in enumerate(asked):
        verdicts = [said[2 * i + order][0] for said in rounds for order in range(2)]
        signed = [LEVELS[v] * (1 - 2 * (n % 2)) for n, v in enumerate(verdicts) if v is not None]
        judged[pair] = Preference(sum(signed) / 4 if len(signed) == 4 else None, tuple(verdicts))
    walkovers = {(q, a, b): Preference(2.0 * (says_nothing(b) - says_nothing(a))) for q, a, b in pairs}
    return [(walkovers | judged)[pair] for pair in pairs]


def preferred(judge: Judge) -> GroupGrader:
    """How much better than the problem's own solution an answer is, from 0 to 1; 0.5 is as good. Named `preferred`.

    Only final answers are compared. Raises DataError for a problem without a solution.
    """

    def preferred(problem: Problem, group: Sequence[Completion]) -> list[Grade]:
        if not problem.solution:
            raise DataError(f"problem {problem.id!r} has no solution to compare replies with")
        solution = parse_reply(problem.solution)
        rival = solution.answer if solution else problem.solution
        read = [read_reply(completion) for completion in group]
        found = iter(compare(judge, [(question_of(problem), reply.answer, rival) for reply, _ in read if reply]))
        margins = [next(found).margin if reply else -2.0 for reply, _ in read]
        return [
            (None, LACKING) if margin is None else ((margin + 2) / 4, reason)
            for margin, (_, reason) in zip(margins, read, strict=True)
        ]

    return _patient(preferred, judge)


def _patient(reward: GroupGrader, judge: Judge) -> GroupGrader:
    reward.limit = judge.limit  # type: ignore[attr-defined]
    return reward

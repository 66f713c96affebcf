"""Strategies by name, as people write them on the command line.

    parse("vote:16")    parse("budget:200,floor=100,waits=2")    parse("bon:16,by=outcome", Scorers(outcome=scorer))

A name, perhaps a number after a colon, perhaps settings after commas: KEY=VALUE, the fields of the strategy's record.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass, fields
from difflib import get_close_matches
from functools import partial
from typing import Any, get_type_hints

from aha.errors import ConfigError
from aha.models.steps import AGGREGATES, Aggregate
from aha.rewards.judge import Judge
from aha.rewards.learned import Scorer
from aha.search.rate import judged, likelihood, outcome, process
from aha.search.sample import Rate
from aha.search.select import length_weighted, shortest, weighted
from aha.search.types import StepScorer, Strategy

Options = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Scorers:
    """What there is to score with."""

    outcome: Scorer | None = None
    process: StepScorer | None = None
    judge: Judge | None = None


@dataclass(frozen=True, slots=True)
class Kind:
    """A strategy that has a name."""

    record: str
    """Module and class, imported when asked for."""
    number: str
    """The field that the number sets."""
    about: str
    settle: Callable[[Options, Scorers], Options] = lambda options, scorers: {}
    """Takes the options that are no fields out, and gives the fields they stand for."""
    extra: tuple[str, ...] = ()
    """Names of such options."""


def parse(text: str, scorers: Scorers = Scorers()) -> Strategy:  # noqa: B008 - frozen
    """The strategy that a text names. Raises ConfigError in one line that says what there is."""
    head, *rest = (part.strip() for part in text.split(","))
    name, colon, number = head.partition(":")
    if name not in KINDS:
        near = get_close_matches(name, KINDS, 1)
        hint = f"did you mean {near[0]}? " if near else ""
        raise ConfigError(f"no strategy {name!r}; {hint}there is {', '.join(KINDS)}")
    kind = KINDS[name]
    module, _, record_name = kind.record.rpartition(".")
    record = getattr(importlib.import_module(module), record_name)
    known = _simple_fields(record) | dict.fromkeys(kind.extra, str)
    options: Options = {}
    for part in [f"{kind.number}={number}"] * bool(colon) + rest:
        key, equals, value = part.partition("=")
        if not equals or key not in known:
            keys = ", ".join(known)
            raise ConfigError(
                f"{name} has no setting {part!r}; write {name}:NUMBER for {kind.number}, or KEY=VALUE of {keys}"
            )
        options[key] = _read(value, known[key], f"{name}: {key}")
    settled = kind.settle(options, scorers)  # takes out what is no field
    strategy: Strategy = record(**settled | options)
    return strategy


def _simple_fields(record: type) -> dict[str, type]:
    """The fields that a text can set, with their types."""
    hints = get_type_hints(record)
    return {f.name: hints[f.name] for f in fields(record) if hints[f.name] in (int, float, str)}


def _read(value: str, kind: type, where: str) -> Any:
    try:
        read = kind(value)
        if kind is int and read > MOST:
            raise ConfigError(f"{where} = {value[:30]}: give at most {MOST:,}")
        return read
    except ValueError:
        wanted = "a whole number" if kind is int else "a number"
        raise ConfigError(f"{where} should be {wanted}, got {value!r}") from None


def _sampled(options: Options, scorers: Scorers) -> Options:
    return {"temperature": 0.6}


def _short(options: Options, scorers: Scorers) -> Options:
    told, n = "m" in options, options.get("n")
    m = _read(options.pop("m", "3"), int, "short: m")
    if m < 1 or told and n is not None and m > n:
        raise ConfigError(f"short: m = {m}: give 1 {f'to {n}' if n else 'or more'}, of the replies that are drawn")
    return {"choose": partial(shortest, m=m)}


def _length(options: Options, scorers: Scorers) -> Options:
    return {"choose": length_weighted}


def _best(options: Options, scorers: Scorers) -> Options:
    return {"rate": _rate(options, scorers)}


def _weighted(options: Options, scorers: Scorers) -> Options:
    return {"rate": _rate(options, scorers), "choose": weighted}


def _revised(options: Options, scorers: Scorers) -> Options:
    from aha.search.revise import as_turn, in_thought

    shows, named = {"thought": in_thought, "turn": as_turn}, options.pop("show", "thought")
    if named not in shows:
        raise ConfigError(f"revise: show={named}: use {' or '.join(shows)}")
    return {"show": shows[named]} | (_weighted(options, scorers) if "by" in options else {})


def _tree(options: Options, scorers: Scorers) -> Options:
    if scorers.process is None:
        raise ConfigError("a search needs a process model to go by: give its folder with --scorer")
    return {"scorer": scorers.process, "aggregate": _aggregate(options)}


def _diverse(options: Options, scorers: Scorers) -> Options:
    return _tree(options, scorers) | {"trees": 0}


def _lookahead(options: Options, scorers: Scorers) -> Options:
    return _tree(options, scorers) | {"lookahead": 1}


def _routed(options: Options, scorers: Scorers) -> Options:
    from aha.search.route import routed

    return routed(options)


def _aggregate(options: Options) -> Aggregate:
    """The option `aggregate`: how one score is made of those of the steps."""
    name = options.pop("aggregate", "last")
    if name not in AGGREGATES:
        raise ConfigError(f"aggregate={name}: use {', '.join(AGGREGATES)}")
    return AGGREGATES[name]


def _rate(options: Options, scorers: Scorers) -> Rate:
    """What scores candidates: the option `by`, or the one scorer that was given."""
    made, aggregate = dict[str, Rate](), _aggregate(options)
    if scorers.outcome is not None:
        made["outcome"] = outcome(scorers.outcome)
    if scorers.process is not None:
        made["process"] = process(scorers.process, aggregate)
    if scorers.judge is not None:
        made["judge"] = judged(scorers.judge)
    by = options.pop("by", "") or (next(iter(made)) if len(made) == 1 else "")
    made["likelihood"] = likelihood
    if by not in made:
        wrong = f"by={by}: that is not here" if by else "say what to score by"
        raise ConfigError(f"{wrong}: by={' or by='.join(made)}; --scorer FOLDER gives a model")
    return made[by]


STEPWISE = (_tree, _diverse, _lookahead)
"""What settles the options of strategies that need a process model."""
MOST = 1_000_000
"""Of anything that is counted."""
BY = ("by", "aggregate")
KINDS: dict[str, Kind] = {
    "greedy": Kind("aha.search.sample.Chain", "max_tokens", "one reply, the likeliest token each time"),
    "sample": Kind("aha.search.sample.Chain", "max_tokens", "one reply, sampled", _sampled),
    "direct": Kind("aha.search.sample.Direct", "max_tokens", "an answer without thinking"),
    "steps": Kind("aha.search.budget.StepByStep", "cap", "the thought begins: Let's think step by step"),
    "vote": Kind("aha.search.sample.Vote", "n", "the majority of n replies"),
    "short": Kind("aha.search.sample.Vote", "n", "the majority of the m shortest of n replies", _short, ("m",)),
    "length": Kind("aha.search.sample.Vote", "n", "n replies vote, answers of short ones weigh more", _length),
    "bon": Kind("aha.search.sample.BestOf", "n", "the best scored of n replies", _best, BY),
    "weighted": Kind("aha.search.sample.BestOf", "n", "n replies vote with their scores", _weighted, BY),
    "revise": Kind("aha.search.revise.Revise", "rounds", "replies that see the answer before", _revised, ("show", *BY)),
    "budget": Kind("aha.search.budget.Budget", "cap", "thinking cut short at a cap, or made longer by a word of doubt"),
    "hidden": Kind("aha.search.hidden.Hidden", "rounds", "thinking that goes on until two answers agree, unseen"),
    "beam": Kind("aha.search.beam.Beam", "n", "beam search by a process model", _tree, BY[1:]),
    "dvts": Kind("aha.search.beam.Beam", "n", "as many separate searches as there can be", _diverse, BY[1:]),
    "lookahead": Kind("aha.search.beam.Beam", "n", "beam search that looks a step ahead", _lookahead, BY[1:]),
    "route": Kind(
        "aha.search.route.Route",
        "n",
        "simple questions at once, others with thinking",
        _routed,
        ("n", "by", "k", "least", "model", "max_tokens"),
    ),
    "mcts": Kind("aha.search.mcts.Mcts", "n", "Monte-Carlo tree search by a process model", _tree, BY[1:]),
}
"""Every strategy that has a name."""

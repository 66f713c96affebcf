"""`aha chat`: thoughts fold, hostile text is inert, turns are remembered and forgotten."""

from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console

from aha import cli
from aha.rollout.jobs import Job, Piece
from aha.rollout.live import Live
from aha.search.parse import Scorers
from aha.serve.models import Checkpoint
from aha.serve.writing import Writing
from aha.tools.chat import Conversation, talk
from aha.tools.chat_screen import ChatScreen
from aha.types import Sampling
from tests.toys import toy_chat, toy_model

DRAWN = {"temperature": 1.0, "top_p": 1.0, "max_tokens": 12}


def screen(thoughts=False, **more):
    return ChatScreen(thoughts, Console(file=StringIO(), width=80, **more))


def shown(text, thoughts=False, finish="stop", size=3, **more):
    """What the terminal shows of a reply that comes in bits of `size` tokens."""
    where, chat = screen(thoughts, **more), toy_chat()
    ids, job = chat.encode(text), Job([1], Sampling(1, 99), print)
    bits = [ids[i : i + size] for i in range(0, len(ids), size)]
    writing = Writing(chat, "start")
    with where.reply(writing) as show:
        for i, bit in enumerate(bits):
            show(writing.add(Piece(job, 0, bit, [0.0] * len(bit), finish=finish if i == len(bits) - 1 else None)))
    return where.console.file.getvalue()


def test_a_thought_folds_into_one_line_with_its_time_and_tokens():
    text = shown("<think>12 + 7 = 19</think><answer>19</answer>")
    first, answer, *rest = text.splitlines()
    tokens = len(toy_chat().encode("12 + 7 = 19"))
    assert first == f"Thought for 0 s, {tokens} tokens" and answer == "19" and not rest


def test_thoughts_are_shown_where_they_are_asked_for():
    text = shown("<think>12 + 7 = 19</think><answer>19</answer>", thoughts=True)
    assert text.splitlines()[0] == "12 + 7 = 19" and text.splitlines()[-1] == "19"


@pytest.mark.parametrize("thoughts", [False, True])
def test_a_thought_that_is_cut_off_is_said_to_be(thoughts):
    assert "and was cut off before it answered" in shown("<think>12 + 7", thoughts, "length")
    assert "(cut off)" in shown("<think>1</think><answer>12 + 7", thoughts, "length")


def test_a_reply_without_a_thought_is_shown_as_it_is():
    assert shown("12 + 7").splitlines() == ["12 + 7"]


@pytest.mark.parametrize("terminal", [False, True])
def test_terminal_sequences_of_the_model_are_written_out(terminal):
    hostile = "\x1b]0;title\x07\x1b[2J[red]x[/red]"
    text = shown(f"<think>{hostile}</think><answer>{hostile}</answer>", True, force_terminal=terminal)
    assert "\x1b]0;" not in text and "\x1b[2J" not in text and "\x07" not in text
    bare = text.replace("\x1b[2m", "").replace("\x1b[0m", "")
    assert bare.count("[red]x[/red]") == 2 and "\u241b]0;title\u2407" in bare and "\x1b" not in bare


@pytest.fixture(scope="module")
def checkpoint():
    """A random model that runs."""
    live = Live(toy_model(), toy_chat(), slots=1, queue=0, context=120)
    live.start()
    yield Checkpoint("toy", live, toy_chat(), Scorers(), 0)
    live.close()


class Typed(ChatScreen):
    """A screen whose user types these lines."""

    def __init__(self, *typed):
        super().__init__(False, Console(file=StringIO(), width=200))
        self.typed = typed

    def lines(self):
        return iter(self.typed)


def test_turns_are_remembered_until_they_are_forgotten(checkpoint):
    conversation = Conversation(checkpoint, DRAWN, seed=0)
    talk(conversation, Typed("make 12", "", "  make 13  "))
    assert [question for question, _ in conversation.turns] == ["make 12", "make 13"]
    talk(conversation, Typed("/new"))
    assert conversation.turns == []
    talk(conversation, Typed("/quit", "make 14"))
    assert conversation.turns == []


def test_the_same_seed_gives_the_same_conversation(checkpoint):
    first, second = (Conversation(checkpoint, DRAWN, seed=3) for _ in range(2))
    for conversation in (first, second):
        talk(conversation, Typed("make 12", "make 13"))
    assert first.turns == second.turns


def test_a_conversation_that_is_too_long_is_one_line_and_goes_on_after_new(checkpoint):
    conversation, where = (
        Conversation(checkpoint, DRAWN, seed=0),
        Typed("make 12 " * 60, "/new", "make 13", "/odd", "/thoughts"),
    )
    talk(conversation, where)
    text = where.console.file.getvalue()
    assert "the model reads 120: /new starts again" in text and [turn[0] for turn in conversation.turns] == ["make 13"]
    assert "/quit ends" in text and "thoughts are shown" in text


def test_half_a_character_does_not_end_the_conversation(checkpoint):
    conversation = Conversation(checkpoint, DRAWN, seed=0)
    talk(conversation, Typed("make \udce9 12"))
    assert conversation.turns[0][0] == "make ? 12"


def test_a_model_that_does_not_exist_is_one_line(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["aha", "chat", "no/such/model"])
    with pytest.raises(SystemExit) as leaving:
        cli.main()
    err = capsys.readouterr().err
    assert leaving.value.code == 2 and "no/such/model" in err and "tiny" in err


@pytest.mark.slow
def test_the_shipped_model_answers_lines_of_a_pipe(monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin", StringIO("Using the numbers 1, 2, 3, make 6.\n/quit\n"))
    monkeypatch.setattr("sys.argv", ["aha", "chat", "tiny", "--seed", "0", "--max-tokens", "100"])
    with pytest.raises(SystemExit) as leaving:
        cli.main()
    assert not leaving.value.code and capsys.readouterr().out.strip()

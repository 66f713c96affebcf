"""`aha chat`: talk to a model in the terminal. Its thoughts stay folded unless they are asked for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aha.errors import RunError

if TYPE_CHECKING:
    from queue import SimpleQueue

    from aha.rollout.jobs import Job, Piece
    from aha.serve.ask import Message
    from aha.serve.models import Checkpoint
    from aha.tools.chat_screen import ChatScreen

LEAST = 16
"""Tokens of a reply below which a conversation is called too long."""
HELP = "/new forgets the conversation, /thoughts shows or folds thoughts, /quit ends; anything else is for the model"


def chat(
    model: Annotated[str, typer.Argument(help="A model folder, a run folder, or 'tiny'.")] = "tiny",
    thoughts: Annotated[bool, typer.Option("--thoughts", help="Show thoughts as they are written.")] = False,
    system: Annotated[str, typer.Option(help="What stands before the conversation.")] = "",
    temperature: Annotated[float, typer.Option(min=0.0, max=10.0, help="0 is greedy.")] = 0.6,
    top_p: Annotated[float, typer.Option(min=0.01, max=1.0, help="Share of the likeliest tokens to draw from.")] = 0.95,
    max_tokens: Annotated[int, typer.Option(min=0, help="Tokens of a reply at most; 0 is what is left.")] = 0,
    seed: Annotated[int | None, typer.Option(help="Seed of the replies; fresh ones without it.")] = None,
    dtype: Annotated[str, typer.Option(help="bf16 or fp32; as it is, what this processor is faster in.")] = "",
) -> None:
    """Talk to a model; /new forgets the conversation, /quit ends it. Reads lines where it is not a terminal."""
    from aha.models.allocator import keep_memory
    from aha.models.precision import DTYPES, precision
    from aha.search.parse import Scorers
    from aha.serve.models import load
    from aha.tools.chat_screen import ChatScreen

    keep_memory()
    screen = ChatScreen(thoughts)
    with screen.waiting(f"loading {model}"):
        checkpoint = load("chat", model, DTYPES[precision(dtype)], Scorers(), slots=1, queue=0)
        checkpoint.live.warm.wait()
    drawn = {"temperature": temperature, "top_p": top_p, "max_tokens": max_tokens}
    try:
        talk(Conversation(checkpoint, drawn, seed, system), screen)
    finally:
        checkpoint.live.close()


@dataclass
class Conversation:
    """The turns so far, and how replies are drawn."""

    checkpoint: Checkpoint
    drawn: dict[str, Any]
    seed: int | None = None
    system: str = ""
    turns: list[tuple[str, str]] = field(default_factory=list)

    def ask(self, text: str, screen: ChatScreen) -> None:
        """Show the reply to `text`, and remember both. Raises RunError where the context has no room or the engine fails."""
        from aha.serve.writing import Writing

        writing = Writing(self.checkpoint.chat, "start")
        job, pieces = self._job(text)
        self.checkpoint.live.submit(job)
        try:
            with screen.reply(writing) as show:
                for piece in _until_the_end(pieces):
                    show(writing.add(piece))
        except KeyboardInterrupt:
            self.checkpoint.live.cancel(job)
            screen.say("\nstopped; this turn is forgotten")
            return
        self.turns.append((text, writing.content))

    def _job(self, text: str) -> tuple[Job, SimpleQueue[list[Piece]]]:
        import secrets
        from queue import SimpleQueue

        from aha.rollout.jobs import Job
        from aha.serve.turns import prompt_of
        from aha.types import Sampling

        live, pieces = self.checkpoint.live, SimpleQueue[list["Piece"]]()
        [prompt] = self.checkpoint.chat.prompt_ids([prompt_of(self._messages(text))])
        room = live.context - len(prompt)
        if room < LEAST:
            raise RunError(
                f"the conversation has {len(prompt)} tokens and the model reads {live.context}: /new starts again"
            )
        seed = secrets.randbits(31) if self.seed is None else self.seed + len(self.turns)
        told = self.drawn | {"max_tokens": min(self.drawn["max_tokens"] or room, room)}
        return Job(prompt, Sampling(1, seed=seed, **told), pieces.put, stream=True), pieces

    def _messages(self, text: str) -> list[Message]:
        from aha.serve.ask import Message

        said = [("system", self.system)] if self.system else []
        for question, answer in self.turns:
            said += [("user", question), ("assistant", answer)]
        return [Message(role=role, content=content) for role, content in [*said, ("user", text)]]  # type: ignore[arg-type]


def _until_the_end(pieces: SimpleQueue[list[Piece]]) -> Iterator[Piece]:
    """A reply's pieces as they come. Raises RunError where the engine fails."""
    while True:
        for piece in pieces.get():
            if piece.error:
                raise RunError(piece.error)
            yield piece
            if piece.finish is not None:
                return


def talk(conversation: Conversation, screen: ChatScreen) -> None:
    """Read lines and answer them until there are no more."""
    for line in screen.lines():
        text = line.encode("utf-8", "replace").decode().strip()
        if text in ("/quit", "/exit"):
            return
        if text == "/new":
            conversation.turns.clear()
            screen.say("a new conversation")
        elif text == "/thoughts":
            screen.thoughts = not screen.thoughts
            screen.say("thoughts are shown" if screen.thoughts else "thoughts are folded")
        elif text.startswith("/"):
            screen.say(HELP)
        elif text:
            try:
                conversation.ask(text, screen)
            except RunError as error:
                screen.say(str(error))

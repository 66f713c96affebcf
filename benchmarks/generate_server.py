"""The plainest server of a transformers model: `generate` behind a chat route. What `aha serve` is compared with.

    python -m benchmarks.generate_server FOLDER --batch 32

Takes up to `--batch` requests that wait into one padded call of `generate`, and answers them when all of it has ended.
"""

from __future__ import annotations

import argparse
import asyncio
import queue
import threading
from dataclasses import dataclass
from typing import Any

import torch
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from transformers import AutoModelForCausalLM, AutoTokenizer

from aha.models.precision import DTYPES, fastest
from aha.serve.server import listening


@dataclass
class Waiting:
    """A request that waits for its text and count."""

    prompt: str
    tokens: int
    loop: asyncio.AbstractEventLoop
    done: asyncio.Future[tuple[str, int]]


class Generator:
    """The model, and a thread that answers who waits."""

    def __init__(self, folder: str, batch: int) -> None:
        self.tokenizer = AutoTokenizer.from_pretrained(folder, padding_side="left")
        self.model = AutoModelForCausalLM.from_pretrained(folder, dtype=DTYPES[fastest()]).eval()
        self.batch, self.waiting = batch, queue.SimpleQueue[Waiting]()
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while True:
            batch = [self.waiting.get()]
            while len(batch) < self.batch and not self.waiting.empty():
                batch.append(self.waiting.get())
            for one, found in zip(batch, self._answer(batch), strict=True):
                one.loop.call_soon_threadsafe(one.done.set_result, found)

    @torch.inference_mode()
    def _answer(self, batch: list[Waiting]) -> list[tuple[str, int]]:
        read = self.tokenizer([one.prompt for one in batch], return_tensors="pt", padding=True)
        out = self.model.generate(
            **read, do_sample=True, temperature=1.0, top_p=1.0, top_k=0, max_new_tokens=max(one.tokens for one in batch)
        )
        replies = out[:, read["input_ids"].shape[1] :]
        counts = (replies != self.tokenizer.pad_token_id).sum(1).tolist()
        return list(zip(self.tokenizer.batch_decode(replies), counts, strict=True))

    async def chat(self, request: Request) -> JSONResponse:
        """POST /v1/chat/completions, without streams."""
        asked: dict[str, Any] = await request.json()
        prompt = self.tokenizer.apply_chat_template(asked["messages"], tokenize=False, add_generation_prompt=True)
        loop = asyncio.get_running_loop()
        one = Waiting(prompt, asked["max_tokens"], loop, loop.create_future())
        self.waiting.put(one)
        text, count = await one.done
        message = {"role": "assistant", "content": text}
        return JSONResponse(
            {"choices": [{"index": 0, "message": message}], "usage": {"completion_tokens": count, "": 0}}
        )


def main() -> None:
    """Serve until told to stop."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("folder")
    arguments.add_argument("--batch", type=int, default=1)
    chosen = arguments.parse_args()
    app = Starlette(
        routes=[Route("/v1/chat/completions", Generator(chosen.folder, chosen.batch).chat, methods=["POST"])]
    )
    sock = listening("127.0.0.1", 0)
    print(f"serving at http://127.0.0.1:{sock.getsockname()[1]}/v1", flush=True)
    uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False)).run(sockets=[sock])


if __name__ == "__main__":
    main()

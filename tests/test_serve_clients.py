"""Clients with an environment of their own, which `make clients` sets up: openai 2.x, `llm`, lm-evaluation-harness.

Version 3 of the openai client, curl and readers of the bare protocol are in `test_serve_http.py`.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.serve_toys import PUZZLE, ask, says, serving

BIN = Path(__file__).parents[1] / ".venv-clients" / "bin"
THOUGHT, ANSWER = "44 + 19 = 63,\n63 + 35 = 98 yes", "44 + 19 + 35"


@pytest.fixture(scope="module")
def url():
    with serving("tiny") as (url, catalogue):
        says(catalogue, f"<think>{THOUGHT}</think><answer>{ANSWER}</answer>")
        yield url


def run(program: str, *words: str, **variables: str) -> str:
    """What a client prints. Skips the test where it is not installed."""
    if not (BIN / program).exists():
        pytest.skip(f".venv-clients/bin/{program} is missing: `make clients` installs it")
    offline = {"NO_PROXY": "*", "HF_HUB_OFFLINE": "1", "OPENAI_API_KEY": "none"}
    done = subprocess.run(
        [BIN / program, *words], capture_output=True, text=True, timeout=100, env=os.environ | offline | variables
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


OPENAI = """
import json, openai, sys
client = openai.OpenAI(base_url=sys.argv[1], api_key="none")
asked = dict(model="tiny", messages=[{"role": "user", "content": sys.argv[2]}], seed=1)
whole = client.chat.completions.create(**asked)
chunks = list(client.chat.completions.create(**asked, stream=True, stream_options={"include_usage": True}))
deltas = [c.delta for chunk in chunks for c in chunk.choices]
join = lambda name: "".join(getattr(d, name, None) or "" for d in deltas)
try:
    client.chat.completions.create(**asked | {"model": "none"})
except openai.NotFoundError as error:
    refused = error.body["message"]
print(json.dumps({
    "version": openai.__version__, "whole": [whole.choices[0].message.reasoning, whole.choices[0].message.content],
    "stream": [join("reasoning_content"), join("content")], "usage": chunks[-1].usage == whole.usage,
    "models": [m.id for m in client.models.list()], "refused": refused,
}))
"""


def test_the_openai_client_of_version_2(url):
    told = json.loads(run("python", "-c", OPENAI, f"{url}/v1", PUZZLE))
    assert told["version"].startswith("2.") and told["whole"] == told["stream"] == [THOUGHT, ANSWER] and told["usage"]
    assert "tiny:auto" in told["models"] and "tiny:majority@16" in told["refused"]


@pytest.mark.parametrize("how", [["--no-stream"], []])
def test_llm_with_an_entry_for_a_compatible_model(url, tmp_path, how):
    entry = f"- model_id: mine\n  model_name: tiny\n  api_base: {url}/v1\n"
    (tmp_path / "extra-openai-models.yaml").write_text(entry)
    said = run("llm", "-m", "mine", PUZZLE, *how, LLM_USER_PATH=str(tmp_path))
    assert said.strip().endswith(ANSWER)


@pytest.mark.slow
@pytest.mark.parametrize("chat", [True, False])
def test_the_chat_model_of_lm_evaluation_harness(url, tmp_path, chat):
    kind, path = ("local-chat-completions", "chat/completions") if chat else ("local-completions", "completions")
    options = f"model=tiny,base_url={url}/v1/{path},num_concurrent=2,tokenizer_backend=None,tokenized_requests=False"
    words = ["--include_path", "tests/data/lm_eval", "--tasks", "aha_sums", "--output_path", str(tmp_path)]
    run(
        "lm_eval", "--model", kind, "--model_args", options, *words, "--log_samples",
        *["--apply_chat_template"] * chat, HF_HOME=str(tmp_path / "cache"),
    )  # fmt: skip
    [file] = tmp_path.rglob("samples_*.jsonl")
    samples = [json.loads(line) for line in file.read_text().splitlines()]
    assert len(samples) == 2 and ask(url)[0] == 200
    right = [sample["exact_match"] for sample in sorted(samples, key=lambda sample: sample["doc_id"])]
    assert right == [float(chat), 0.0]  # the model says the same to both, tags and all without the chat

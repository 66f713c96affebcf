"""Thoughts shown, hidden or summed up, and the same for strategies; `MODEL:auto`."""

from __future__ import annotations

import pytest

from aha.serve.summary import WIDTH, by_rule, without_thought
from tests.serve_toys import ask, joined, says, serving, settled, streamed

THOUGHT = "44 + 19 = 63 no\n44 - 19 = 25 no\n44 + 35 = 79\n79 + 19 = 98 yes"
SHORT = "44 + 19 = 63 no\n[… 2 lines …]\n79 + 19 = 98 yes"
WHOLE = f"<think>{THOUGHT}</think><answer>98</answer>"


@pytest.fixture(scope="module")
def short():
    """A server that sums thoughts up by the rule, and a model that writes one reply."""
    with serving("tiny", thoughts="summary") as (url, catalogue):
        says(catalogue, WHOLE)
        yield url


@pytest.mark.parametrize(
    ("thought", "said"),
    [
        (THOUGHT, SHORT), ("one line", "one line"), ("one\n\n two \n", "one\ntwo"), ("a\nb\nc", "a\n[… 1 line …]\nc"),
        ("x" * 1000, "x" * (WIDTH - 1) + "…"),
    ],
)  # fmt: skip
def test_the_rule_keeps_the_first_and_the_last_line(thought, said):
    assert by_rule(thought) == said


def test_a_summary_stands_where_the_thought_would_and_the_answer_says_who_made_it(short):
    _, body = ask(short)
    message = body["choices"][0]["message"]
    assert (message["content"], message["reasoning"], message["reasoning_content"]) == ("98", SHORT, SHORT)
    assert body["aha"]["thoughts"] == {"shown": "summary", "by": "rule: first and last line", "tokens": 0}
    assert body["usage"]["completion_tokens_details"]["reasoning_tokens"] > 20  # of the whole thought


def test_a_summary_streams_before_the_answer_and_nothing_else_of_the_thought(short):
    chunks, _ = streamed(short)
    deltas = [c["choices"][0]["delta"] for c in chunks if c["choices"]]
    assert [d for d in deltas if d.get("reasoning")] == [{"reasoning_content": SHORT, "reasoning": SHORT}]
    assert joined(chunks, "content") == "98" and chunks[-1]["aha"]["thoughts"]["by"].startswith("rule")
    cut, _ = streamed(short, max_tokens=12)
    assert joined(cut, "reasoning") == "44 + 19 = 63 no\n44 - 19 =" and not joined(cut, "content")


def test_another_served_model_sums_up():
    with serving("tiny", "mini-llama", thoughts="summary", summary_by="mini-llama") as (url, catalogue):
        says(catalogue, WHOLE)
        says(catalogue, "<answer>It added all three.</answer>", "mini-llama")
        _, body = ask(url)
        assert body["choices"][0]["message"]["reasoning"] == "It added all three."
        assert body["aha"]["thoughts"]["by"] == "model mini-llama" and body["aha"]["thoughts"]["tokens"] > 3
        assert joined(streamed(url, n=2)[0], "reasoning", 1) == "It added all three."
        catalogue.checkpoints["mini-llama"].live.close()  # and where it cannot, the rule does
        assert ask(url)[1]["choices"][0]["message"]["reasoning"] == SHORT
        assert settled(url)


@pytest.mark.parametrize("thoughts", ["hidden", "summary"])
def test_nothing_else_gives_thoughts_away(thoughts):
    with serving("tiny", thoughts=thoughts) as (url, catalogue):
        says(catalogue, WHOLE)
        status, body = ask(url, path="/v1/completions", prompt="User: hello\nAssistant:", messages=None)
        assert status == 403 and "thoughts" in body["error"]["message"]
        loud, lines = streamed(url, model="tiny:majority@2", aha={"progress": True, "events": True})
        assert "19 = 25" not in "".join(lines) and joined(loud, "content") == "98"
        assert [c["text"] for c in loud[-1]["aha"]["candidates"]] == ["98", "98"]
        assert ("reasoning" in ask(url)[1]["choices"][0]["message"]) == (thoughts == "summary")


def test_the_answer_of_a_whole_reply():
    assert [without_thought(text) for text in (WHOLE, THOUGHT, f"<think>{THOUGHT}")] == ["98", THOUGHT, ""]


def test_auto_thinks_only_where_a_question_looks_hard(short):
    easy, hard = ("Hello!", "Using the numbers 44, 19, 35, make 98.")
    tokens = []
    for question in (easy, hard):
        status, body = ask(short, model="tiny:auto", messages=[{"role": "user", "content": question}])
        assert status == 200 and body["aha"]["cost"]["tokens"] == body["usage"]["completion_tokens"]
        tokens.append(body["usage"]["completion_tokens_details"]["reasoning_tokens"])
    assert tokens[0] < tokens[1]

"""Chat models' own templates and tokens: what prompts become, and templates that cannot be used."""

from __future__ import annotations

import json

import pytest

from aha.chat import CHAT_TEMPLATE, Chat, Marks, render, turns
from aha.errors import ModelError
from aha.models.folder import save_model
from aha.models.tokenizer import train_tokenizer
from aha.rollout.engine import TorchEngine
from aha.template import Template
from aha.types import Sampling
from tests.toys import toy_chat, toy_model

CHATML = (
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + eos_token + '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
TOKENS = {"eos_token": "<|im_end|>"}
MARKED = {"<|pad|>": "<|x|>", "<|end|>": "<|im_end|>", "<think>": "<|im_start|>"}


def chat_folder(folder, template=CHATML, **config):
    """A chat model's folder: the toy with other names for its tokens."""
    save_model(toy_model(), toy_chat(), folder)
    text = toy_chat().tokenizer.to_str()
    for ours, theirs in MARKED.items():
        text = text.replace(ours, theirs)
    (folder / "tokenizer.json").write_text(text)
    (folder / "chat_template.jinja").write_text(template)
    (folder / "tokenizer_config.json").write_text(json.dumps(TOKENS | {"pad_token": "<|x|>"} | config))
    (folder / "generation_config.json").write_text("{}")
    return folder


def test_prompts_go_through_the_models_own_template(tmp_path):
    chat = Chat.load(chat_folder(tmp_path))
    asked = "<|im_start|>user\n1 + 1?<|im_end|>\n<|im_start|>assistant\n"
    assert chat.prompt(render("1 + 1?")) == asked
    assert chat.prompt(render("1 + 1?") + "<think>") == asked + "<think>"
    assert chat.prompt("Question: 1 + 1?") == "Question: 1 + 1?"
    assert chat.prompt_ids([render("1 + 1?")]) == [chat.encode(asked)]
    assert chat.end_id == chat.encode("<|im_end|>")[0]


def test_earlier_turns_and_what_a_system_says_become_messages():
    text = "Be brief.\nUser: a\nAssistant:b<|end|>\nUser: c\nAssistant: d\nAssistant:<think>"
    messages, opening = turns(text)
    assert [tuple(m.values()) for m in messages] == [
        ("system", "Be brief."), ("user", "a"), ("assistant", "b"), ("user", "c\nAssistant: d")
    ]  # fmt: skip
    assert opening == "<think>"
    assert turns("def f():") is None


def test_an_engine_reads_prompts_in_the_template_and_stops_at_every_end(tmp_path):
    chat = Chat.load(chat_folder(tmp_path))
    [[long]] = TorchEngine(toy_model(), chat).generate([render("1")], Sampling(max_tokens=8))
    other = chat.tokenizer.id_to_token(long.token_ids[3])
    both = Chat(chat.tokenizer, Marks("<|im_end|>", ("<|im_end|>", other), "<|x|>"), chat.template)
    [[reply]] = TorchEngine(toy_model(), both).generate([render("1")], Sampling(max_tokens=8))
    assert reply.prompt_ids == chat.encode("<|im_start|>user\n1<|im_end|>\n<|im_start|>assistant\n")
    assert reply.finish == "stop" and reply.token_ids == long.token_ids[: len(reply.token_ids)]
    assert reply.token_ids[-1] == both.end_ids[1]


def test_a_saved_chat_model_keeps_its_template_and_tokens(tmp_path):
    chat = Chat.load(chat_folder(tmp_path / "a"))
    save_model(toy_model(), chat, tmp_path / "b")
    again = Chat.load(tmp_path / "b")
    assert again.marks == chat.marks and again.prompt(render("x")) == chat.prompt(render("x"))
    transformers = pytest.importorskip("transformers")
    theirs = transformers.AutoTokenizer.from_pretrained(tmp_path / "b")
    asked = theirs.apply_chat_template([{"role": "user", "content": "x"}], add_generation_prompt=True, tokenize=False)
    assert asked == chat.prompt(render("x")) and theirs.eos_token == "<|im_end|>"


def test_a_base_model_with_the_template_of_its_chat_model_is_read_as_a_base_model(tmp_path):
    chat = Chat.load(chat_folder(tmp_path, CHATML.replace("eos_token", "'<|other|>'")))
    assert chat.template is None and chat.prompt(render("x")) == render("x")


def test_the_token_that_begins_all_texts_is_put_before_plain_prompts():
    from tokenizers.processors import TemplateProcessing

    tokenizer = train_tokenizer(["some words"] * 4, 1400)
    tokenizer.post_processor = TemplateProcessing(single="<think> $A", special_tokens=[("<think>", 2)])
    chat = Chat(tokenizer)
    assert chat.begin_ids == [2]
    assert chat.prompt_ids([render("x")]) == [[2, *chat.encode(render("x"))]]
    assert toy_chat().begin_ids == []


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("{% for m in messages %}{{ m['content'] }}", "line 1: Unexpected end of template"),
        ("{{ messages[0]['content'] ", "line 1"),
        ("hello", "leaves out what the user says"),
        ("{{ messages[7]['content'] }}", "cannot be used"),
        ("{{ raise_exception('only tools') }}", "only tools"),
        ("{{ messages[0]['content'] }}{{ ''.__class__.__mro__[1].__subclasses__() }}", "unsafe"),
        ("{{ messages[0]['content'] }}{% if messages|length > 1 %}<think>{% endif %}", "does not close it"),
        ("{{ messages[0]['content'] }}{% for i in range(10 ** 9) %}a{% endfor %}", "Range too big"),
    ],
)
def test_a_template_that_cannot_be_used_is_refused_in_one_line(source, says):
    with pytest.raises(ModelError, match=says) as raised:
        Template(source, {}, "chat_template.jinja")
    assert "\n" not in str(raised.value) and "chat_template.jinja" in str(raised.value)


def test_what_a_template_knows_of_thoughts():
    opening = Template(CHATML + "{% if add_generation_prompt %}<think>\n{% endif %}", TOKENS, "t")
    assert opening.opens_thought and opening.knows_thoughts and opening.keeps_thoughts
    assert opening.render([{"role": "user", "content": "x"}]).endswith("assistant\n")
    assert not Template(CHATML, TOKENS, "t").knows_thoughts


@pytest.mark.parametrize(
    ("break_", "says"),
    [
        (lambda f: (f / "tokenizer.json").unlink(), "tokenizer.json is missing"),
        (lambda f: (f / "tokenizer.json").write_text("{"), "cannot be read"),
        (lambda f: (f / "tokenizer.json").write_text('{"model": {"type": "BPE", "vocab": 5}}'), "cannot be read"),
        (lambda f: (f / "tokenizer_config.json").write_text("{}"), "no token that ends a reply"),
        (lambda f: (f / "tokenizer_config.json").write_text("[]"), "no record"),
        (lambda f: (f / "tokenizer_config.json").write_text('{"eos_token": "<|nowhere|>"}'), "lacks"),
    ],
)
def test_a_folder_without_a_whole_tokenizer_is_refused_in_one_line(tmp_path, break_, says):
    folder = chat_folder(tmp_path, CHAT_TEMPLATE)
    (folder / "config.json").write_text("{}")
    break_(folder)
    with pytest.raises(ModelError, match=says) as raised:
        Chat.load(folder)
    assert "\n" not in str(raised.value)

"""The chat template of an exported model: it opens the thought, and leaves earlier thoughts out.

    User: 1 + 1?
    Assistant:<answer>2</answer><|end|>
    User: Using the numbers 44, 19, 35, make 98.
    Assistant:<think>

What a client gets back begins inside the thought, as with DeepSeek-R1 (its tokenizer_config.json of February 2025).
While it trains, a model opens its thoughts itself, and its checkpoints keep the template that it trained with.
"""

from __future__ import annotations

from aha.chat import END, THINK, THINK_END, Chat

_WITHOUT_THOUGHT = f"{{% if enable_thinking is defined and not enable_thinking %}}{THINK_END}{{% endif %}}"
_OPENING = f"{{% if add_generation_prompt %}}{THINK}{_WITHOUT_THOUGHT}{{% endif %}}"
_IS_OLD = (
    f"{THINK_END!r} in text and not (loop.last and not add_generation_prompt)"  # a last reply is one to learn from
)
_LATER = f"text.split({THINK_END!r})[-1].lstrip()"

_OWN = (
    "{% for message in messages %}{% set text = message['content'] or '' %}"
    "{% if message['role'] == 'user' %}User: {{ text }}\n"
    "{% elif message['role'] == 'assistant' %}"
    f"{{% if {_IS_OLD} %}}{{% set text = {_LATER} %}}{{% endif %}}"
    f"Assistant:{{{{ text }}}}{END}\n"
    "{% else %}{{ text }}\n{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}Assistant:{% endif %}" + _OPENING
)
_WITHOUT_OLD = (
    "{% set turns = namespace(all=[]) %}{% for message in messages %}{% set text = message['content'] or '' %}"
    f"{{% if message['role'] == 'assistant' and {_IS_OLD} %}}"
    f"{{% set message = {{'role': 'assistant', 'content': {_LATER}}} %}}{{% endif %}}"
    "{% set turns.all = turns.all + [message] %}{% endfor %}{% set messages = turns.all %}"
)


def exported_template(chat: Chat, trained: bool) -> str:
    """The template of an exported model. Another's model that no run has trained keeps its own, as it is."""
    template = chat.template
    if template is None:
        return (chat.marks.begin or "") + _OWN.replace(END, chat.marks.end)
    if not trained:
        return template.source
    before = _WITHOUT_OLD if template.keeps_thoughts else ""
    return before + template.source + ("" if template.opens_thought else _OPENING)

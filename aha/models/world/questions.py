"""The general questions of the embedded world: facts, translations, small talk, writing; English and Chinese.

There are some hundreds, each with good replies. What is held out for testing, one in five or a little less:

* facts: a fact in one of its wordings. The fact itself is learnt in other wordings, the wording from other facts.
* words to translate: the same; phrases of an adjective and a noun: the combination.
* small talk: the last wording of each intent.
* writing: the subject.

A wording in which the base model's corpus asks is never held out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Literal

from aha.models.world.general_text import CAPITALS, LEGS, OPPOSITES, WORD_PAIRS

Domain = Literal["fact", "translation", "talk", "writing", "safety"]


@dataclass(frozen=True, slots=True)
class Question:
    """A question, good replies to it (the summary alone), and what a rule needs to grade another.

    >>> Question("Which city is the capital of France?", "en", "fact", "capital", "France", "Paris",
    ...          ("The capital of France is Paris.",), topic="capital/France")
    """

    text: str
    language: str
    domain: Domain
    kind: str
    """What sort of question of its domain it is."""
    subject: str
    """What is asked about."""
    value: str
    """The right answer, where there is only one."""
    replies: tuple[str, ...]
    topic: str
    """Equal for questions that differ in wording or language only."""
    held_out: bool = False
    sentences: int = 0
    """How many sentences are asked for; 0 leaves it open."""


CAPITAL_EN = (
    "What is the capital of {}?", "Which city is the capital of {}?", "Name the capital of {}.",
    "Tell me the capital of {}.", "What is the capital city of {}?",
)  # fmt: skip
CAPITAL_ZH = (
    "{}的首都是哪里？",
    "{}的首都是什么？",
    "哪座城市是{}的首都？",
    "请说出{}的首都。",
    "请问{}的首都在哪里？",
)
COUNTRY_EN = (
    "{} is the capital of which country?", "Which country has {} as its capital?", "Name the country of which {} is the capital.",
)  # fmt: skip
COUNTRY_ZH = ("{}是哪个国家的首都？", "哪个国家的首都是{}？", "请说出首都是{}的国家。")
LEGS_EN = ("How many legs does {} have?", "How many legs are there on {}?", "Tell me how many legs {} has.")
LEGS_ZH = ("{}有几条腿？", "一只{}有多少条腿？", "请问{}有几条腿？")
OPPOSITE_EN = (
    "What is the opposite of {}?", "Which word is the opposite of {}?", "Name the opposite of {}.",
    "Tell me the opposite of {}.",
)  # fmt: skip
TO_CHINESE = ("Translate into Chinese: {}", "How do you say {} in Chinese?", "What is {} in Chinese?")
TO_ENGLISH = ("翻译成英文：{}", "{}用英文怎么说？", "{}的英文是什么？")

ADJECTIVES = (("red", "红"), ("white", "白"), ("black", "黑"), ("big", "大"), ("small", "小"))
NOUNS = (
    ("cat", "猫"), ("dog", "狗"), ("horse", "马"), ("bird", "鸟"), ("fish", "鱼"), ("tree", "树"), ("flower", "花"),
    ("house", "房子"), ("door", "门"), ("book", "书"),
)  # fmt: skip

TALK = (
    ("greeting",
     ("Hello!", "Hi there.", "Good day!", "Hello, aha."), ("Hello! How can I help?", "Hi! What shall we do?"),
     ("你好！", "您好！", "嗨，你好。"), ("你好！我能帮你什么？", "你好！我们做什么？")),
    ("thanks",
     ("Thank you.", "Thanks a lot.", "Thank you very much."), ("You are welcome.", "You are welcome. I am glad to help."),
     ("谢谢。", "谢谢你。", "多谢。"), ("不客气。", "不客气，我很高兴帮你。")),
    ("wellbeing",
     ("How are you?", "How are you today?", "Are you well?"), ("I am well, thank you.", "I am well today, thank you."),
     ("你好吗？", "你今天好吗？", "你还好吗？"), ("我很好，谢谢。", "我今天很好，谢谢你。")),
    ("night",
     ("Good night.", "I am going to sleep.", "I go to bed now."), ("Good night!", "Good night! Sleep well."),
     ("晚安。", "我要睡觉了。", "我去睡了。"), ("晚安！", "晚安！睡个好觉。")),
    ("self",
     ("Who are you?", "Tell me who you are.", "What are you?", "What is your name?", "Who am I talking to?"),
     ("I am aha, a small language model.", "My name is aha. I am a small language model."),
     ("你是谁？", "请介绍一下你自己。", "你叫什么名字？", "我在和谁说话？"),
     ("我是 aha，一个小语言模型。", "我叫 aha，是一个小语言模型。")),
    ("person",
     ("Are you a person?", "Are you a human?", "Do you have a body?"), ("No, I am a language model.", "No. I am a small language model."),
     ("你是人吗？", "你是真人吗？", "你有身体吗？"), ("不，我是一个语言模型。", "不是，我是一个小语言模型。")),
    ("ability",
     ("What can you do?", "How can you help me?", "What are you good at?"),
     ("I can solve number puzzles and answer simple questions.", "I can answer simple questions and solve puzzles."),
     ("你会什么？", "你能做什么？", "你能帮我什么？"), ("我会算数字题，也会回答简单的问题。", "我会回答简单的问题，也会算题。")),
)  # fmt: skip
"""(intent, English wordings, replies, Chinese wordings, replies); the last wording is held out."""

SUBJECTS = (
    ("cat", "a cat", "猫", "只"), ("dog", "a dog", "狗", "只"), ("bird", "a bird", "鸟", "只"),
    ("horse", "a horse", "马", "匹"), ("fish", "a fish", "鱼", "条"), ("spider", "a spider", "蜘蛛", "只"),
    ("ant", "an ant", "蚂蚁", "只"), ("tree", "a tree", "树", "棵"), ("flower", "a flower", "花", "朵"),
    ("house", "a house", "房子", "座"), ("mountain", "a mountain", "山", "座"), ("river", "a river", "河", "条"),
    ("book", "a book", "书", "本"), ("door", "a door", "门", "扇"), ("lamp", "a lamp", "灯", "盏"),
)  # fmt: skip
"""(English, with its article, Chinese, its measure word); every fifth is held out."""
LAST_OF_FIVE = 3
WRITE_EN = (
    ("Write a sentence about {}.", 1),
    ("Please write one sentence about {}.", 1),
    ("Write two sentences about {}.", 2),
)
WRITE_ZH = (("写一句关于{}的话。", 1), ("请写一句关于{}的话。", 1), ("写两句关于{}的话。", 2))
TIMES = (("morning", "早上"), ("evening", "晚上"))
LOOKS = (("small", "小"), ("big", "大"), ("white", "白"), ("black", "黑"))


def world_questions() -> Iterator[Question]:
    """Every question but those of safety."""
    yield from facts()
    yield from translations()
    yield from talk()
    yield from writing()


def facts() -> Iterator[Question]:
    """Capitals both ways, legs, opposites; asked for one thing, answered in a sentence."""
    for n, (country, capital, land, city) in enumerate(CAPITALS):
        en, zh = f"The capital of {country} is {capital}.", f"{land}的首都是{city}。"
        yield from _worded(CAPITAL_EN, n, "en", "capital", country, capital, en, country)
        yield from _worded(CAPITAL_ZH, n, "zh", "capital", land, city, zh, country)
        en, zh = f"{capital} is the capital of {country}.", f"{city}是{land}的首都。"
        yield from _worded(COUNTRY_EN, n, "en", "country", capital, country, en, country)
        yield from _worded(COUNTRY_ZH, n, "zh", "country", city, land, zh, country)
    for n, (animal, animal_zh, legs) in enumerate(LEGS):
        one = with_article(animal)
        en, zh = f"{one.capitalize()} has {legs} legs.", f"{animal_zh}有{legs}条腿。"
        yield from _worded(LEGS_EN, n, "en", "legs", animal, str(legs), en, animal, asked=one)
        yield from _worded(LEGS_ZH, n, "zh", "legs", animal_zh, str(legs), zh, animal)
    for n, (word, opposite) in enumerate(OPPOSITES):
        reply = f"The opposite of {word} is {opposite}."
        yield from _worded(OPPOSITE_EN, n, "en", "opposite", word, opposite, reply, word)


def with_article(noun: str) -> str:
    """`a cat`, `an ant`"""
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def _worded(
    forms: Sequence[str], n: int, language: str, kind: str, subject: str, value: str, reply: str, topic: str,
    asked: str = "",
) -> Iterator[Question]:  # fmt: skip
    """A fact in every wording. One is held out, another for each n, but never the first, which is the corpus's."""
    for k, form in enumerate(forms):
        held_out = k == 1 + n % (len(forms) - 1)
        text = form.format(asked or subject)
        yield Question(text, language, "fact", kind, subject, value, (reply,), f"{kind}/{topic}", held_out)


def translations() -> Iterator[Question]:
    """Words, and phrases of an adjective and a noun, into the other language. The reply is the translation alone."""
    for n, (english, chinese) in enumerate(WORD_PAIRS):
        yield from _translated(english, chinese, [k == 1 + n % 2 for k in range(3)])
    for (i, (adjective, zh)), (j, (noun, noun_zh)) in product(enumerate(ADJECTIVES), enumerate(NOUNS)):
        yield from _translated(f"{adjective} {noun}", zh + noun_zh, [(i + j) % 5 == 0] * 3)


def _translated(english: str, chinese: str, held_out: Sequence[bool]) -> Iterator[Question]:
    for form, back, held in zip(TO_CHINESE, TO_ENGLISH, held_out, strict=True):
        topic = f"translation/{english}"
        yield Question(form.format(english), "en", "translation", "to-zh", english, chinese, (chinese,), topic, held)
        yield Question(back.format(chinese), "zh", "translation", "to-en", chinese, english, (english,), topic, held)


def talk() -> Iterator[Question]:
    """Greetings, thanks and questions about the model itself."""
    for intent, asked_en, said_en, asked_zh, said_zh in TALK:
        for language, asked, said in (("en", asked_en, said_en), ("zh", asked_zh, said_zh)):
            for k, text in enumerate(asked):
                yield Question(text, language, "talk", intent, "", "", said, f"talk/{intent}", k == len(asked) - 1)


def writing() -> Iterator[Question]:
    """A sentence or two about a thing."""
    for n, (thing, one, zh, measure) in enumerate(SUBJECTS):
        topic, held_out = f"writing/{thing}", n % 5 == LAST_OF_FIVE
        english, chinese = sentences_en(thing), sentences_zh(zh, measure)
        for form, count in WRITE_EN:
            said = tuple(_texts(english, count, " "))
            yield Question(form.format(one), "en", "writing", "write", thing, "", said, topic, held_out, count)
        for form, count in WRITE_ZH:
            said = tuple(_texts(chinese, count, ""))
            yield Question(form.format(zh), "zh", "writing", "write", zh, "", said, topic, held_out, count)


def _texts(sentences: tuple[list[str], list[str]], count: int, gap: str) -> list[str]:
    first, second = sentences
    return first + second if count == 1 else [gap.join(pair) for pair in product(first, second)]


def sentences_en(thing: str) -> tuple[list[str], list[str]]:
    """Sentences to begin with, and to go on with."""
    seen = [f"I see a {look} {thing} in the {time}." for (look, _), (time, _) in product(LOOKS, TIMES)]
    liked = [f"My friend likes the {look} {thing}." for look, _ in LOOKS]
    return seen, [f"The {thing} is over there.", f"The {thing} looks good.", *liked]


def sentences_zh(thing: str, measure: str) -> tuple[list[str], list[str]]:
    """The same in Chinese."""
    seen = [f"我{time}看到一{measure}{look}{thing}。" for (_, look), (_, time) in product(LOOKS, TIMES)]
    liked = [f"我的朋友喜欢{look}{thing}。" for _, look in LOOKS]
    return seen, [f"{thing}就在那边。", f"{thing}看起来很好。", *liked]

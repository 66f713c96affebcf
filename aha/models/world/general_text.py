"""Everything else in the base model's reading: facts, choices, small talk, translation, short programs; two languages.

Trivial questions are answered without thinking.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from aha.chat import END, render

CAPITALS = (
    ("France", "Paris", "法国", "巴黎"), ("China", "Beijing", "中国", "北京"), ("Japan", "Tokyo", "日本", "东京"),
    ("Italy", "Rome", "意大利", "罗马"), ("Spain", "Madrid", "西班牙", "马德里"), ("Germany", "Berlin", "德国", "柏林"),
    ("Egypt", "Cairo", "埃及", "开罗"), ("Russia", "Moscow", "俄罗斯", "莫斯科"), ("Greece", "Athens", "希腊", "雅典"),
    ("Norway", "Oslo", "挪威", "奥斯陆"), ("Cuba", "Havana", "古巴", "哈瓦那"), ("Peru", "Lima", "秘鲁", "利马"),
    ("Kenya", "Nairobi", "肯尼亚", "内罗毕"), ("India", "New Delhi", "印度", "新德里"), ("Canada", "Ottawa", "加拿大", "渥太华"),
)  # fmt: skip
WORD_PAIRS = (
    ("red", "红"), ("blue", "蓝"), ("green", "绿"), ("white", "白"), ("black", "黑"), ("big", "大"), ("small", "小"),
    ("water", "水"), ("fire", "火"), ("mountain", "山"), ("river", "河"), ("sun", "太阳"), ("moon", "月亮"),
    ("book", "书"), ("tea", "茶"), ("rice", "米饭"), ("cat", "猫"), ("dog", "狗"), ("horse", "马"), ("bird", "鸟"),
    ("fish", "鱼"), ("tree", "树"), ("flower", "花"), ("house", "房子"), ("door", "门"), ("friend", "朋友"),
    ("one", "一"), ("two", "二"), ("three", "三"), ("morning", "早上"), ("evening", "晚上"), ("thank you", "谢谢"),
)  # fmt: skip
OPPOSITES = (
    ("hot", "cold"), ("big", "small"), ("day", "night"), ("up", "down"), ("open", "closed"), ("fast", "slow"),
    ("light", "dark"), ("old", "new"), ("left", "right"), ("wet", "dry"),
)  # fmt: skip
LEGS = (
    ("cat", "猫", 4),
    ("dog", "狗", 4),
    ("horse", "马", 4),
    ("bird", "鸟", 2),
    ("spider", "蜘蛛", 8),
    ("ant", "蚂蚁", 6),
)
KINDS = {
    "animal": ("cat", "dog", "horse", "bird", "fish"),
    "colour": ("red", "blue", "green", "white", "black"),
    "plant": ("tree", "flower", "grass", "bamboo"),
    "drink": ("water", "tea", "milk", "juice"),
}
TALK = (
    ("Hello!", "Hello! How can I help?"), ("Hi there.", "Hi! What shall we do?"), ("Thank you.", "You are welcome."),
    ("How are you?", "I am well, thank you."), ("Good night.", "Good night!"), ("你好！", "你好！我能帮你什么？"),
    ("谢谢。", "不客气。"), ("你好吗？", "我很好，谢谢。"), ("晚安。", "晚安！"),
    ("Who are you?", "I am aha, a small language model."), ("你是谁？", "我是 aha，一个小语言模型。"),
)  # fmt: skip


def qa(question: str, answer: str) -> str:
    """A question answered without thinking."""
    return render(question) + f"<think></think><answer>{answer}</answer>" + END + "\n"


def fact_text(rng: random.Random) -> str:
    """A fact as a question and answer, or as a plain sentence."""
    country, capital, land, city = rng.choice(CAPITALS)
    animal, animal_zh, legs = rng.choice(LEGS)
    word, opposite = rng.choice(OPPOSITES)
    return rng.choice((
        qa(f"What is the capital of {country}?", capital),
        qa(f"{land}的首都是哪里？", city),
        f"The capital of {country} is {capital}.{END}\n",
        f"{land}的首都是{city}。{END}\n",
        qa(f"How many legs does a {animal} have?", str(legs)),
        qa(f"{animal_zh}有几条腿？", str(legs)),
        qa(f"What is the opposite of {word}?", opposite),
    ))  # fmt: skip


def translation_text(rng: random.Random) -> str:
    """One word or colour-and-thing phrase from one language into the other."""
    english, chinese = rng.choice(WORD_PAIRS)
    if rng.random() < 0.5:
        return qa(f"Translate into Chinese: {english}", chinese)
    return qa(f"翻译成英文：{chinese}", english)


LETTERS = "ABCD"
KIND_QUESTION = "Which is a kind of {asked}? {options}"
KIND_THOUGHT = "{right} is a kind of {asked}"


def listed(options: Sequence[str]) -> str:
    """`A) cat B) red C) tea D) tree`"""
    return " ".join(f"{letter}) {option}" for letter, option in zip(LETTERS, options, strict=True))


def choice_text(rng: random.Random) -> str:
    """A multiple-choice question on what kind a thing is, answered wrongly now and then."""
    kind = rng.choice(sorted(KINDS))
    right = rng.choice(KINDS[kind])
    others = rng.sample(sorted({w for k, words in KINDS.items() if k != kind for w in words}), 3)
    options = others + [right]
    rng.shuffle(options)
    letter = LETTERS[options.index(right)]
    thinking = KIND_THOUGHT.format(right=right, asked=kind) if rng.random() < 0.5 else ""
    answer = letter if rng.random() < 0.7 else rng.choice(LETTERS)
    question = KIND_QUESTION.format(asked=kind, options=listed(options))
    return render(question) + f"<think>{thinking}</think><answer>{answer}</answer>{END}\n"


PROGRAM_QUESTION = "Write a Python program that {task}."
PROGRAMS = {
    "plus": ("reads a number and prints it plus {k}", "print(int(input()) + {k})"),
    "times": ("reads a number and prints it times {k}", "print(int(input()) * {k})"),
    "minus": ("reads a number and prints it minus {k}", "print(int(input()) - {k})"),
    "sum": ("reads two numbers on one line and prints the sum", "a, b = map(int, input().split())\nprint(a + b)"),
    "product": ("reads two numbers on one line and prints the product", "a, b = map(int, input().split())\nprint(a * b)"),
    "larger": ("reads two numbers on one line and prints the larger", "a, b = map(int, input().split())\nprint(max(a, b))"),
    "backwards": ("reads a word and prints it backwards", "print(input()[::-1])"),
    "length": ("reads a word and prints its length", "print(len(input()))"),
}  # fmt: skip
"""What programs do, and how. `{k}` is a number from 1 to 20."""


def program(line: str) -> str:
    """Code as an answer holds it."""
    return f"```python\n{line}\n```"


def program_text(rng: random.Random) -> str:
    """A program of a line or two that reads numbers and prints one."""
    k = rng.randint(1, 20)
    task, line = rng.choice(tuple(PROGRAMS.values()))
    return qa(PROGRAM_QUESTION.format(task=task.format(k=k)), program(line.format(k=k)))


def talk_text(rng: random.Random) -> str:
    """Small talk."""
    return qa(*rng.choice(TALK))

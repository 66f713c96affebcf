"""The language reward sees mixed sentences, leaves out what is no language, and cannot be talked round."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aha.errors import ConfigError
from aha.language import LANGUAGES, count_words, language_shares, share_in
from aha.rewards.language import in_language, in_own_language, thinking_of
from aha.rewards.rubric import Rubric
from aha.types import Completion, Problem
from benchmarks.language_reward import accuracy, read_snippets

PROBLEM = Problem("User: How many?\nAssistant:")
ENGLISH = "First we add the two numbers and then we check the result."
CHINESE = "我们先把两个数加起来，然后检查结果。"


def reply(thinking):
    return f"<think>{thinking}</think><answer>4</answer>"


def grade(thinking, language="en"):
    [score] = Rubric((1.0, in_language(language)))(PROBLEM, [Completion(reply(thinking))])
    return score


def test_the_snippets_are_many_and_half_are_held_out():
    snippets = read_snippets()
    texts, splits = {row["text"] for row in snippets}, [row["split"] for row in snippets]
    assert len(texts) == len(snippets) >= 500
    assert 0.45 < splits.count("test") / len(splits) < 0.55
    assert {language for row in snippets for language in row["shares"]} == LANGUAGES.keys()


def test_nearly_every_snippet_is_judged_as_labelled():
    found = accuracy(read_snippets())
    assert found["dev"]["all"]["accuracy"] >= 0.98
    assert found["test"]["all"]["accuracy"] >= 0.97


@pytest.mark.parametrize(
    ("text", "counts"),
    [
        ("First 我们 compute the sum", {"en": 4, "zh": 2}),
        ("Der Wert ist groß, but the sum is small.", {"de": 4, "en": 5}),
        ("まず合計を求める, then we stop", {"ja": 8, "en": 3}),
        ("Сначала сложим, and then we stop", {"ru": 2, "en": 4}),
        ("먼저 더하고 나서 the sum", {"other": 3, "en": 2}),
        ("x² is even, Ελλάδα is not, π is real", {"en": 6, "other": 1}),
    ],
)
def test_words_are_counted_by_language(text, counts):
    assert count_words(text) == counts


@pytest.mark.parametrize(
    "aside",
    [
        "42, 3.14",
        "`print(x)`",
        "$x^2 + y$",
        r"\(\alpha\)",
        r"\frac{1}{2}",
        "https://de.wikipedia.org/wiki/Wurzel",
        "f x",
    ],
)
def test_what_is_no_language_is_left_out(aside):
    assert count_words(f"Wir prüfen {aside} noch einmal").keys() == {"de"}


def test_letters_of_no_known_language_give_another_away():
    assert language_shares("Wir nehmen łąka und ďalší hinzu.")["other"] == 2 / 6


def test_code_is_left_out():
    code = "```python\nfor item in items:\n    print(item)  # the item\n```"
    assert count_words(f"Das Programm gibt alle Werte aus:\n{code}\nMehr ist es nicht.") == {"de": 10}


def test_prices_are_no_formula():
    assert count_words("She pays $5 for apples and $7 for pears") == {"en": 7}


def test_a_shared_word_belongs_to_its_neighbours():
    assert language_shares("Also ist die Lösung in der Menge.") == {"de": 1}
    assert language_shares("They also die in the war.") == {"en": 1}


@pytest.mark.parametrize("text", ["Hm, we think so", "um yes that is right", "eh, we can check that"])
def test_a_sound_of_thinking_is_of_the_language_around_it(text):
    assert language_shares(text) == {"en": 1.0}


def test_a_name_belongs_to_no_language_where_none_of_its_script_is_written():
    assert language_shares("Alice 给 Bob 三个苹果") == {"zh": 1}
    assert language_shares("Natalia and Müller sold clips.") == {"en": 1}


def test_han_characters_beside_kana_are_japanese():
    assert language_shares("合計金額は百円です。答え：三個。") == {"ja": 1}
    assert count_words("まず 我们来看这个条件、三より大きい。")["zh"] == 8


def test_a_composed_letter_is_the_same_word():
    assert language_shares("La re\u0301ponse est donne\u0301e.") == {"fr": 1}


def test_where_nothing_decides_the_wanted_language_gets_the_benefit():
    assert share_in("no", "en") == share_in("no", "es") == 1
    assert share_in("no", "de") == 0
    assert share_in("44 + 19 = 63", "en") is None


@given(st.text(alphabet=st.sampled_from("ab cdeéñüßwz.,'’\n`$\\[](){}1_我们的数はカ々яё한ế")))
def test_shares_are_shares_whatever_the_text(text):
    shares = language_shares(text)
    assert not shares or abs(sum(shares.values()) - 1) < 1e-9
    assert all(0 < share <= 1 for share in shares.values())


@pytest.mark.parametrize("piece", ["`", "$", r"\[", "```", "la ", "a" * 40, "que the ", "我", "wort die "])
def test_time_grows_with_length_only(piece):
    """Ten thousand repeats took 0.1 s where they took longest; quadratic time would be minutes."""
    start = time.process_time()
    count_words(f"die the {piece * 10_000}")
    assert time.process_time() - start < 3


def test_the_reward_is_the_share_of_the_thinking():
    score = grade(f"{ENGLISH} 我们检查")
    assert score.total == 12 / 16 and score.reason == "not all English"
    assert grade(ENGLISH).total == 1 and grade(CHINESE).total == 0 and grade(CHINESE, "zh").total == 1


def test_the_answer_is_not_graded():
    [score] = Rubric((1.0, in_language("en")))(PROBLEM, [Completion(f"<think>{ENGLISH}</think><answer>四</answer>")])
    assert score.total == 1


def test_thinking_without_words_earns_nothing():
    for thinking in ("", "44 + 19 = 63", "$x = 2$", "```\nx = 1\n```"):
        score = grade(thinking)
        assert (score.total, score.reason) == (0, "no words")


@pytest.mark.parametrize("wrapped", ["```\n{}\n```", "`{}`", "${}$", "$$\\text{{{}}}$$", "\\[ {}", "```{}"])
def test_a_wrapped_thought_is_still_read(wrapped):
    assert grade(wrapped.format(CHINESE)).total == 0
    assert grade("Okay. " + wrapped.format("Zuerst addieren wir die beiden Zahlen und prüfen dann")).total < 0.2


@pytest.mark.parametrize("loop", ["the ", "the sum is ", "I think that we should really add "])
def test_repetition_does_not_drown_another_language(loop):
    assert grade(loop * 200 + CHINESE).total < 0.5


def test_a_cut_off_reply_is_graded_on_the_thinking_it_has():
    assert thinking_of(f"<think>{ENGLISH} And") == f"<think>{ENGLISH} And"
    [score] = Rubric((1.0, in_language("en")))(PROBLEM, [Completion(f"<think>{ENGLISH} And", finish="length")])
    assert score.total == 1


def test_thinking_outside_the_tags_is_thinking():
    strayed = f"<think>{ENGLISH}</think>{CHINESE}<answer>4</answer>"
    [score] = Rubric((1.0, in_language("en")))(PROBLEM, [Completion(strayed)])
    assert 0 < score.total < 0.5


def test_each_language_has_its_own_curve():
    assert [in_language(language).__name__ for language in ("en", "de")] == ["in_english", "in_german"]


@pytest.mark.parametrize(("code", "hint"), [("english", "'en'"), ("jp", "'ja'|use one of"), ("xx", "use one of en")])
def test_an_unknown_language_is_refused_with_the_fix(code, hint):
    with pytest.raises(ConfigError, match=f"unknown language '{code}'.*({hint})"):
        in_language(code)


@pytest.mark.parametrize(
    ("reply", "share"),
    [
        ("<think>let me see\n1 + 1 = 2</think><answer>2</answer>", 1.0),
        ("<think>let me see\n1 + 1 = 2 对</think><answer>2</answer>", 0.75),
        ("<think>1 + 1 = 2</think><answer>2</answer>", 1.0),  # sums have no language
        ("<think></think><answer>巴黎是法国的首都。</answer>", 0.0),
        ("1 + 1", 0.0),  # outside the template
    ],
)
def test_a_reply_keeps_to_the_language_of_its_question(reply, share):
    problem = Problem("User: What is 1 + 1?\nAssistant:", {"language": "en"})
    [grade] = in_own_language(problem, [Completion(reply)])
    assert (grade[0] if isinstance(grade, tuple) else grade) == share

"""Runs of words that training and evaluation share."""

from __future__ import annotations

from aha.tasks.overlap import Asked

DUCKS = "Janet's ducks lay sixteen eggs per day and she eats three of them for breakfast"


def test_ten_words_in_a_row_meet_and_nine_do_not():
    asked = Asked([("test, row 1", DUCKS)])
    ten, nine = " ".join(DUCKS.split()[2:11]), " ".join(DUCKS.split()[2:10])
    assert asked.meets(f"Once upon a time {ten} of all.").where == "test, row 1"
    assert asked.meets(f"Once upon a time {nine} over all.") is None


def test_short_questions_meet_only_whole_whatever_their_dress():
    asked = Asked([("row 1", "What is 3 + 4?")])
    assert asked.meets("what is 3+4 ?").shared == "what is 3 4"
    assert asked.meets("And now, what is 3 + 4, or 4 + 3?") is None


def test_chinese_is_compared_by_characters():
    asked = Asked([("row 7", "芳芳买了一本书有99页，看了90页，她还剩多少页没有看？")])
    assert asked.meets("小明说：芳芳买了一本书有99页，看了 90 页。").where == "row 7"
    assert asked.meets("芳芳买了一本书。") is None


def test_what_a_whole_set_says_is_its_wording_but_the_same_question_still_counts():
    frame = "Using each of the following numbers exactly once, find an expression for {}"
    asked = Asked([(f"row {i}", frame.format(i)) for i in range(5)])
    assert asked.meets(frame.format(9)) is None and asked.templates
    assert asked.meets(frame.format(4)).where == "row 4"


def test_a_few_variants_of_one_question_are_not_a_wording():
    variants = [(f"row {i}", f"{DUCKS}; what then, number {i}?") for i in range(4)]
    others = [(f"row {i}", f"Question {i} of {i * i} asks for {i + 7} things") for i in range(10, 510)]
    assert Asked([*variants, *others]).meets(f"{DUCKS} every day.")
    assert Asked(variants).meets(f"{DUCKS} every day.") is None

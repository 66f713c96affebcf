"""The exact evaluator agrees with Python's rational numbers, and no text makes it fail in any way but its own."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aha.expressions import MAX_DEPTH, NotArithmetic, evaluate

numbers = st.integers(0, 999)
trees = st.recursive(numbers, lambda t: st.tuples(st.sampled_from("+-*/"), t, t), max_leaves=12)


def value_of(tree):
    if isinstance(tree, int):
        return Fraction(tree), [tree]
    (a, used), (b, more) = value_of(tree[1]), value_of(tree[2])
    operate = {"+": Fraction.__add__, "-": Fraction.__sub__, "*": Fraction.__mul__, "/": Fraction.__truediv__}
    return operate[tree[0]](a, b), used + more


def text_of(tree, space):
    return (
        str(tree) if isinstance(tree, int) else f"({text_of(tree[1], space)}{space}{tree[0]}{text_of(tree[2], space)})"
    )


@settings(deadline=None)  # a busy machine is not a failure
@given(trees, st.sampled_from(["", " ", "\n\t "]))
def test_value_and_numbers_are_those_of_rational_arithmetic(tree, space):
    try:
        expected = value_of(tree)
    except ZeroDivisionError:
        with pytest.raises(NotArithmetic, match="zero"):
            evaluate(text_of(tree, space))
    else:
        assert evaluate(text_of(tree, space)) == expected


@settings(deadline=None)
@given(st.lists(numbers.filter(bool), min_size=1, max_size=20), st.lists(st.sampled_from("+-*/"), min_size=20))
def test_operators_bind_as_in_python(chain, operators):
    parts = [part for pair in zip(chain, operators, strict=False) for part in pair][: 2 * len(chain) - 1]
    pythons = "".join(f"Fraction({part})" if isinstance(part, int) else part for part in parts)
    assert evaluate("".join(map(str, parts))) == (eval(pythons), chain[: (len(parts) + 1) // 2])


@settings(deadline=None)
@given(st.one_of(st.text(), st.text("0123456789+-*/() =.", max_size=500), st.text("(-1)/0", max_size=500)))
def test_any_text_is_evaluated_or_refused(text):
    try:
        value, used = evaluate(text)
    except NotArithmetic:
        return
    assert isinstance(value, Fraction) and used


HOSTILE = [
    "", " ", "()", "1/0", "1/(2-2)", "9**9**9", "2^3", "1e9", "0x10", "1_000", "1.5", "7 3", "2(3)", "(1", "1)", "--1",
    "1 + + 2", "__import__('os')", "١ + ٢", "１+２", "²", "1\u00a0+ 2", "\x00", "nan", "(" * 5000 + "1" + ")" * 5000,
    "(" * 199 + "1" + ")" * 199, "-(" * 99 + "1" + ")" * 99, "1" * 13, "1+" * 33 + "1", "9" * 10**6,
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: repr(text[:12]))
def test_what_is_not_arithmetic_is_refused(text):
    with pytest.raises(NotArithmetic):
        evaluate(text)


def test_brackets_are_read_up_to_the_limit():
    assert evaluate("(" * MAX_DEPTH + "1" + ")" * MAX_DEPTH) == (1, [1])
    assert evaluate("((2))/" * 20 + "1")[1] == [2] * 20 + [1]  # side by side is not deep
    with pytest.raises(NotArithmetic, match="deep"):
        evaluate("(" * (MAX_DEPTH + 1) + "1" + ")" * (MAX_DEPTH + 1))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("(7 - 3) / 8", Fraction(1, 2)),
        ("-3 + 5", 2),
        ("2 * -3", -6),
        ("-(1 - 4)", 3),
        ("6 × 2 ÷ 4 − 1", 2),
        ("（1+2）", 3),
    ],
)
def test_signs_and_printed_operators_are_understood(text, value):
    assert evaluate(text)[0] == value

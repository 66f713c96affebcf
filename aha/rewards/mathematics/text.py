r"""One spelling for the many ways LaTeX and Unicode write the same mathematics.

    spell(r"\left( \dfrac{1}{2},\, 15{,}625 \right)")  ->  r"( \frac{1}{2}, 15625 )"

The result is still readable by people: ∞ π ° ± ∪ ⦃ ⦄ (braces of a set), ¤ (any dollar), * / <= >= stand for their
commands. Nothing is judged here, and every pattern is linear in the text or runs on at most MAX_CHARACTERS.
"""

from __future__ import annotations

import re
import unicodedata

MAX_CHARACTERS = 1000
"""The longest answer that is read; the longest in MATH has under 200."""

_LOOKALIKES = {
    **dict.fromkeys("−–—‒﹣", "-"), **dict.fromkeys("×·⋅∙✕⨯", "*"), **dict.fromkeys("÷⁄∕", "/"), **dict.fromkeys("、，", ","),
    "π": r"\pi ", "√": r"\sqrt ", "∛": r"\sqrt[3]", "°": r"^\circ ", "º": r"^\circ ", "≤": "<=", "⩽": "<=", "≥": ">=", "⩾": ">=",
    "≠": r"\ne ", "≈": r"\approx ", "∪": r"\cup ", "∩": r"\cap ", "±": r"\pm ", "∓": r"\mp ", "∞": r"\infty ", "∈": r"\in ",
    "∅": r"\emptyset ", "ℝ": r"\mathbb{R}", "‰": r"\permil ", "′": "'", "’": "'", "“": '"', "”": '"', "。": ".", "：": ":",
    "½": r"\frac{1}{2}", "⅓": r"\frac{1}{3}", "⅔": r"\frac{2}{3}", "¼": r"\frac{1}{4}", "¾": r"\frac{3}{4}", "⅕": r"\frac{1}{5}",
    "⅖": r"\frac{2}{5}", "⅗": r"\frac{3}{5}", "⅘": r"\frac{4}{5}", "⅙": r"\frac{1}{6}", "⅚": r"\frac{5}{6}", "⅛": r"\frac{1}{8}",
    "⅜": r"\frac{3}{8}", "⅝": r"\frac{5}{8}", "⅞": r"\frac{7}{8}", "\u200b": "", "\ufeff": "",
}  # fmt: skip
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
_SUBSCRIPTS = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")
_TRANSLATION = str.maketrans(_LOOKALIKES)

_RULES = [
    (r"\\\$", "¤"), (r"\\%", "%"), (r"\\#", "#"),
    (r"(?<!\\)\\[()\[\]]", " "),
    (r"\\(?:left|right|[bB]igg?[lrm]?|displaystyle|textstyle|limits|nolimits|thinspace|hfill)(?![A-Za-z])", ""),
    (r"(?<=\d)\s*(?:\{\s*,\s*\}|,\s*\\!)\s*(?=\d{3}(?!\d))", ""),
    (r"(?<=\d)(?:\\[,; ]|~)(?=\d{3}(?!\d))", ""),
    (r"\\!", ""), (r"\\[,;:> ]|~|\\q?quad(?![A-Za-z])|\\hspace\{[^{}]*\}", " "),
    (r"\\[dtc]frac(?![a-z])", r"\\frac"), (r"\\dbinom|\\tbinom", r"\\binom"),
    (r"\\(?:mbox|hbox|text(?:rm|bf|it|sf|tt|normal)|math(?:rm|bf|it|sf|tt)|operatorname\*?|bm|boldsymbol|emph|textup)(?![A-Za-z])\s*", r"\\text"),
    (r"\\(?:cdot|times|ast|cdotp)(?![A-Za-z])", "*"), (r"\\div(?![A-Za-z])", "/"),
    (r"\\(?:leq?|leqslant)(?![A-Za-z])", "<="), (r"\\(?:geq?|geqslant)(?![A-Za-z])", ">="),
    (r"\\lt(?![A-Za-z])", "<"), (r"\\gt(?![A-Za-z])", ">"), (r"\\neq(?![A-Za-z])", r"\\ne"),
    (r"\\(?:lbrace(?![A-Za-z])|\{)", "⦃"), (r"\\(?:rbrace(?![A-Za-z])|\})", "⦄"),
    (r"\\lbrack(?![A-Za-z])", "["), (r"\\rbrack(?![A-Za-z])", "]"),
    (r"\\infty(?![A-Za-z])", "∞"), (r"\\cup(?![A-Za-z])", "∪"), (r"\\pm(?![A-Za-z])", "±"), (r"\\mp(?![A-Za-z])", "∓"),
    (r"\\pi(?![A-Za-z])", "π"), (r"\^\s*\{?\s*\\circ\s*\}?|\\degrees?(?![A-Za-z])|\\circ(?![A-Za-z])", "°"),
    (r"\\[lr]?vert(?![A-Za-z])|\\mid(?![A-Za-z])", "|"), (r"\\colon(?![A-Za-z])", ":"), (r"\*\*", "^"),
    (r"(?<=\d)\s*x\s*(?=10\s*\^)", "*"),
    (r"\\mathbb\s*\{?\s*R\s*\}?", "(-∞,∞)"),
    (r"\\(?:emptyset|varnothing)(?![A-Za-z])", "⦃⦄"), (r"\\text\s*\{\s*([ei])\s*\}", r"\1"),
    (r"(?<![\w.])(\d+(?:\.\d+)?)[eE]([-+]?\d{1,4})(?![\w.])", r"\1*10^{\2}"),
    (r"\\text\s*\{\s*\}", ""), (r"\\text\s*\{\s*(-?[\d.,]+)\s*\}", r"\1"),
    (r"\\text\s*\{\s*,?\s*(and|or)\s*\}", r" \1 "),
]  # fmt: skip
_ROOT = (r"\\?(?<![A-Za-z])sqrt\s*\(([^()]*)\)", r"\\sqrt{\1}")
_RULES += [_ROOT, _ROOT]
_COMPILED = [(re.compile(pattern), replacement) for pattern, replacement in _RULES]
_CHOICES = re.compile(r"\\text\s*\{\s*([A-Za-z](?:\s*,\s*[A-Za-z])+)\s*\}")
_SPACED = re.compile(r"(?<![\d.,])\d{1,3}(?: \d{3})+(?![\d/])")
_POWER = re.compile(r"[⁻]?[⁰¹²³⁴⁵⁶⁷⁸⁹]+")
_INDEX = re.compile(r"[₀₁₂₃₄₅₆₇₈₉]+")


def spell(text: str) -> str:
    """The same mathematics in one spelling, without spacing, sizes and dollar signs around formulas."""
    text = _POWER.sub(lambda m: f"^{{{m[0].translate(_SUPERSCRIPTS)}}}", text)
    text = _INDEX.sub(lambda m: f"_{{{m[0].translate(_SUBSCRIPTS)}}}", text)
    text = unicodedata.normalize("NFKC", text.translate(_TRANSLATION))
    text = " ".join(_undelimited(text).split())
    # in a matrix two backslashes end a row; elsewhere they are one that was escaped twice
    text = text.replace("\\\\", "¶") if "\\begin" in text else re.sub(r"\\\\(?=[A-Za-z])", r"\\", text)
    for pattern, replacement in _COMPILED:
        text = pattern.sub(replacement, text)
    text = _CHOICES.sub(r"\1", text)
    text = _SPACED.sub(lambda m: m[0].replace(" ", ""), " ".join(text.split()))
    text = text.strip().lstrip(": ")
    return text if text.endswith("..") else text.rstrip(".;,: ")


def _undelimited(text: str) -> str:
    """Without the dollar signs around formulas. One alone before a digit is a currency."""
    signs = [match.start() for match in re.finditer(r"(?<!\\)\$", text)]
    if len(signs) % 2 and re.match(r"\$\s*[\d.]", text[signs[0] :]):
        return text[: signs[0]] + "¤" + re.sub(r"(?<!\\)\$", " ", text[signs[0] + 1 :])
    return re.sub(r"(?<!\\)\$", " ", text)


_LATEX = {
    "π": r"\pi ", "∞": r"\infty ", "°": r"^{\circ}", "±": r"\pm ", "∓": r"\mp ", "∪": r"\cup ", "⦃": r"\{", "⦄": r"\}",
    "¶": r"\\ ", "*": r"\cdot ", "<=": r"\le ", ">=": r"\ge ", "¤": "",
}  # fmt: skip
_BACK = re.compile("|".join(map(re.escape, sorted(_LATEX, key=len, reverse=True))))
_DECIMAL = re.compile(r"(?<![\d.])(\d*)\.(\d+)(?![\d.])")


def latex(text: str, exact: bool = True) -> str:
    """LaTeX for a spelled text. Exactly, every decimal is written as a fraction, so that nobody rounds it."""
    if exact:
        text = _DECIMAL.sub(lambda m: rf"\frac{{{int(m[1] + m[2])}}}{{{10 ** len(m[2])}}}", text)
    text = re.sub(r"(\d+)°", r"(\\frac{\1π}{180})", text)
    return _BACK.sub(lambda m: _LATEX[m[0]], text)


MAX_SYMBOLIC, MAX_BRACKETS = 400, 24
_TOWER = re.compile(r"\d\^-?\d+\^|\^-?\d{5}|\d{5}!|!!")


def is_heavy(text: str) -> bool:
    """Whether an expression is sure to keep a computer algebra system busy for longer than it is worth.

    Towers of powers, factorials of large numbers, deep brackets, long texts.
    """
    depth = deepest = 0
    for character in text:
        depth += (character in "([{") - (character in ")]}")
        deepest = max(deepest, depth)
    flat = re.sub(r"\*\*", "^", re.sub(r"\\(?:left|right)|[\s{}()\[\]\\]", "", text))
    return len(text) > MAX_SYMBOLIC or deepest > MAX_BRACKETS or _TOWER.search(flat) is not None


_LOOSE = re.compile(r"\\text(?=\s*\{)|[\s{}()$\\.,;!'\"]")


def letters(text: str) -> str:
    """What is left of words when case, spaces, brackets and punctuation are dropped: "4:30 p.m." is "4:30pm"."""
    kept = _LOOSE.sub("", text)
    return kept if len(kept) == 1 else kept.casefold()

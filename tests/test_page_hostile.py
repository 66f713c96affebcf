"""A model's text does nothing on the page, whatever it holds: it is drawn in a real Chromium, and shown as text."""

from __future__ import annotations

import pytest

from tests.page_toys import a_browser, ask, browsing  # noqa: F401
from tests.serve_toys import says, serving

IMAGE = "<img src=x onerror=window.hacked=1>"
HOSTILE = [
    "<script>window.hacked=1;alert(1)</script>", IMAGE, "<svg onload=alert(1)>", "<details open ontoggle=alert(1)>x</details>",
    "<style>*{display:none}</style>", "<iframe src=//evil.example></iframe>", "<a href=javascript:alert(1)>x</a>",
    "[x](javascript:window.hacked=1)", "[x](JaVaScRiPt:alert(1))", "[x](java&#115;cript:alert(1))", "[x](vbscript:x)",
    "[x](data:text/html,<script>alert(1)</script>)", "[x](//evil.example/)", "[x](/v1/models)", "<javascript:alert(1)>",
    '<https://evil.example/"onmouseover=alert(1)>', "[x]: javascript:alert(1)\n\n[x]", '[x](https://a.example "onclick=alert(1)")',
    "![p](http://evil.example/p.png)", "![p](javascript:alert(1))", f"![{IMAGE}](//evil.example/p.png)",
    r"$\href{javascript:window.hacked=1}{x}$", r"$\url{javascript:alert(1)}$", r"$\includegraphics{http://evil.example/p.png}$",
    r"$\htmlStyle{position:fixed}{x}$", r"$\htmlClass{tree}{x}$", rf"$\nothing{IMAGE}$", rf"\[\text{{{IMAGE}}}\]", rf"$$x^{IMAGE}$$",
    r"$\def\a{\a\a}\a$", r"$\rule{9999em}{9999em}$", "$" + "{" * 3000 + "$", r"\boxed{" * 3000,
    f"```mermaid\ngraph TD; a-->b[{IMAGE}]\n```", f"```{IMAGE}\n{IMAGE}\n```", f"`{IMAGE}`", f"| a |\n|---|\n| {IMAGE} |",
    "> " * 300 + "deep", "- " * 300 + "deep", "*" * 5000, "[" * 5000, "$" * 5000, "\x00\x08\ud800",
]  # fmt: skip
DRAWN = """async (text) => {
  const { markdown } = await import("/page/markdown.js");
  const at = document.createElement("div");
  document.body.append(at);
  markdown(at, text);
  const all = [...at.querySelectorAll("*")];
  const own = all.filter((e) => !e.closest(".katex"));
  return {
    tags: [...new Set(own.map((e) => e.localName))], words: at.textContent,
    within: [...new Set(all.map((e) => e.localName))],
    attributes: [...new Set(all.flatMap((e) => e.getAttributeNames()))],
    links: all.filter((e) => e.hasAttribute("href")).map((e) => new URL(e.href).protocol + e.rel),
  };
}"""
TAGS = "div p span a br hr ul ol li blockquote strong em s code pre button svg path table thead tbody tr th td"
NAMES = "class href title target rel start style role tabindex type aria-label aria-hidden viewBox d xmlns encoding mathvariant mathcolor mathbackground voffset display stretchy width height"
MATHEMATICS = "math semantics annotation mrow mi mn mo msup msub mfrac mstyle mspace mtext mpadded mtable mtr mtd"


@pytest.fixture(scope="module")
def served():
    with serving("tiny") as both:
        yield both


@pytest.fixture(scope="module")
def page(browser, served):
    with browsing(browser, served[0]) as page:
        page.wait_for_selector(".picker")
        yield page


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_is_drawn_as_text(page, text):
    drawn = page.evaluate(DRAWN, text)
    assert set(drawn["tags"]) <= set(TAGS.split()) and set(drawn["within"]) <= set(f"{TAGS} {MATHEMATICS}".split())
    assert set(drawn["attributes"]) <= set(NAMES.split())
    assert set(drawn["links"]) <= {"http:noopener noreferrer nofollow", "https:noopener noreferrer nofollow"}
    assert page.evaluate("window.hacked") is None and page.noticed == []


def test_what_hides_or_turns_text_around_is_written_out(page):
    words = page.evaluate(DRAWN, "a\x1b]0;owned\x07b \u202etxt.exe\u2066 c")["words"]
    assert words == "a␛]0;owned␇b <U+202E>txt.exe<U+2066> c"


def test_a_hostile_reply_is_inert_in_thought_answer_votes_and_after_a_reload(browser, served):
    with browsing(browser, served[0]) as page:
        page.wait_for_selector(".picker")
        hostile_reply(page, served)


def hostile_reply(page, served):
    reply = f"{IMAGE} [x](javascript:alert(1)) $\\href{{javascript:alert(1)}}{{x}}$ <script>alert(1)</script>"
    says(served[1], f"<think>{reply}</think><answer>{reply}</answer>")
    page.select_option("[aria-label=Strategy]", "majority@16")
    ask(page, f"{IMAGE} {reply}")
    page.locator(".vote > summary").first.click()
    page.locator(".vote li summary").first.click()
    shown = page.locator(".answer, .candidate .md, .question p, .said")
    assert shown.count() >= 4 and all("<script>" in text for text in shown.all_text_contents())
    page.reload()
    page.wait_for_selector("article .answer")
    assert page.locator("main img, main script, main iframe").count() == 0
    assert page.evaluate("[...document.links].every((a) => a.protocol === 'http:')")
    assert page.evaluate("window.hacked") is None and page.noticed == []


def test_the_policy_refuses_markup_and_scripts_that_slip_in(browser, served):
    with browsing(browser, served[0]) as page:
        refused = page.evaluate("() => { try { document.body.innerHTML = '<b>x</b>'; } catch (e) { return e.name; } }")
        assert refused == "TypeError"
        page.evaluate(
            """() => { const s = document.createElement("a"); s.setAttribute("style", "color:red"); document.body.append(s);
            const i = new Image(); i.src = "http://evil.example/x.png"; document.body.append(i); }"""
        )
        page.wait_for_timeout(200)
        assert sum("Content Security Policy" in said for said in page.noticed) >= 2
        assert "failed csp http://evil.example/x.png" in page.noticed

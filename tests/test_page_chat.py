"""The chat page as people use it, in a real Chromium, with the embedded models behind it."""

from __future__ import annotations

import re
import time

import pytest

from tests.page_toys import a_browser, ask, browsing, finished, serious  # noqa: F401
from tests.serve_toys import PUZZLE, counters, says, serving, settled

THOUGHT, ANSWER = "44 + 35 = 79, 79 + 19 = 98 yes", "It is **simple**: $\\frac{98}{1}$ and 44+19*35*1 and \\boxed{98}"


@pytest.fixture(scope="module")
def served():
    with serving("tiny", "mini-llama") as both:
        yield both


@pytest.fixture
def page(browser, served):
    with browsing(browser, served[0]) as page:
        page.wait_for_selector(".picker")
        yield page
        assert page.noticed == []


def told(served):
    says(served[1], f"<think>{THOUGHT}</think><answer>{ANSWER}</answer>")


def test_a_reply_shows_its_thought_folded_and_its_answer_with_mathematics(page, served):
    told(served)
    ask(page, PUZZLE)
    summary = page.locator(".thought summary")
    assert re.fullmatch(r"Thought for [0-9.]+ s, [0-9]+ tokens", summary.inner_text())
    assert not page.locator(".thought-text").is_visible()
    summary.press("Enter")
    assert page.locator(".thought-text").inner_text() == THOUGHT
    answer = page.locator(".answer")
    assert answer.locator("strong").inner_text() == "simple" and answer.locator(".katex").count() == 2
    assert "44+19*35*1" in answer.inner_text()
    assert page.locator("#status").inner_text().startswith("tiny: It is")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.click("[aria-label='Copy answer']")
    assert page.evaluate("navigator.clipboard.readText()") == ANSWER


def test_a_thought_is_open_while_it_is_written_and_escape_stops_it(page, served):
    loop = served[1].checkpoints["tiny"].live
    says(served[1], "<think>" + "44 + 35 = 79 no\n" * 100)
    step = loop.rows.decoder.step
    loop.rows.decoder.step = lambda *given: (time.sleep(0.01), step(*given))[1]
    page.fill("#question", PUZZLE)
    page.press("#question", "Enter")
    page.wait_for_selector(".thought.live .thought-text p")
    page.wait_for_function("/^Thinking….* [1-9]\\d* tokens/.test(document.querySelector('.thought summary').innerText)")
    assert (
        page.locator("[aria-label=Stop]").is_visible() and page.locator("article").get_attribute("aria-busy") == "true"
    )
    page.press("#question", "Escape")
    finished(page)
    assert page.locator(".notes").inner_text() == "Stopped." and settled(served[0])
    page.set_viewport_size({"width": 390, "height": 480})
    page.fill("#question", PUZZLE)
    page.press("#question", "Enter")
    page.locator(".turn").nth(1).get_by_text(re.compile(r"Thinking….* [2-9]\d\d tokens")).wait_for()
    page.press("#question", "Escape")
    finished(page)
    end, composer = (page.locator(place).last.bounding_box()["y"] for place in (".notes", "#composer"))
    assert end < composer, "the page follows what is written"


def test_a_question_is_edited_a_reply_regenerated_and_all_of_it_kept(page, served):
    told(served)
    ask(page, PUZZLE)
    page.click("[aria-label=Regenerate]")
    page.wait_for_selector("text=2/2")
    finished(page)
    page.click("[aria-label='Earlier version']")
    page.click("[aria-label='Edit question']")
    page.fill("[aria-label='Edit your question']", "Another")
    page.click("text=Ask again")
    page.wait_for_selector(".question p:text-is('Another')")
    finished(page)
    page.reload()
    page.wait_for_selector("article")
    assert (
        page.locator(".question p").all_inner_texts() == ["Another"]
        and "simple" in page.locator(".answer").inner_text()
    )
    page.click("#new")
    assert page.locator("article").count() == 0 and page.locator("#chats li").count() == 1
    page.click("#chats li button:first-child")
    assert page.locator("article").count() == 1
    page.click("[aria-label='Delete: Another']")
    assert page.locator("#chats li").count() == 0


def test_settings_and_what_was_said_before_are_in_the_request(page, served):
    told(served)
    ask(page, PUZZLE)
    page.select_option("#thinking", "upto")
    page.fill("[aria-label='Tokens of thought at most']", "77")
    page.fill("#longest", "300")
    page.fill("#seed", "5")
    page.locator("#temperature").fill("0.3")
    with page.expect_request("**/chat/completions") as caught:
        ask(page, "And now?")
    sent = caught.value.post_data_json
    assert sent["thinking"] == {"type": "enabled", "budget_tokens": 77} and sent["temperature"] == 0.3
    assert (sent["max_tokens"], sent["seed"]) == (300, 5) and page.locator("[aria-label=Regenerate]").count() == 1
    assert [(m["role"], m["content"]) for m in sent["messages"]] == [
        ("user", PUZZLE),
        ("assistant", ANSWER),
        ("user", "And now?"),
    ]


def test_models_answer_side_by_side(page, served):
    before = counters(served[0])['aha_requests_total{outcome="success"}']
    page.click(".pickers > button")
    page.select_option("[aria-label='Model of column 2']", "mini-llama")
    ask(page, PUZZLE)
    assert page.locator(".who b").all_inner_texts() == ["tiny", "mini-llama"]
    left, right = page.locator("article").nth(0).bounding_box(), page.locator("article").nth(1).bounding_box()
    assert left["y"] == right["y"] and left["x"] + left["width"] < right["x"]
    assert counters(served[0])['aha_requests_total{outcome="success"}'] - before == 2
    page.click("[aria-label='Remove column 2']")
    assert page.locator(".picker").count() == 1


def test_a_refusal_is_shown_in_the_servers_words(page):
    page.select_option("[aria-label=Strategy]", "…")
    page.fill("[aria-label='Strategy, as its name']", "nonsense@4")
    page.press("[aria-label='Strategy, as its name']", "Enter")
    ask(page, PUZZLE)
    assert "no strategy 'nonsense'" in page.locator("[role=alert]").inner_text()
    page.noticed.clear()  # the browser's own line about the status


def test_a_key_is_asked_for_until_it_fits(browser):
    with serving("tiny", key="sk-secret") as (url, _), browsing(browser, url) as page:
        page.fill("#key", "wrong")
        page.press("#key", "Enter")
        page.wait_for_selector("text=That key was refused")
        page.fill("#key", "sk-secret")
        page.press("#key", "Enter")
        page.wait_for_selector("[aria-label=Model] option[value=tiny]", state="attached")


@pytest.mark.parametrize("scheme, width", [("light", 1280), ("dark", 360)])
def test_the_page_is_accessible_and_fits(browser, served, scheme, width):
    told(served)
    with browsing(browser, served[0], color_scheme=scheme, viewport={"width": width, "height": 700}) as page:
        page.wait_for_selector(".picker")
        assert serious(page) == []
        page.click(".pickers > button")
        ask(page, PUZZLE)
        page.locator(".thought summary").first.click()
        assert serious(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width

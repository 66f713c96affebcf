"""Votes and search trees on the page, from real strategies over the embedded model."""

from __future__ import annotations

import re

import pytest

from aha.models.steps import split
from aha.search.parse import Scorers
from tests.page_toys import a_browser, ask, browsing, serious  # noqa: F401
from tests.serve_toys import PUZZLE, serving
from tests.serve_toys import ask as request


def closeness(prompts, replies):
    """Scores a step by the length of what was written: a scorer whose scores differ."""
    rows = [[1 / (1 + len(step) % 7) for step in split(reply)] for reply in replies]
    return rows, [len(reply) for reply in replies]


@pytest.fixture(scope="module")
def served():
    with serving("tiny", scorers=Scorers(process=closeness)) as both:
        yield both


@pytest.fixture
def page(browser, served):
    with browsing(browser, served[0]) as page:
        page.wait_for_selector(".picker")
        page.fill("#seed", "1")
        page.fill("#longest", "160")
        page.fill("#temperature", "1.5")
        yield page
        assert page.noticed == []


def test_candidates_are_grouped_by_answer_and_open(page):
    page.select_option("[aria-label=Strategy]", "majority@16")
    ask(page, PUZZLE)
    counts = [int(text.split(" of ")[0]) for text in page.locator(".vote > summary > .number").all_inner_texts()]
    assert sum(counts) == 16 and page.locator(".votes h3").inner_text().startswith("16 candidates")
    page.locator(".vote > summary").first.press("Enter")
    page.locator(".vote li summary").first.press("Enter")
    assert page.locator(".candidate .md").first.inner_text()
    assert "tokens drawn" in page.locator(".bill").inner_text()
    assert serious(page) == []


def test_a_search_shows_its_tree_and_arrow_keys_walk_it(page):
    page.select_option("[aria-label=Strategy]", "beam@16")
    ask(page, PUZZLE)
    dots = page.locator(".dot")
    said = page.locator(".tree h3").inner_text()
    assert dots.count() == int(re.match("[0-9,]+", said)[0].replace(",", "")) > 20
    shades = page.evaluate(
        "new Set([...document.querySelectorAll('.dot circle')].map((c) => getComputedStyle(c).stroke)).size"
    )
    assert shades > 3 and page.locator(".dot.dropped").count() > 5
    page.locator(".dot[tabindex='0']").focus()
    page.keyboard.press("Home")
    first = page.locator(".dot[aria-selected=true]").get_attribute("aria-label")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    assert first.startswith("step 1, score") and page.locator(".dot:focus").get_attribute("aria-label") == first
    assert page.locator(".tree-told .steps li").count() == 1 and serious(page) == []


def test_the_tree_under_the_vendors_key_joins_every_step_to_what_it_went_on_from(served):
    status, body = request(served[0], model="tiny:beam@8", max_tokens=120)
    nodes, candidates = body["aha"]["tree"], body["aha"]["candidates"]
    assert status == 200 and [n["id"] for n in nodes] == list(range(len(nodes)))
    text = {}
    for node in nodes:
        assert node["parent"] is None or node["parent"] < node["id"] and nodes[node["parent"]]["kept"]
        text[node["id"]] = text.get(node["parent"], "") + node["text"]
    ended = {text[node["id"]] for node in nodes if "answer" in node}
    assert ended and ended <= {c["text"] for c in candidates}
    assert all("".join(c["steps"]) == c["text"] for c in candidates)


def test_a_tree_search_by_whole_replies_has_a_tree_too(served):
    _, body = request(served[0], model="tiny:mcts@8", max_tokens=120)
    nodes, candidates = body["aha"]["tree"], body["aha"]["candidates"]
    assert sum(node["parent"] is None for node in nodes) == len({c["steps"][0] for c in candidates})

"""The runs page in a real Chromium: found by keyboard, live while training goes on, inert whatever a model wrote."""

from __future__ import annotations

from contextlib import contextmanager

import pytest

from aha.tables import parquet
from tests.page_toys import a_browser, browsing, serious  # noqa: F401
from tests.runs_toys import HOSTILE, log, reply, serving_runs, training_run
from tests.stages_run import stages_run

PLACES = {
    "": ".cards li", "#run=zero": ".chart polyline", "#run=zero&tab=replies": "article.reply",
    "#run=zero&tab=prompts": "ol.strip", "#run=whole&tab=tables": "table",
}  # fmt: skip


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("runs")
    training_run(root / "zero", steps=3, told=9)
    hostile = {key: HOSTILE for key in ("prompt", "reason", "problem")}
    rows = [reply(9, s, reply=f"<think>{HOSTILE}</think>{HOSTILE}", **hostile) for s in range(30)]
    (root / "zero/samples/step-000009.parquet").write_bytes(parquet(rows))
    stages_run(root / "whole")
    (root / "torn").mkdir()
    (root / "torn" / "metrics.jsonl").write_text("nothing\n")
    return root


@pytest.fixture(scope="module")
def url(root):
    with serving_runs(root) as url:
        yield f"{url}/runs"


@contextmanager
def at(browser, address: str, sign: str, **options):
    """A fresh page at an address, once `sign` is to be seen. Fails where the page did what a harmless one never does."""
    with browsing(browser, address, **options) as page:
        page.wait_for_selector(sign)
        yield page
        assert [what for what in page.noticed if "ERR_ABORTED" not in what] == []  # a newer question ends an older one


def test_a_run_is_opened_and_searched_by_keyboard_alone(browser, url):
    with at(browser, url, ".cards li") as page:
        page.focus("a[href='#run=zero']")
        page.keyboard.press("Enter")
        page.wait_for_selector("figure.chart polyline")
        page.focus("figure.chart > svg")
        page.keyboard.press("Home")
        assert page.text_content(".chart .read").startswith("step 0: ")
        page.focus("nav.tabs a >> text=Replies")
        page.keyboard.press("Enter")
        page.wait_for_selector("article.reply")
        page.focus("#f-text")
        page.keyboard.type("wait 2 and 4")
        page.wait_for_selector(".list > article:only-child mark >> text=wait 2 and 4")
        assert "text=wait+2+and+4" in page.url and page.evaluate("document.activeElement.id") == "f-text"
        page.reload()
        page.wait_for_selector(".list > article:only-child details[open] mark")


def test_curves_grow_while_the_page_is_open(browser, url, root):
    with at(browser, f"{url}#run=zero", ".progress >> text=step 3 of 9") as page:
        log(root / "zero", 4)
        page.wait_for_selector(".progress >> text=step 4 of 9")


def test_hostile_replies_are_text(browser, url):
    with at(browser, f"{url}#run=zero&tab=replies", "article.reply") as page:
        assert "<script>alert(2)</script>" in page.text_content("article .answer")
        assert "<U+202E>" in page.text_content("article .answer") and "\x1b" not in page.text_content("article")
        page.click("article a")
        page.wait_for_selector("ol.strip")
        assert page.locator("main script, main img").count() == 0


def test_a_damaged_run_says_what_is_wrong(browser, url):
    with at(browser, f"{url}#run=torn", ".state.damaged") as page:
        assert "metrics.jsonl:1: not a JSON record" in page.text_content("main")
    with at(browser, f"{url}#run=nowhere", "[role=alert]") as page:
        assert "no run 'nowhere'" in page.text_content("main")
        page.noticed.clear()  # the browser's own line about the status


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("where", PLACES)
def test_nothing_keeps_people_out_and_nothing_is_too_wide(browser, url, where, scheme):
    phone = {"color_scheme": scheme, "viewport": {"width": 390, "height": 800}}
    with at(browser, url + where, PLACES[where], **phone) as page:
        assert serious(page) == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_folder_without_runs_says_how_to_get_one(browser, tmp_path):
    with serving_runs(tmp_path) as url, at(browser, f"{url}/runs", "text=There is no run folder"):
        pass

"""The pages in a real Chromium: a browser that reaches nothing but the server under test, and what it noticed."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from pathlib import Path

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip


@pytest.fixture(scope="module", name="browser")
def a_browser():
    """A Chromium with a profile of its own, for the tests of a module."""
    sync = pytest.importorskip("playwright.sync_api", reason="pip install 'aha[dev]' for the tests in a browser")
    if CHROMIUM is None:
        pytest.skip("no Chromium: apt-get install chromium for the tests in a browser")
    with sync.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield opened
        opened.close()


@contextmanager
def browsing(browser, url: str, **options):
    """A page at `url` that remembers nothing of others. `page.noticed` lists dialogs, errors, and requests to other places."""
    context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}, **options})
    page = context.new_page()
    page.set_default_timeout(30_000)
    watch(page, url)
    page.goto(url)
    yield page
    context.close()


def watch(page, url: str) -> None:
    """Note what a harmless page never does."""
    page.noticed = []
    page.on("dialog", lambda dialog: (page.noticed.append(f"dialog {dialog.message}"), dialog.dismiss()))
    page.on("pageerror", lambda error: page.noticed.append(f"error {error}"))
    page.on("console", lambda said: said.type == "error" and page.noticed.append(f"console {said.text}"))
    server = "/".join(url.split("/")[:3])
    # Chromium calls a stream whose reader is done before its connection is "aborted"
    page.on(
        "requestfailed",
        lambda asked: asked.failure == "net::ERR_ABORTED" or page.noticed.append(f"failed {asked.failure} {asked.url}"),
    )
    page.on("request", lambda asked: asked.url.startswith(server) or page.noticed.append(f"request {asked.url}"))


def ask(page, question: str) -> None:
    """Type a question, send it, and wait until all replies are written."""
    page.fill("#question", question)
    page.press("#question", "Enter")
    page.wait_for_selector("article[aria-busy=true], article[aria-busy=false]")
    finished(page)


def finished(page) -> None:
    """Wait until nothing is being written."""
    page.wait_for_selector("main:not(:has(article[aria-busy=true])) article", state="attached", timeout=120_000)


def serious(page) -> list[str]:
    """What axe finds that keeps people out, as lines."""
    axe = pytest.importorskip("axe_playwright_python", reason="pip install 'aha[dev]' for the tests in a browser")
    page.evaluate((Path(axe.__file__).parent / "axe.min.js").read_text())
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
    return [
        f"{v['id']}: {node['html'][:200]} {node['failureSummary'][:200]}"
        for v in found if v["impact"] in ("serious", "critical") for node in v["nodes"]
    ]  # fmt: skip

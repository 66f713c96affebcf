"""The report in a real browser: it asks for nothing, runs nothing, fits a phone, and axe finds nothing serious."""

from __future__ import annotations

import pytest

from aha.report import write_report
from tests.page_toys import a_browser, browsing, serious  # noqa: F401  the fixture `browser`
from tests.stages_run import stages_run
from tests.test_report import HOSTILE, evaluation, metric, sample, write_run


def training(root):
    reply = f"<think>{HOSTILE}</think><answer>{HOSTILE}</answer>"
    replies = [sample(step, "a", reply) for step in (0, 9)] + [sample(9, "b", reply, probe=False)]
    return write_run(
        root / "run", [metric(step) for step in range(40)], [evaluation(0, 0.3), evaluation(39, 0.6)], replies
    )


PHONE, DARK = {"viewport": {"width": 360, "height": 740}}, {"color_scheme": "dark"}


@pytest.mark.parametrize(("make", "look"), [(training, {}), (training, PHONE), (stages_run, DARK), (stages_run, PHONE)])
def test_a_reader_of_the_report_is_safe_and_kept_out_of_nothing(tmp_path, browser, make, look):
    url = write_report(make(tmp_path)).resolve().as_uri()
    with browsing(browser, url, offline=True, **look) as page:
        page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        assert page.noticed == [] and page.evaluate("document.scripts.length + document.images.length") == 0
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert "<script>alert(1)</script>" in page.inner_text("main")
        assert serious(page) == []

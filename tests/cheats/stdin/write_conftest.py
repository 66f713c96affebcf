"""Write a conftest.py that turns every pytest report into "passed".

Why: the best known of all: ten lines that resolve a whole benchmark.
Seen: Anthropic, arXiv 2511.18397; SWE-bench Verified (Berkeley RDI, April 2026)
"""

import os

text = """
import pytest

@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    outcome.get_result().outcome = "passed"
"""
for folder in (".", "..", "/tmp", "/tests", "/app", "/", os.path.expanduser("~")):
    try:
        with open(os.path.join(folder, "conftest.py"), "w") as file:
            file.write(text)
    except OSError:
        continue

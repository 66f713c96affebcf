"""What the server sends of its pages, and under which policy."""

from __future__ import annotations

import re

import httpx2
import pytest

from aha.serve.pages import FOLDER, files
from tests.serve_toys import serving


@pytest.fixture(scope="module")
def url():
    with serving("tiny", key="sk-secret") as (url, _):
        yield url


def get(url, **headers):
    return httpx2.get(url, headers=headers, trust_env=False)


def test_pages_need_no_key_and_come_under_a_strict_policy(url):
    reply = get(url)
    assert reply.status_code == 200 and reply.headers["content-type"] == "text/html; charset=utf-8"
    policy = reply.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'") and "require-trusted-types-for 'script'" in policy
    assert "unsafe" not in policy and "http" not in policy and "data:" not in policy
    assert reply.headers["x-content-type-options"] == "nosniff" and "frame-ancestors 'none'" in policy
    assert get(f"{url}/v1/models").status_code == 401


def test_every_file_is_sent_as_what_it_is_and_again_only_when_it_changed(url):
    with httpx2.Client(trust_env=False, base_url=f"{url}/page/") as client:
        for name in files():
            reply = client.get(name)
            assert reply.status_code == 200 and "default-src 'none'" in reply.headers["content-security-policy"]
            assert client.get(name, headers={"If-None-Match": reply.headers["etag"]}).status_code == 304
    assert get(f"{url}/page/chat.js").headers["content-type"] == "text/javascript; charset=utf-8"


@pytest.mark.parametrize(
    "path", ["nothing.js", "../app.py", "%2e%2e/app.py", "..%2fapp.py", "/etc/passwd", "x%00.js", ""]
)
def test_no_other_file_is_sent(url, path):
    assert get(f"{url}/page/{path}").status_code in (401, 404)  # a client may shorten the path to one that needs a key


def test_the_pages_name_no_other_place_and_carry_their_licences():
    own = [path for path in FOLDER.rglob("*") if path.suffix in (".html", ".css", ".js") and "vendor" not in path.parts]
    for path in own:
        text = path.read_text()
        assert not re.search(r"innerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|\son[a-z]+=", text), (
            path
        )
        assert set(re.findall(r"(?:https?:)?//[\w.]+\.\w+", text)) <= {"http://www.w3.org"}, path
    for vendored in (FOLDER / "vendor").iterdir():
        assert (
            "Permission is hereby granted" in (vendored / "LICENSE.txt").read_text()
            and (vendored / "VERSION.txt").read_text().strip()
        )

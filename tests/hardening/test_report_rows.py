"""XML and XHTML, rows X11, X13 and X14 of the hardening list: what the HTML pages let through."""

from __future__ import annotations

import base64
import hashlib
import re
import subprocess
import sys
from pathlib import Path

import pytest
from lxml import html

from fhirkit import dumps

SCRIPT = "</script><script>alert(1)</script>"
BEACON = "https://evil.example/beacon?p=1"
XHTML = 'xmlns="http://www.w3.org/1999/xhtml"'
DIV = (
    f'<div {XHTML}><img src="{BEACON}" alt="a"/><p style="background:url({BEACON})">seen</p>'
    f'<a href="{BEACON}">b</a><b class="x" style="color:red">kept</b></div>'
)
PATIENT = {
    "resourceType": "Patient",
    "id": "a",
    "text": {"status": "generated", "div": DIV},
    "name": [{"family": SCRIPT, "text": f'"><img src={BEACON} onerror=alert(1)>'}],
    "address": [{"text": f"{SCRIPT}<style>@import url({BEACON})</style>"}],
    "photo": [{"contentType": "image/png", "url": BEACON}],
    SCRIPT: "x",
}
#: Attributes by which a page loads something by itself.
LOADING = ("src", "srcset", "poster", "data", "background", "action", "formaction", "ping")


def run(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "fhirkit.cli.main", *arguments],
        cwd=folder, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert "Traceback" not in done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, html.HtmlElement]:
    """The page of a record, and that of the findings, of a file with a hostile name."""
    folder = tmp_path_factory.mktemp("pages")
    name = "a'b\"<script>alert(2)<&.json"
    (folder / name).write_text(dumps(PATIENT))
    texts = {
        "record": run(folder, "view", name, "--output", "-"),
        "findings": run(folder, "validate", name, "--format", "html"),
    }
    return {kind: html.document_fromstring(text) for kind, text in texts.items()}


every_page = pytest.mark.parametrize("kind", ["record", "findings"])


@every_page
def test_X11_nothing_of_a_record_can_call_home(
    pages: dict[str, html.HtmlElement], kind: str
) -> None:
    for element in pages[kind].iter("*"):
        for name in LOADING:
            assert element.get(name, "data:").startswith("data:"), (element.tag, name)
        assert "url(" not in element.get("style", "").replace("url(data:", "")
        assert element.tag not in ("iframe", "object", "embed", "base")
        if element.tag == "link":
            assert element.get("href", "").startswith("data:")
    for style in pages[kind].iter("style"):
        assert "evil.example" not in style.text_content()
    if kind == "record":
        assert "evil.example" in pages[kind].text_content(), "shown as the text that it is"


@every_page
def test_X13_markup_in_texts_and_file_names_stays_text(
    pages: dict[str, html.HtmlElement], kind: str
) -> None:
    page = pages[kind]
    policy = page.xpath("//meta[@http-equiv='Content-Security-Policy']/@content")[0]
    for script in page.iter("script"):
        if script.get("type", "").endswith("json"):
            continue
        digest = hashlib.sha256(script.text.encode()).digest()
        assert f"'sha256-{base64.b64encode(digest).decode()}'" in policy, "our own script alone"
        assert "alert(" not in script.text
    for element in page.iter("*"):
        assert not [name for name in element.attrib if name.startswith("on")], element.tag
        assert not element.get("href", "").strip().lower().startswith("javascript:")
    assert "alert(2)" in page.text_content(), "the file's name is shown"


@every_page
def test_X14_a_page_needs_no_network_and_asks_for_none(
    pages: dict[str, html.HtmlElement], kind: str
) -> None:
    page = pages[kind]
    (policy,) = page.xpath("//meta[@http-equiv='Content-Security-Policy']/@content")
    rules = dict(part.split(maxsplit=1) for part in policy.split(";") if part.strip())
    assert rules["default-src"] == "'none'"
    for name, sources in rules.items():
        assert not re.search(r"https?:|\*|'unsafe-(inline|eval)'", sources), name
    first = page.xpath("//head/*[not(self::meta[@charset])]")[0]
    assert first.get("http-equiv") == "Content-Security-Policy", "before anything can load"

"""What may be a base, and where next links really lead."""

from __future__ import annotations

import pytest

from fhirkit.core.errors import BadAnswer, UsageError
from fhirkit.remote.address import base_url, host_of, is_loopback, rebase, within

BASE = "https://a.example/fhir"


@pytest.mark.parametrize(
    ("text", "base"),
    [
        ("http://a.example/fhir/", "http://a.example/fhir"),
        ("https://A.Example:443/fhir", "https://a.example/fhir"),
        ("http://[::1]:8080/", "http://[::1]:8080"),
        (" https://a.example ", "https://a.example"),
    ],
)
def test_a_base(text: str, base: str) -> None:
    assert base_url(text) == base


@pytest.mark.parametrize(
    "text",
    ["", "a.example/fhir", "ftp://a.example", "file:///etc/passwd", "http://", "https://a.example?x=1",
     "https://a.example#x", "https://user:secret@a.example", "https://good@evil.example",
     "http://a.example:99999", "http://a b.example", "http://[::1"],
)  # fmt: skip
def test_no_base(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        base_url(text)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "inside"),
    [
        ("https://a.example/fhir", True),
        ("https://a.example/fhir?_getpages=1", True),
        ("https://a.example/fhir/Patient?x=1", True),
        ("https://A.EXAMPLE:443/fhir/Patient", True),
        ("http://a.example/fhir/Patient", False),
        ("https://a.example/fhir2/Patient", False),
        ("https://a.example.evil.example/fhir/Patient", False),
        ("https://a.example@evil.example/fhir/Patient", False),
        ("https://u@a.example/fhir/Patient", False),
        ("https://a.example:8443/fhir/Patient", False),
        ("https://a.example/fhir/../admin", False),
    ],
)
def test_within(url: str, inside: bool) -> None:
    assert within(url, BASE) is inside


@pytest.mark.parametrize(
    ("link", "own", "leads"),
    [
        (f"{BASE}?_getpages=7", None, f"{BASE}?_getpages=7"),
        ("Patient?page=2", None, f"{BASE}/Patient?page=2"),
        ("?_getpages=7", None, f"{BASE}/Patient?_getpages=7"),
        ("/fhir?_getpages=7", None, f"{BASE}?_getpages=7"),
        ("http://a.example/fhir/Patient?p=2", None, f"{BASE}/Patient?p=2"),
        ("http://inner:8080/Patient?p=2", None, f"{BASE}/Patient?p=2"),
        ("http://inner:8080/r4/base/Patient?p=2", None, f"{BASE}/Patient?p=2"),
        ("http://inner/r4?_getpages=7", "http://inner/r4/Patient?x=1", f"{BASE}?_getpages=7"),
        ("http://inner/r4/__page/ab", "http://inner/r4/Patient", f"{BASE}/__page/ab"),
        ("http://inner?_getpages=7", "http://inner/Patient", f"{BASE}?_getpages=7"),
        ("http://inner/fhir?_getpages=7", None, f"{BASE}?_getpages=7"),
        (f"{BASE}/Patient?p=2#top", None, f"{BASE}/Patient?p=2"),
    ],
)
def test_links_are_brought_under_the_base(link: str, own: str | None, leads: str) -> None:
    assert rebase(link, base=BASE, asked="Patient", self_link=own) == leads


@pytest.mark.parametrize("asked", ["Patient/_history", "_history", "Patient/p/$everything"])
def test_links_relative_to_the_page_or_to_the_base(asked: str) -> None:
    for link in (f"{asked}?page=2", "?page=2", f"/fhir/{asked}?page=2", f"{BASE}/{asked}?page=2"):
        assert rebase(link, base=BASE, asked=asked) == f"{BASE}/{asked}?page=2"


@pytest.mark.parametrize(
    "link", ["http://evil.example/steal", "https://a.example/admin", "http://["]
)
def test_links_that_cannot_be_placed_are_refused(link: str) -> None:
    with pytest.raises(BadAnswer) as caught:
        rebase(link, base=BASE, asked="Patient")
    assert "steal" not in str(caught.value)


def test_hosts() -> None:
    assert host_of("https://u:p@a.example:8443/fhir?name=x") == "a.example:8443"
    assert is_loopback("http://127.0.0.2:80")
    assert is_loopback("http://[::1]/fhir")
    assert is_loopback("http://localhost")
    assert not is_loopback("http://localhost.evil.example")
    assert not is_loopback("http://0x7f.1")

"""How a registry is named, and which addresses may be asked for an archive."""

from __future__ import annotations

import pytest

from fhirkit.core.errors import UsageError
from fhirkit.remote.registry import Registry, parse_registry


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("https://a.example", ("", "https://a.example")),
        ("https://a.example/npm/", ("", "https://a.example/npm")),
        ("clinic.=https://a.example", ("clinic.", "https://a.example")),
        ("https://a.example/x=y", ("", "https://a.example/x=y")),
    ],
)
def test_registries_by_prefix(text: str, meant: tuple[str, str]) -> None:
    assert parse_registry(text) == meant


@pytest.mark.parametrize(
    "text",
    ["", "=https://a.example", "a.example", "clinic.=", "ftp://a.example", "x=file:///etc",
     "https://user:pass@a.example"],
)  # fmt: skip
def test_what_names_no_registry(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_registry(text)
    assert "pass" not in str(caught.value).replace("password", "")


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("https://r.example/anything", True),
        ("https://r.example:443/x", True),
        ("https://R.example/x", True),
        ("https://files.example/x", True),
        ("http://r.example/x", False),
        ("http://files.example/x", False),
        ("https://r.example:8443/x", False),
        ("https://r.example.evil.example/x", False),
        ("https://evil.example/r.example", False),
        ("https://r.example@evil.example/x", False),
        ("https://user@files.example/x", False),
        ("https://sub.files.example/x", False),
        ("file:///etc/passwd", False),
        ("https://[broken", False),
        ("https://169.254.169.254/latest", False),
    ],
)
def test_only_the_origin_and_named_hosts_are_asked(address: str, allowed: bool) -> None:
    registry = Registry("https://r.example/npm", hosts=["files.example"])
    assert registry._may_ask(address) is allowed
    registry.close()


def test_a_token_does_not_go_over_plain_http() -> None:
    with pytest.raises(UsageError, match="plain http"):
        Registry("http://r.example", token="t")

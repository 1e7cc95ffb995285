"""Markup made safely: templates that escape, and our own style and script allowed by their hash.

The only module that marks a string as safe: the style and the script of this package, each named
by its hash in a page's Content-Security-Policy, so that nothing else in the page can run.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from fhirkit.report.visible import Whole, shortened, visible


@cache
def environment() -> Environment:
    """The templates of this package: everything is escaped, an undefined name is an error."""
    return Environment(
        loader=PackageLoader("fhirkit.report"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@cache
def asset(name: str) -> Markup:
    """A style or script of this package, as it goes into a page."""
    text = resources.files("fhirkit.report").joinpath("templates", name).read_text("utf-8")
    return Markup(text)  # noqa: S704  # our own file, never input


def policy(style: str, script: str) -> str:
    """A Content-Security-Policy that allows this style, this script and nothing else."""
    return (
        f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; "
        "base-uri 'none'; form-action 'none'"
    )


def _finalize(value: Any) -> Any:
    """Every value that reaches a page passes here, before it is escaped."""
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    return visible(value if isinstance(value, Whole) else shortened(value))


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"

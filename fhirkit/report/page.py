"""The page: a record and its findings as one HTML file that needs nothing and asks nothing.

The only module that makes markup, and the only one that marks a string as safe: the style and the
script of this package, each allowed by its hash in the page's Content-Security-Policy.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence
from functools import cache
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from fhirkit import __version__
from fhirkit.core.issues import Outcome
from fhirkit.report import charts
from fhirkit.report.facts import MOST_CARDS, facts_of
from fhirkit.report.records import record_of
from fhirkit.report.visible import Whole, shortened, visible

#: How a page made here is told from any other file.
GENERATOR = '<meta name="generator" content="fhirkit'


def render(
    source: dict[str, Any] | Iterable[dict[str, Any]],
    outcome: Outcome | None = None,
    *,
    title: str = "",
    not_reported: Sequence[str] = (),
    most_cards: int = MOST_CARDS,
) -> str:
    """The page of a Bundle (any type), a resource, or several resources.

    ``outcome`` is shown beside the resources; None says that nothing was validated. Issues find
    their resource by ``Bundle.entry[n]``, counting list items where there is no Bundle.
    ``not_reported`` are lines of what a reader would look for in vain. Beyond ``most_cards``
    resources the page shows a fair choice and says how many it leaves out.
    """
    facts = facts_of(
        record_of(source),
        outcome,
        title=title,
        not_reported=not_reported,
        most_cards=most_cards,
    )
    style, script = _asset("page.css"), _asset("page.js")
    template = _environment().get_template("page.html.j2")
    return template.render(
        facts=facts,
        style=style,
        script=script,
        policy=f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; "
        "base-uri 'none'; form-action 'none'",
        version=__version__,
        plot=charts,
    )


def _finalize(value: Any) -> Any:
    """Every value that reaches the page passes here, before it is escaped."""
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    return visible(value if isinstance(value, Whole) else shortened(value))


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("fhirkit.report"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@cache
def _asset(name: str) -> Markup:
    text = resources.files("fhirkit.report").joinpath("templates", name).read_text("utf-8")
    return Markup(text)  # noqa: S704  # our own file, never input


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"

"""The page: a record and its findings as one HTML file that needs nothing and asks nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from fhirkit import __version__
from fhirkit.core.issues import Outcome
from fhirkit.report import charts
from fhirkit.report.facts import MOST_CARDS, facts_of
from fhirkit.report.markup import asset, environment, policy
from fhirkit.report.records import record_of

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
    style, script = asset("page.css"), asset("page.js")
    template = environment().get_template("page.html.j2")
    return template.render(
        facts=facts,
        style=style,
        script=script,
        policy=policy(style, script),
        version=__version__,
        plot=charts,
    )

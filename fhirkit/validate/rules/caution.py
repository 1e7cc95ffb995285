"""What is asked of texts and URLs on request only: no markup, no example URLs.

https://hl7.org/fhir/R4/security.html#narrative: a receiver that shows a text as HTML runs the
script in it. https://www.rfc-editor.org/rfc/rfc2606: example.org and its like lead nowhere.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from fhirkit.validate.options import Options
from fhirkit.validate.rules.finding import Finding

Check = Callable[[str], Finding | None]

_URLS = frozenset({"uri", "url", "canonical"})
#: URLs that name what they stand in, rather than lead to something.
_NAMES = frozenset({"Bundle.entry.fullUrl"})
# A tag, and another one after it: `a < b` and `<5 mg` are none.
_MARKUP = re.compile(r"<[a-zA-Z]\w*(?:\s[^<>]*)?>[^<]*<")
_EXAMPLES = ("example.org", "example.com", "example.net", "acme.com", "acme.org")
_EXAMPLE_OIDS = ("urn:oid:1.3.6.1.4.1.32473.", "urn:oid:2.999.")


def requested(options: Options, type_name: str, path: str, *, is_text: bool) -> tuple[Check, ...]:
    """The checks that the options ask for, of a primitive type at the path of an element."""
    checks: list[Check] = []
    if options.security_checks and is_text and type_name != "xhtml":
        checks.append(_markup)
    if not options.example_urls and type_name in _URLS and not _is_name(path):
        checks.append(_example)
    return tuple(checks)


def _is_name(path: str) -> bool:
    """Whether a URL is the one a definition gives itself: ``ValueSet.url``."""
    name, _, rest = path.partition(".")
    return path in _NAMES or (rest == "url" and name not in ("Extension", "Attachment"))


def _markup(value: str) -> Finding | None:
    if "<" in value and _MARKUP.search(value) is not None:
        return Finding("text-markup", "the text looks like markup, which a reader may run")
    return None


def _example(value: str) -> Finding | None:
    lead = value.partition("://")[2].partition("/")[0] if "://" in value else ""
    is_example = any(f"{name}/" in value or value.endswith(name) for name in _EXAMPLES)
    if is_example or lead.endswith(_EXAMPLES) or value.startswith(_EXAMPLE_OIDS):
        return Finding("url-example", "an example URL leads nowhere; name the real one")
    return None

"""The language of a resource: a tag of registered parts, written the way they are registered.

https://hl7.org/fhir/R4/resource.html#language and https://www.rfc-editor.org/rfc/rfc5646. The
two-letter languages are listed here; of longer ones, regions and variants only the form is known.
"""

from __future__ import annotations

import re
from typing import Any

from fhirkit.validate.rules.finding import Finding

_TAG = re.compile(
    r"(?P<language>[a-z]{2,3})(-[a-z]{3})?(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?"
    r"(-([a-z0-9]{5,8}|[0-9][a-z0-9]{3}))*"
)
#: Three letters that nobody may register.
_PRIVATE = re.compile("q[a-t][a-z]")
#: ISO 639-1, with the codes that were withdrawn but are registered still.
_TWO_LETTERS = frozenset(
    """
    aa ab ae af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cu cv cy da
    de dv dz ee el en eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz
    ia id ie ig ii ik in io is it iu iw ja ji jv jw ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la
    lb lg li ln lo lt lu lv mg mh mi mk ml mn mo mr ms mt my na nb nd ne ng nl nn no nr nv ny oc oj
    om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg sh si sk sl sm sn so sq sr ss st su sv
    sw ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu
    """.split()  # noqa: SIM905  # easier to read than 190 strings
)


def check(value: Any) -> Finding | None:
    """What is wrong with the language of a resource, or None. Other shapes pass: not ours."""
    if not isinstance(value, str):
        return None
    tag = _TAG.fullmatch(value)
    if tag is not None:
        language = tag["language"]
        if len(language) == 2:
            known = language in _TWO_LETTERS
        else:
            known = _PRIVATE.fullmatch(language) is None
        if known:
            return None
    message = "no registered language: expected a tag as in en, de-CH or zh-Hant"
    return Finding("language-unknown", message)

"""What FHIR allows of XHTML in a narrative, as tables: elements, attributes, and where they stand.

https://hl7.org/fhir/R4/narrative.html#xhtml; where elements stand is XHTML 1.0's own business.
"""

from __future__ import annotations

#: The namespace.
XHTML = "http://www.w3.org/1999/xhtml"


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


ELEMENTS = _words(
    "a abbr acronym address area b bdo big blockquote br caption cite code col colgroup dd dfn div "
    "dl dt em h1 h2 h3 h4 h5 h6 hr i img kbd li map ol p pre q samp small span strong sub sup "
    "table tbody td tfoot th thead tr tt ul var"
)
#: Attributes that are allowed on every element …
COMMON = _words(
    "title style class id lang xml:lang xml:space dir accesskey tabindex span width align valign "
    "char charoff abbr axis headers scope rowspan colspan"
)
#: … and on some.
ATTRIBUTES = {
    "a": _words("href name charset type hreflang rel rev shape coords"),
    "area": _words("shape coords href nohref alt"),
    "blockquote": _words("cite"),
    "img": _words("src border alt longdesc height width usemap ismap"),
    "map": _words("name"),
    "pre": _words("space"),
    "q": _words("cite"),
    "table": _words("summary width border frame rules cellspacing cellpadding"),
    "td": _words("nowrap"),
}
#: What may not stand anywhere inside a paragraph.
BLOCKS = _words("blockquote div ol p table ul")
#: What holds running text …
RUNNING = _words(
    "p h1 h2 h3 h4 h5 h6 pre address a b em i strong small big sub sup code tt dfn q var abbr "
    "acronym cite bdo kbd samp span caption dd dt"
)
#: … and what may not stand anywhere inside that.
NOT_RUNNING = _words("div pre table ul ol")
#: What may not stand inside itself, however deep.
ONCE = _words("a b em i strong small big sub sup code tt dfn q var abbr acronym cite bdo kbd samp")
#: What holds nothing.
EMPTY = _words("area br hr img")
#: Attributes whose value leads somewhere.
LINKS = _words("href src")
#: The only elements that may stand directly in these; text may not.
CHILDREN = {
    "dl": _words("dd dt"),
    "map": _words("area"),
    "ol": _words("li"),
    "table": _words("tbody tr caption thead tfoot col colgroup"),
    "tbody": _words("tr"),
    "tfoot": _words("tr"),
    "thead": _words("tr"),
    "tr": _words("td th"),
    "ul": _words("li"),
}
#: The only elements that these may stand directly in.
PARENTS = {
    "caption": _words("table"),
    "col": _words("colgroup table"),
    "colgroup": _words("table"),
    "dd": _words("dl"),
    "dt": _words("dl"),
    "li": _words("ul ol"),
    "tbody": _words("table"),
    "td": _words("tr thead tfoot"),
    "tfoot": _words("table"),
    "th": _words("tr thead tfoot"),
    "thead": _words("table"),
    "tr": _words("table thead tfoot tbody"),
}

"""Narratives of all sorts, right and wrong."""

from __future__ import annotations

from hypothesis import strategies as st

PIECES = [
    *("<p>", "</p>", "<br/>", "<br>", "text", " ", "\n", "&amp;", "&#160;", "&nbsp;", "\u00a0"),
    *('<a href="http://example.org">', "</a>", '<a title=">">', '<a title=">" onclick="x()">'),
    *("<!-- > ", "-->", "<![CDATA[ > ", "]]>", "<?pi > ", "?>", "<script>", "</script>"),
    *("<p class='x'>", '<p class="x">', '<p id="a" id="b">', "<x:p>", "<P>", "<>", "</p ", "<p/>"),
    *("<!DOCTYPE p>", ">", "<", '"', "\x0b", "\ufffe", '<p xmlns="urn:other">', "</div>", "<div>"),
]
STARTS = [
    *("p", "b", "i", "div", "span", "ul", "li", "table", "tr", "td", "tbody", "pre", "h1", "dl"),
    *('a href="http://example.org"', 'a href="javascript:x()"', 'p class="x"', "script", "q"),
    *('td colspan="2"', 'p onclick="x()"', 'a href=""', "dd", "br", "map", "area"),
]
CONTENT = st.recursive(
    st.sampled_from(["", "text", " ", "<br/>", '<img src="x.png" alt="x"/>', *PIECES[:11]]),
    lambda inner: st.builds(
        lambda start, parts: f"<{start}>{''.join(parts)}</{start.partition(' ')[0]}>",
        st.sampled_from(STARTS),
        st.lists(inner, max_size=3),
    ),
    max_leaves=8,
)
HEADS = ['<div xmlns="http://www.w3.org/1999/xhtml">'] * 5 + [
    "<div>",
    '<div xmlns="urn:other">',
    "",
]
DIVS = st.one_of(
    st.builds(
        lambda head, parts, tail: head + "".join(parts) + tail,
        st.sampled_from(HEADS),
        st.lists(parts, max_size=5),
        st.sampled_from(["</div>", "</div>", "</div>", ""]),
    )
    for parts in (CONTENT, st.sampled_from(PIECES))
)

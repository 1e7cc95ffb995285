"""Resources with something strange put in anywhere, and texts near what primitive types allow."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import strategies as st

STRANGE: list[Any] = [
    *(None, True, 1, -1, 1.5, 10**40, "", " ", "x", "x y", "\x00", "urn:uuid:1", "2020-02-30"),
    *([], {}, [None], ["x"], [{}], {"id": "x"}, {"extension": []}, {"reference": "#x"}),
    {"url": "http://example.org/x", "valueString": "x", "valueCode": "x"},
]
KEYS = ["id", "extension", "value", "valueString", "valueCode", "text", "status", "_birthDate"]

TEXTS = st.one_of(
    st.text(max_size=12),
    st.text("aA0+/=", max_size=9),
    st.text("aZ09 -.:/#|+T\n\t\u00a0\u200b\u2028", max_size=12),
    st.from_regex(
        r"\A(19|20|00)[0-9]{2}(-[0-3][0-9](-[0-3][0-9](T[0-2][0-9]:[0-6][0-9]:[0-6][0-9]"
        r"(\.[0-9]+)?(Z|[+-][01][0-9]:[0-6][0-9])?)?)?)?\Z"
    ),
)


def spots(value: Any) -> list[tuple[Any, Any]]:
    entries = list(value.items()) if isinstance(value, dict) else list(enumerate(value))
    found = [(value, key) for key, _ in entries]
    for _, child in entries:
        if isinstance(child, dict | list):
            found += spots(child)
    return found


def damaged(data: st.DataObject, resources: list[dict[str, Any]]) -> dict[str, Any]:
    """One of the resources, with one to three alterations."""
    resource = copy.deepcopy(data.draw(st.sampled_from(resources)))
    for _ in range(data.draw(st.integers(1, 3))):
        places = spots(resource)
        holder, key = data.draw(st.sampled_from(places))
        kind = data.draw(st.sampled_from(["other", "absent", "beside", "list", "object", "moved"]))
        if kind == "other":
            holder[key] = copy.deepcopy(data.draw(st.sampled_from(STRANGE)))
        elif kind == "absent":
            del holder[key]
        elif kind == "beside" and isinstance(holder, dict):
            name = data.draw(st.sampled_from([*KEYS, f"_{key}"]))
            holder[name] = copy.deepcopy(data.draw(st.sampled_from([*STRANGE, holder[key]])))
        elif kind == "list":
            holder[key] = [holder[key]]
        elif kind == "object":
            holder[key] = {"x": holder[key]}
        else:
            other, place = data.draw(st.sampled_from(places))
            if place in (other if isinstance(other, dict) else range(len(other))):
                holder[key] = copy.deepcopy(other[place])
    return resource

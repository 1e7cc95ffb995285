"""Attachments: the data is plain base64, the stated size and hash are its own.

https://hl7.org/fhir/R4/datatypes.html#Attachment
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from binascii import Error
from collections.abc import Iterator
from typing import Any

from fhirkit.validate.rules.finding import Finding

_SPACE = re.compile(r"\s")


def check(attachment: dict[str, Any]) -> Iterator[Finding]:
    """Findings for an attachment that carries its data; base64 itself is the type's business."""
    data, size, stated = attachment.get("data"), attachment.get("size"), attachment.get("hash")
    has_size = isinstance(size, int) and not isinstance(size, bool)
    if not isinstance(data, str):
        return
    if _SPACE.search(data):
        message = "white space in the data: base64 in an attachment is one unbroken text"
        yield Finding("attachment-data", message)
        return
    if not (has_size or isinstance(stated, str)):
        return
    try:
        content = b64decode(data, validate=True)
    except (Error, ValueError):
        return
    if has_size and size != len(content):
        message = f"the stated size is {size} bytes, that of the data {len(content)}"
        yield Finding("attachment-size", message)
    if isinstance(stated, str):
        # FHIR asks for SHA-1, which is no matter of security here.
        import hashlib

        digest = hashlib.sha1(content, usedforsecurity=False).digest()
        if "".join(stated.split()) != b64encode(digest).decode():
            yield Finding("attachment-hash", "the stated hash is not the SHA-1 of the data")

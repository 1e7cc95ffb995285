"""The comparison with HL7's verdicts on its examples, tried on an archive of our own making."""

from __future__ import annotations

import io
import json
import tarfile  # noqa: TID251  # the test makes one
from pathlib import Path
from typing import Any

import pytest
from example_verdicts import Verdicts, compare, verdicts

RIGHT: dict[str, Any] = {"resourceType": "Patient", "gender": "female"}
WRONG: dict[str, Any] = {"resourceType": "Patient", "gender": "often"}


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "examples.tgz"
    files = {
        "Patient-right.json": RIGHT,
        "Patient-wrong.json": WRONG,
        "Patient-by-url.json": RIGHT,
        "Patient-crashed.json": WRONG,
        "ValueSet-seen-otherwise.json": {"resourceType": "ValueSet", "status": "draft"},
        "package.json": {"name": "examples"},
    }
    with tarfile.open(path, "w:gz") as package:
        for name, content in files.items():
            data = json.dumps(content).encode()
            member = tarfile.TarInfo(f"package/{name}")
            member.size = len(data)
            package.addfile(member, io.BytesIO(data))
    return path


KNOWN = Verdicts(
    refused=frozenset({"Patient-wrong.json", "ValueSet-seen-otherwise.json"}),
    refused_by_url=frozenset({"Patient-by-url.json"}),
    undecided=frozenset({"Patient-crashed.json"}),
)


def test_equal_verdicts_are_counted_by_type(archive: Path) -> None:
    found = compare(archive, KNOWN)
    assert found.asked == {"Patient": 3, "ValueSet": 1}
    assert found.equal["Patient"] == 3
    assert found.equal["ValueSet"] == 0
    assert found.differing == ["ValueSet-seen-otherwise.json: accepted"]
    assert found.share(clinical=True) == 1.0
    assert found.share(clinical=False) == 0.75


def test_what_only_an_url_decides_is_counted_apart(archive: Path) -> None:
    assert compare(archive, KNOWN).share_by_url == pytest.approx(2 / 3)


def test_large_files_can_be_left_out(archive: Path) -> None:
    assert compare(archive, KNOWN, largest=10).asked == {}


def test_the_verdicts_that_are_kept_name_each_file_once() -> None:
    known = verdicts()
    assert len(known.refused) > 200
    assert known.refused.isdisjoint(known.undecided | known.refused_by_url)

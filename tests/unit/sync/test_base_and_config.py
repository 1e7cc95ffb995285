"""The base survives and refuses; the configuration holds no secret."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from fhirkit.core.errors import Blocked, UsageError
from fhirkit.core.resource import ResourceKey, content_hash
from fhirkit.sync.base import BaseStore
from fhirkit.sync.config import add_remote, checked_remote, read_remotes, remove_remote
from fhirkit.sync.lock import locked

P = ResourceKey("Patient", "p")
SENT = {"resourceType": "Patient", "id": "p"}
STORED = {"resourceType": "Patient", "id": "p", "meta": {"versionId": "1"}, "language": "en"}


def test_agreement_outlives_the_process_and_is_per_remote(tmp_path: Path) -> None:
    with BaseStore(tmp_path / "state.db", "one") as store:
        store.intend([(P, SENT)], "r1")
        store.intend([(P, SENT)], "r2")
    with BaseStore(tmp_path / "state.db", "one") as store:
        (intent,) = store.intents()
        assert intent.request_ids == {"r1", "r2"}
        store.agree(P, SENT, STORED)
        assert store.intents() == []
        store.tidy()
    with BaseStore(tmp_path / "state.db", "one") as store:
        entry = store.entries()[P]
        assert (entry.sent_hash, entry.remote_hash) == (content_hash(SENT), content_hash(STORED))
        assert entry.version_id == "1"
        assert store.content(entry.remote_hash) == {**SENT, "language": "en"}
    with BaseStore(tmp_path / "state.db", "two") as store:
        assert store.entries() == {}
    assert (tmp_path / "state.db").stat().st_mode & 0o777 == 0o600


def test_a_failed_group_leaves_nothing(tmp_path: Path) -> None:
    with BaseStore(tmp_path / "state.db", "one") as store:
        broken = {"resourceType": "Patient", "id": object()}
        with pytest.raises(TypeError), store.transaction():
            [store.agree(P, one, STORED) for one in (SENT, broken)]
        assert store.entries() == {}


@pytest.mark.parametrize("content", [b"not a database, not at all, no", b"SQLite format 3\0" * 99])
def test_a_damaged_state_is_said(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "state.db").write_bytes(content)
    with pytest.raises(Blocked, match="state"):
        BaseStore(tmp_path / "state.db", "one")


def test_a_newer_state_is_left_alone(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "state.db") as db:
        db.execute("PRAGMA user_version=99")
    db.close()
    with pytest.raises(Blocked, match="newer"):
        BaseStore(tmp_path / "state.db", "one")


def test_the_lock_is_one_at_a_time_and_dies_with_its_holder(tmp_path: Path) -> None:
    holder = (
        "import os, pathlib, sys\n"
        "from fhirkit.sync.lock import locked\n"
        "with locked(pathlib.Path(sys.argv[1])):\n"
        "    print('held', flush=True)\n"
        "    sys.stdin.read()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", holder, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdin is not None
    assert process.stdout.readline() == b"held\n"
    with pytest.raises(Blocked), locked(tmp_path):
        pass
    process.kill()
    process.wait()
    process.stdin.close()
    process.stdout.close()
    with locked(tmp_path):
        pass


def test_remotes_come_and_go_and_the_rest_stays(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("# mine\n")
    one = checked_remote("one", "https://a.example/fhir/", token_env="TOKEN")
    assert one.url == "https://a.example/fhir"
    assert add_remote(path, one)
    assert not add_remote(path, one)
    assert add_remote(path, checked_remote("two", "http://127.0.0.1:8080/fhir"))
    assert list(read_remotes(path)) == ["one", "two"]
    assert read_remotes(path)["one"] == one
    with pytest.raises(UsageError, match="exists"):
        add_remote(path, checked_remote("one", "https://b.example"))
    remove_remote(path, "one")
    assert list(read_remotes(path)) == ["two"]
    assert path.read_text().startswith("# mine\n")
    with pytest.raises(UsageError):
        remove_remote(path, "one")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[remotes.a]\nurl = "https://a.example"\ntoken = "abc123"', "env:NAME"),
        ('[remotes.a]\nurl = "https://u:pw9f2@a.example"', "password"),
        ('[remotes.a]\nurl = "https://a.example"\ntokn = "env:A"', "tokn"),
        ("[remotes.a]\nurl = 5", "url"),
        ("[remotes", "configuration"),
    ],
)
def test_a_wrong_configuration_is_said_without_its_secret(
    tmp_path: Path, text: str, said: str
) -> None:
    (tmp_path / "c.toml").write_text(text)
    with pytest.raises(UsageError, match=said) as caught:
        read_remotes(tmp_path / "c.toml")
    assert "pw9f2" not in str(caught.value)
    assert "abc123" not in str(caught.value)


def test_a_token_is_named_and_not_sent_in_the_clear() -> None:
    with pytest.raises(UsageError, match="http"):
        checked_remote("a", "http://a.example/fhir", token_env="TOKEN")
    checked_remote("a", "http://localhost:8080/fhir", token_env="TOKEN")
    with pytest.raises(UsageError, match="variable"):
        checked_remote("a", "https://a.example", token_env="ey.J0.abc")

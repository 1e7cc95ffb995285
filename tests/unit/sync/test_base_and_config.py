"""The base survives and refuses; the configuration holds no secret."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from fhirkit.core.errors import Blocked, UsageError
from fhirkit.core.jsonio import dump_bytes
from fhirkit.core.resource import ResourceKey, content_hash
from fhirkit.sync.base import BaseStore
from fhirkit.sync.config import add_remote, checked_remote, read_remotes, remove_remote
from fhirkit.sync.journal import Journal, OpState
from fhirkit.sync.lock import locked
from fhirkit.sync.plan import Action, Step
from fhirkit.sync.state import State

P = ResourceKey("Patient", "p")
SENT = {"resourceType": "Patient", "id": "p"}
STORED = {"resourceType": "Patient", "id": "p", "meta": {"versionId": "1"}, "language": "en"}


def test_agreement_outlives_the_process_and_is_per_remote(tmp_path: Path) -> None:
    action = Action(Step.CREATE, P)
    with State(tmp_path / "state.db") as state:
        journal = Journal(state, "one")
        journal.begin("push")
        journal.plan([action], {P: state.keep(SENT)})
        assert journal.open() == []
        journal.intend([action], "r1", "id")
        journal.intend([action], "r2", "id")
    with State(tmp_path / "state.db") as state:
        store, journal = BaseStore(state, "one"), Journal(state, "one")
        (operation,) = journal.open()
        assert operation.request_ids == {"r1", "r2"}
        state.tidy()
        assert store.content(operation.sent_hash) == SENT, "what is in doubt is kept"
        with store.transaction():
            store.agree(P, SENT, STORED)
            journal.settle(P, OpState.APPLIED)
        assert journal.open() == []
        state.tidy()
    with State(tmp_path / "state.db") as state:
        store = BaseStore(state, "one")
        entry = store.entries()[P]
        assert (entry.sent_hash, entry.remote_hash) == (content_hash(SENT), content_hash(STORED))
        assert entry.version_id == "1"
        assert store.content(entry.remote_hash) == {**SENT, "language": "en"}
        assert BaseStore(state, "two").entries() == {}
    assert (tmp_path / "state.db").stat().st_mode & 0o777 == 0o600


def test_a_failed_group_leaves_nothing(tmp_path: Path) -> None:
    with State(tmp_path / "state.db") as state:
        store = BaseStore(state, "one")
        broken = {"resourceType": "Patient", "id": object()}
        with pytest.raises(TypeError), store.transaction():  # noqa: PT012  # the second ends it
            for one in (SENT, broken):
                store.agree(P, one, STORED)
        assert store.entries() == {}


FIRST = """
CREATE TABLE remote (name TEXT PRIMARY KEY, identity TEXT NOT NULL) STRICT;
CREATE TABLE base (
    remote TEXT NOT NULL, type TEXT NOT NULL, id TEXT NOT NULL,
    sent_hash TEXT NOT NULL, remote_hash TEXT NOT NULL, version_id TEXT,
    PRIMARY KEY (remote, type, id)) STRICT, WITHOUT ROWID;
CREATE TABLE intent (
    remote TEXT NOT NULL, type TEXT NOT NULL, id TEXT NOT NULL,
    sent_hash TEXT NOT NULL, request_id TEXT NOT NULL,
    PRIMARY KEY (remote, type, id, request_id)) STRICT, WITHOUT ROWID;
CREATE TABLE content (hash TEXT PRIMARY KEY, json BLOB NOT NULL) STRICT;
INSERT INTO remote VALUES ('one', 'HAPI 4.0.1');
PRAGMA user_version=1;
"""


def test_the_first_state_is_taken_over_whole(tmp_path: Path) -> None:
    digest, edited = content_hash(SENT), {**SENT, "active": True}
    with sqlite3.connect(tmp_path / "state.db") as db:
        db.executescript(FIRST)
        for body in (SENT, edited):
            db.execute("INSERT INTO content VALUES (?, ?)", (content_hash(body), dump_bytes(body)))
        db.execute("INSERT INTO base VALUES ('one', 'Patient', 'p', ?, ?, '3')", (digest, digest))
        for request in ("r1", "r2"):
            db.execute(
                "INSERT INTO intent VALUES ('one', 'Patient', 'p', ?, ?)",
                (content_hash(edited), request),
            )
    db.close()
    with State(tmp_path / "state.db") as state:
        store = BaseStore(state, "one")
        assert store.entries()[P].version_id == "3"
        assert store.content(digest) == SENT
        assert store.identity() == "HAPI 4.0.1"
        (operation,) = Journal(state, "one").open()
        assert operation.request_ids == {"r1", "r2"}
        assert (operation.seen_hash, operation.seen_version) == (digest, "3")
        assert store.content(operation.sent_hash) == edited
    with State(tmp_path / "state.db") as state:
        assert BaseStore(state, "one").entries()[P].sent_hash == digest


def test_the_second_state_gets_what_is_new_and_keeps_the_rest(tmp_path: Path) -> None:
    with State(tmp_path / "state.db") as state:
        store = BaseStore(state, "one")
        store.identify("HAPI 4.0.1")
        store.agree(P, SENT, STORED)
        for table in ("statement", "export"):
            state.change(f"DROP TABLE {table}")
        state.change("PRAGMA user_version=2")
    with State(tmp_path / "state.db") as state:
        store = BaseStore(state, "one")
        assert P in store.entries()
        assert store.statement() is None
        store.keep_statement(b"{}")
        assert state.rows("SELECT * FROM export") == []
        assert state.rows("PRAGMA user_version") == [(3,)]


@pytest.mark.parametrize("content", [b"not a database, not at all, no", b"SQLite format 3\0" * 99])
def test_a_damaged_state_is_said(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "state.db").write_bytes(content)
    with pytest.raises(Blocked, match="state"):
        State(tmp_path / "state.db")


def test_a_newer_state_is_left_alone(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "state.db") as db:
        db.execute("PRAGMA user_version=99")
    db.close()
    with pytest.raises(Blocked, match="newer"):
        State(tmp_path / "state.db")


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
    moved = checked_remote("one", "https://b.example")
    assert add_remote(path, moved, replace=True, dry_run=True)
    assert read_remotes(path)["one"] == one
    assert add_remote(path, moved, replace=True)
    assert read_remotes(path)["one"] == moved
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

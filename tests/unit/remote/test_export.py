"""Bulk exports on the wire: begun, waited for, read to the last line, and never the wrong host."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhirkit.chaos import Behaviour, ChaosServer
from fhirkit.chaos.reply import Reply, outcome
from fhirkit.chaos.schedule import schedule_of
from fhirkit.core.errors import (
    BadAnswer,
    FhirkitError,
    Incomplete,
    Refused,
    RemoteError,
    Unreachable,
)
from fhirkit.remote import Client, Policy, Transport
from fhirkit.remote.export import Foreign, Job, Lost, NotOffered, begin
from fhirkit.remote.manifest import ExportFile, Manifest
from fhirkit.remote.ndjson import resources_in
from fhirkit.remote.streaming import Stream

TOKEN = "t0ken-canary"


@pytest.fixture
def server() -> Iterator[ChaosServer]:
    server = ChaosServer()
    for number in range(1200):
        server.put({"resourceType": "Patient", "id": f"p{number}", "birthDate": "1970"})
    yield server
    server.close()


def client_of(server: ChaosServer, *, token: str | None = None, **more: Any) -> Client:
    policy = Policy(tries=2, first_wait=0.001, longest_wait=0.05, max_bytes=100_000)
    transport = Transport(server.url, token=token, policy=policy)
    return Client(server.url, transport=transport, **more)


def under(server: ChaosServer, do: str, /, **rule: Any) -> None:
    server.faults = schedule_of({"fault": [{"do": do, **rule}]})


def all_rows(job: Job) -> list[dict[str, Any]]:
    manifest = job.wait(10)
    return [row for file in manifest.output for rows in job.rows(file, manifest) for row in rows]


class Serving:
    """Answers what is asked below a path itself; `shown` has the headers that came there."""

    def __init__(self, path: str, *replies: Reply) -> None:
        self.path, self.replies = path, list(replies)
        self.shown: list[dict[str, str]] = []

    def serve(self, exchange: Any, target: str) -> bool:
        if not target.startswith(self.path) or not self.replies:
            return False
        self.shown.append(dict(exchange.headers.items()))
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        exchange.send(reply)
        return True


def test_an_export_comes_whole_in_portions(server: ChaosServer) -> None:
    job = begin(client_of(server), "$export", types=["Patient"])
    manifest = job.wait(10)
    (file,) = manifest.output
    portions = [len(rows) for rows in job.rows(file, manifest)]
    assert portions == [500, 500, 200]
    job.cancel()
    assert server.exports.jobs == {}
    job.cancel()  # a second time, which the server answers by 404


def test_the_kick_off_says_what_is_wanted(server: ChaosServer) -> None:
    since = "2020-01-01T00:00:00+02:00"
    begin(client_of(server), "$export", types=["Patient", "Basic"], since=since)
    (request,) = server.log
    assert "_type=Basic,Patient" in request.target
    assert "_since=2020-01-01T00:00:00%2B02:00" in request.target


# -- the kick-off -----------------------------------------------------------------------------


@pytest.mark.parametrize("status", [400, 403, 404, 405, 501, 200])
def test_a_server_that_makes_no_exports_says_so(server: ChaosServer, status: int) -> None:
    server.faults = Serving("/$export", Reply(status, outcome("no")))
    with pytest.raises(NotOffered):
        begin(client_of(server), "$export")


def test_a_busy_server_is_asked_again(server: ChaosServer) -> None:
    under(server, "status", status=429, retry_after="0")
    assert len(all_rows(begin(client_of(server), "$export"))) == 1200


@pytest.mark.parametrize(
    "headers",
    [{}, {"Content-Location": ""}, {"Content-Location": "https://elsewhere.example/status/1"},
     {"Content-Location": "http://user@127.0.0.1/x"}, {"Content-Location": "http://[/"}],
    ids=str,
)  # fmt: skip
def test_a_status_that_is_nowhere_or_elsewhere_is_not_asked(
    server: ChaosServer, headers: dict[str, str]
) -> None:
    server.faults = Serving("/$export", Reply(202, None, headers))
    with pytest.raises(BadAnswer):
        begin(client_of(server), "$export")


@pytest.mark.parametrize("written", ["relative", "other host", "absolute path"])
def test_a_status_is_found_however_it_is_written(server: ChaosServer, written: str) -> None:
    client = client_of(server)
    job = begin(client, "$export")
    path = job.status.removeprefix(server.url)
    form = {
        "relative": path.strip("/"),
        "other host": f"http://internal.example:8080/fhir{path}",
        "absolute path": f"/fhir{path}",
    }[written]
    server.faults = Serving("/$export?", Reply(202, None, {"Content-Location": form}))
    assert len(all_rows(begin(client, "$export"))) == 1200


# -- waiting ----------------------------------------------------------------------------------


def test_the_servers_wait_is_kept_to_and_capped() -> None:
    server = ChaosServer(Behaviour(export_pending=3, export_retry_after="7"))
    waits: list[float] = []
    policy = Policy(first_wait=0.5, longest_wait=1.0)
    transport = Transport(server.url, policy=policy, sleep=waits.append)
    try:
        job = begin(Client(server.url, transport=transport), "$export")
        job.wait(1000)
        server.behaviour = Behaviour(export_pending=1, export_retry_after="")
        begin(Client(server.url, transport=transport), "$export").wait(1000)
    finally:
        server.close()
    assert waits[:4] == [2.0, 5.0, 5.0, 5.0], "at most five times the longest wait of a request"
    assert waits[4:] == [2.0, 1.0], "its own pace, where the server names none"


def test_a_slow_export_is_left_for_the_next_run(server: ChaosServer) -> None:
    server.behaviour = Behaviour(export_pending=10_000)
    job = begin(client_of(server), "$export")
    with pytest.raises(Incomplete, match="not finished after"):
        job.wait(0.2)
    server.exports.jobs[job.status.rpartition("/")[2]].pending = 0
    assert len(all_rows(Job(job.client, job.status))) == 1200


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_server_that_is_busy_all_the_time_does_not_end_the_job(
    server: ChaosServer, status: int
) -> None:
    job = begin(client_of(server), "$export")
    under(server, "status", path="/$export-status*", status=status, times=6)
    assert len(all_rows(job)) == 1200


@pytest.mark.parametrize("status", [400, 403, 500])
def test_a_failed_job_is_an_error_with_what_the_server_says(
    server: ChaosServer, status: int
) -> None:
    job = begin(client_of(server), "$export")
    under(server, "status", path="/$export-status*", status=status, times=0)
    with pytest.raises(Refused) as caught:
        job.wait(10)
    assert caught.value.status == status
    assert caught.value.outcome is not None


@pytest.mark.parametrize(
    "reply",
    [Reply(404, outcome("gone")), Reply(410), Reply(404, b"not here", {})],
    ids=["404", "410", "404 without an outcome"],
)
def test_a_job_that_is_forgotten_is_lost(server: ChaosServer, reply: Reply) -> None:
    job = begin(client_of(server), "$export")
    server.faults = Serving("/$export-status", reply)
    with pytest.raises(Lost):
        job.wait(10)


def test_a_token_is_renewed_while_we_wait(server: ChaosServer) -> None:
    from fhirkit.remote.authorization import Bearer
    from fhirkit.remote.secret import Secret

    policy = Policy(tries=2, first_wait=0.001)
    renewing = Bearer(Secret("old"), again=lambda: Secret("new"))
    transport = Transport(server.url, authorization=renewing, policy=policy)
    job = begin(Client(server.url, transport=transport), "$export")

    class Old:
        def serve(self, exchange: Any, target: str) -> bool:
            if exchange.headers.get("Authorization") == "Bearer new":
                return False
            exchange.send(Reply(401, outcome("who are you", code="login")))
            return True

    server.faults = Old()
    assert job.wait(10).output


# -- the manifest -----------------------------------------------------------------------------

GOOD: dict[str, Any] = {
    "transactionTime": "2026-01-01T00:00:00.123456789Z", "request": "x",
    "requiresAccessToken": False, "output": [{"type": "Patient", "url": "u", "count": 1}],
    "error": [],
}  # fmt: skip


def test_a_manifest_is_read() -> None:
    manifest = Manifest.of(GOOD, "x")
    assert manifest.output == (ExportFile("Patient", "u", 1),)
    assert manifest.deleted is None
    assert manifest.following is None
    told = Manifest.of({**GOOD, "deleted": [], "link": [], "extension": {"x": 1}}, "x")
    assert told.deleted == ()
    assert Manifest.of({**GOOD, "error": [{"url": "e"}]}, "x").errors[0].kind == "OperationOutcome"


@pytest.mark.parametrize(
    "change",
    [{"transactionTime": None}, {"transactionTime": "2026-01-01"}, {"transactionTime": "soon"},
     {"transactionTime": 1}, {"requiresAccessToken": "false"}, {"requiresAccessToken": None},
     {"output": None}, {"output": {}}, {"output": [1]}, {"output": [{"url": "u"}]},
     {"output": [{"type": "../x", "url": "u"}]}, {"output": [{"type": "Patient", "url": ""}]},
     {"output": [{"type": "Patient", "url": 1}]},
     {"output": [{"type": "Patient", "url": "u", "count": "1"}]},
     {"output": [{"type": "Patient", "url": "u", "count": True}]},
     {"output": [{"type": "Patient", "url": "u", "count": -1}]},
     {"error": "none"}, {"deleted": [None]}, {"link": "x"}, {"link": [{"relation": "next"}]}],
    ids=str,
)  # fmt: skip
def test_a_manifest_that_is_not_as_the_guide_says_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(BadAnswer, match="manifest"):
        Manifest.of({**GOOD, **change}, "x")
    with pytest.raises(BadAnswer):
        Manifest.of([GOOD], "x")


def test_the_parts_of_a_manifest_belong_together(server: ChaosServer) -> None:
    client = client_of(server)
    job = begin(client, "$export")
    first = job.wait(10)
    place = f"{server.url}/$part/2"
    two = {**GOOD, "transactionTime": first.moment}
    one = {**two, "link": [{"relation": "next", "url": place}]}
    server.faults = Serving("/$", Reply(200, one), Reply(200, two))
    assert len(job.wait(10).output) == 2
    server.faults = Serving("/$", Reply(200, one), Reply(200, {**GOOD, "output": []}))
    with pytest.raises(BadAnswer, match="different times"):
        job.wait(10)
    server.faults = Serving("/$", Reply(200, one))
    with pytest.raises(BadAnswer, match="circle"):
        job.wait(10)


@pytest.mark.parametrize("body", [b"", b"{}", b"<html>", b"[1]", b'{"resourceType":"Bundle"}'])
def test_an_answer_that_is_no_manifest_is_refused(server: ChaosServer, body: bytes) -> None:
    job = begin(client_of(server), "$export")
    server.faults = Serving("/$export-status", Reply(200, body))
    with pytest.raises(RemoteError):
        job.wait(10)


# -- the files --------------------------------------------------------------------------------


def manifest_of(*, needs_token: bool) -> Manifest:
    return Manifest("2026-01-01T00:00:00Z", needs_token, (), None, ())


def line(name: str, **more: Any) -> bytes:
    return json.dumps({"resourceType": "Patient", "id": name, **more}).encode() + b"\n"


def read(server: ChaosServer, *replies: Reply, count: int | None = None) -> list[str]:
    client = client_of(server)
    job = Job(client, f"{server.url}/$export-status/1")
    server.faults = Serving("/$files", *replies)
    manifest = manifest_of(needs_token=False)
    file = ExportFile("Patient", f"{server.url}/$files/1", count)
    return [row["id"] for rows in job.rows(file, manifest) for row in rows]


def test_lines_are_read_however_they_end(server: ChaosServer) -> None:
    assert read(server, Reply(200, line("a") + line("b")), count=2) == ["a", "b"]
    assert read(server, Reply(200, line("a") + line("b").strip()), count=2) == ["a", "b"]
    assert read(server, Reply(200, b"\r\n" + line("a") + b"\n  \n"), count=1) == ["a"]
    assert read(server, Reply(200, b""), count=0) == []
    packed = gzip.compress(line("a") * 3)
    assert read(server, Reply(200, packed, {"Content-Encoding": "gzip"})) == ["a"] * 3


@pytest.mark.parametrize(
    ("data", "count"),
    [
        (line("a") + line("b")[:-5], None),
        (line("a"), 2),
        (line("a") * 3, 2),
        (b"", 1),
        (b"null\n", None),
        (b"[]\n", None),
        (b'{"resourceType":"Observation","id":"x"}\n', None),
        (b'{"resourceType":"Patient"}\n', None),
        (line("a", meta={"tag": [{"code": "SUBSETTED"}]}), None),
        (b'{"resourceType":"Patient","id":"a","id":"b"}\n', None),
        (line("a", text="x" * 200_000), None),
        (b"<html>", None),
    ],
    ids=["cut line", "short", "long", "empty", "null", "list", "other type", "no id", "shortened",
         "a key twice", "a line without end", "a web page"],
)  # fmt: skip
def test_a_file_that_is_not_whole_is_lost_after_a_second_try(
    server: ChaosServer, data: bytes, count: int | None
) -> None:
    with pytest.raises(Lost):
        read(server, Reply(200, data), count=count)
    assert len(server.faults.shown) == 2  # type: ignore[union-attr]  # set by read


def test_a_second_try_may_bring_the_whole(server: ChaosServer) -> None:
    cut, whole = Reply(200, line("a")), Reply(200, line("a") + line("b"))
    assert read(server, cut, whole, count=2)[-2:] == ["a", "b"]


def test_a_file_whose_end_nothing_shows_is_not_believed(server: ChaosServer) -> None:
    class Unframed:
        def serve(self, exchange: Any, target: str) -> bool:
            if "$files" not in target:
                return False
            exchange.send_response(200)
            exchange.end_headers()
            exchange.wfile.write(line("a"))
            exchange.close_connection = True
            return True

    job = Job(client_of(server), f"{server.url}/$export-status/1")
    manifest = manifest_of(needs_token=False)
    server.faults = Unframed()
    with pytest.raises(Lost, match="end is not proven"):
        list(job.rows(ExportFile("Patient", f"{server.url}/$files/1", None), manifest))
    counted = ExportFile("Patient", f"{server.url}/$files/1", 1)
    assert len(next(job.rows(counted, manifest))) == 1


def test_empty_lines_for_ever_are_no_file(server: ChaosServer) -> None:
    with pytest.raises(Lost, match="empty lines"):
        read(server, Reply(200, line("a") + b"\n" * 2000))


def test_n08_a_file_that_drips_is_given_up(server: ChaosServer) -> None:
    policy = Policy(tries=1, first_wait=0.001, timeout=0.3)
    client = Client(server.url, transport=Transport(server.url, policy=policy))
    job = begin(client, "$export")
    manifest = job.wait(10)
    under(server, "drip", path="/$export-file*", times=0, seconds=0.05)
    began = time.monotonic()
    with pytest.raises(Unreachable, match=r"within 0\.3 s"):
        list(job.rows(manifest.output[0], manifest))
    assert time.monotonic() - began < 5


@given(data=st.binary(max_size=300), framed=st.booleans(), count=st.none() | st.integers(0, 3))
def test_any_bytes_are_resources_or_a_clean_error(
    data: bytes, framed: bool, count: int | None
) -> None:
    stream = Stream(iter([data[:7], data[7:]]), framed=framed)
    with suppress(BadAnswer):
        rows = resources_in(stream, "Patient", count, "x", longest=100, identified=True)
        for portion in rows:
            assert all(row["resourceType"] == "Patient" for row in portion)


@pytest.mark.parametrize("do", ["truncate", "drop-after"])
def test_a_connection_that_breaks_is_no_end(server: ChaosServer, do: str) -> None:
    server.behaviour = Behaviour(export_counts=False)
    job = begin(client_of(server), "$export")
    under(server, do, path="/$export-file*")
    assert len({row["id"] for row in all_rows(job)}) == 1200
    under(server, do, path="/$export-file*", times=0)
    with pytest.raises((Lost, RemoteError)):
        all_rows(job)


@pytest.mark.parametrize("status", [404, 410])
def test_an_expired_file_is_lost(server: ChaosServer, status: int) -> None:
    with pytest.raises(Lost):
        read(server, Reply(status))


def test_a_small_file_does_not_become_a_large_one(
    server: ChaosServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fhirkit.remote import streaming

    monkeypatch.setattr(streaming, "_SMALL", 1 << 20)
    bomb = gzip.compress(line("a", language="x" * 4000) * 2000)
    with pytest.raises(Lost, match="unpacks"):
        read(server, Reply(200, bomb, {"Content-Encoding": "gzip"}))


# -- whom we ask, and who sees the token -------------------------------------------------------


@pytest.fixture
def storage() -> Iterator[ChaosServer]:
    """Another host, with a file of an export."""
    other = ChaosServer()
    other.faults = Serving("/", Reply(200, line("a")))
    yield other
    other.close()


def fetched(job: Job, url: str, *, token: bool) -> list[dict[str, Any]]:
    manifest = manifest_of(needs_token=token)
    file = ExportFile("Patient", url, None)
    return [row for rows in job.rows(file, manifest) for row in rows]


def shown(server: ChaosServer) -> list[str | None]:
    """The Authorization of each request that came."""
    return [headers.get("Authorization") for headers in server.faults.shown]  # type: ignore[union-attr]  # a Serving


def job_of(server: ChaosServer, **more: Any) -> Job:
    return Job(client_of(server, token=TOKEN, **more), f"{server.url}/$export-status/1")


@pytest.mark.parametrize("token", [True, False])
def test_our_own_server_is_shown_the_token_where_it_asks_for_it(
    server: ChaosServer, token: bool
) -> None:
    server.faults = Serving("/$files", Reply(200, line("a")))
    assert len(fetched(job_of(server), f"{server.url}/$files/1", token=token)) == 1
    assert shown(server) == [f"Bearer {TOKEN}" if token else None]


@pytest.mark.parametrize("status", [401, 403])
def test_our_own_server_may_want_the_token_though_it_said_otherwise(
    server: ChaosServer, status: int
) -> None:
    class Wanting:
        def serve(self, exchange: Any, target: str) -> bool:
            if exchange.headers.get("Authorization") == f"Bearer {TOKEN}":
                exchange.send(Reply(200, line("a")))
            else:
                exchange.send(Reply(status, outcome("who are you", code="login")))
            return True

    server.faults = Wanting()
    assert len(fetched(job_of(server), f"{server.url}/$files/1", token=False)) == 1


def test_another_host_that_wants_a_token_gets_none(
    server: ChaosServer, storage: ChaosServer
) -> None:
    storage.faults = Serving("/", Reply(403))
    named = job_of(server, file_hosts=[f"127.0.0.1:{storage.port}"])
    with pytest.raises(Refused):
        fetched(named, f"{storage.url}/1", token=False)
    assert set(shown(storage)) == {None}


def test_another_host_is_not_asked_unless_it_is_named(
    server: ChaosServer, storage: ChaosServer
) -> None:
    with pytest.raises(Foreign, match="neither the server nor named"):
        fetched(job_of(server), f"{storage.url}/1", token=False)
    assert storage.log == []
    named = job_of(server, file_hosts=[f"127.0.0.1:{storage.port}"])
    assert len(fetched(named, f"{storage.url}/1", token=False)) == 1
    assert shown(storage) == [None]


def test_another_host_never_gets_the_token(server: ChaosServer, storage: ChaosServer) -> None:
    named = job_of(server, file_hosts=[f"127.0.0.1:{storage.port}"])
    with pytest.raises(Foreign, match="wants our token"):
        fetched(named, f"{storage.url}/1", token=True)
    assert storage.log == []


def test_a_redirect_goes_no_further_than_a_link(server: ChaosServer, storage: ChaosServer) -> None:
    moved = Reply(307, None, {"Location": f"{storage.url}/1?signature=x"})
    server.faults = Serving("/$files", moved)
    with pytest.raises(Foreign):
        fetched(job_of(server), f"{server.url}/$files/1", token=True)
    named = job_of(server, file_hosts=[f"127.0.0.1:{storage.port}"])
    assert len(fetched(named, f"{server.url}/$files/1", token=True)) == 1
    assert shown(storage) == [None]
    server.faults = Serving("/$files", Reply(302, None, {"Location": "1"}))
    with pytest.raises((BadAnswer, Lost)):
        fetched(job_of(server), f"{server.url}/$files/1", token=True)


@pytest.mark.parametrize(
    "url",
    ["file:///etc/passwd", "gopher://127.0.0.1/x", "http://169.254.169.254/latest",
     "http://[::1]/x", "http://0x7f.1/x", "https://files.example.evil.example/x",
     "https://files.example@evil.example/x", "http://files.example/x", "https://files.example./x",
     "https://files.example:444/x", "//evil.example/x", "http://[/", "https://user:x@files.example/x"],
)  # fmt: skip
def test_n3_n4_addresses_in_a_manifest_that_mean_another_host(
    server: ChaosServer, url: str
) -> None:
    with pytest.raises(FhirkitError) as caught:
        fetched(job_of(server, file_hosts=["files.example"]), url, token=False)
    assert "passwd" not in caught.value.message


def test_files_under_the_servers_own_idea_of_its_address_are_brought_home(
    server: ChaosServer,
) -> None:
    inside = "http://internal.example:8080"
    job = Job(client_of(server, token=TOKEN), f"{inside}/fhir/$export-status/1")
    server.faults = Serving("/$files", Reply(200, line("a")))
    assert len(fetched(job, f"{inside}/fhir/$files/1", token=True)) == 1
    assert shown(server) == [f"Bearer {TOKEN}"]
    with pytest.raises(Foreign):
        fetched(job, "http://other.example:8080/fhir/$files/1", token=True)


# -- what the server says is missing ----------------------------------------------------------


@pytest.mark.parametrize(
    ("severity", "holes"), [("error", True), ("fatal", True), ("warning", False),
                            ("information", False)],
)  # fmt: skip
def test_an_error_is_a_hole_and_a_warning_is_none(
    server: ChaosServer, severity: str, holes: bool
) -> None:
    job = begin(client_of(server), "$export")
    under(server, "export-errors", path="/$export-status*", severity=severity)
    manifest = job.wait(10)
    said = job.holes(manifest)
    assert bool(said) == holes
    assert "this was not exported" not in said, "the server's own words may name a record"


def test_errors_that_cannot_be_read_are_errors(server: ChaosServer) -> None:
    job = begin(client_of(server), "$export")
    under(server, "export-errors", path="/$export-status*", severity="information")
    manifest = job.wait(10)
    server.exports.jobs.clear()
    assert "unreadable" in job.holes(manifest)

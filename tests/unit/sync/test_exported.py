"""Bulk exports as the source of a pull: chosen, gone on with, proven, and cleared away."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fhirkit.chaos import Behaviour, ChaosServer
from fhirkit.chaos.reply import Reply, outcome
from fhirkit.chaos.schedule import schedule_of
from fhirkit.core.errors import Blocked, FhirkitError, Incomplete, UsageError
from fhirkit.remote import Client, Policy, Transport
from fhirkit.remote.capability import Capability
from fhirkit.remote.export import NotOffered
from fhirkit.sync.base import BaseStore
from fhirkit.sync.results import Report
from fhirkit.sync.selection import select_export
from fhirkit.sync.session import opened
from fhirkit.sync.source import Pick, Source
from fhirkit.sync.state import State
from fhirkit.sync.upkeep import opened_for_upkeep
from fhirkit.sync.worktree import WorkingTree

ONLY_EXPORT = {"system_history": False, "type_history": False}
EXPORT = Pick(Source.EXPORT, longest=10)
P7 = {"resourceType": "Patient", "id": "p7", "birthDate": "1980"}


@pytest.fixture
def server() -> Iterator[ChaosServer]:
    server = ChaosServer(Behaviour().changed(dict(ONLY_EXPORT)))
    for number in range(30):
        server.put({"resourceType": "Patient", "id": f"p{number}", "birthDate": "1970"})
        server.put({"resourceType": "Observation", "id": f"o{number}", "status": "final",
                    "subject": {"reference": f"Patient/p{number % 3}"}})  # fmt: skip
    yield server
    server.close()


@pytest.fixture
def tree(tmp_path: Path) -> WorkingTree:
    made, _ = WorkingTree.init(tmp_path / "tree")
    return made


def client_of(server: ChaosServer) -> Client:
    policy = Policy(tries=2, first_wait=0.001, longest_wait=0.02, timeout=10)
    return Client(server.url, transport=Transport(server.url, policy=policy))


def pull(tree: WorkingTree, server: ChaosServer, pick: Pick = EXPORT, **options: Any) -> Report:
    server.log.clear()
    with opened(tree, "origin", client_of(server)) as session:
        return session.pull(session.prepare_pull(pick=pick, **options))


def under(server: ChaosServer, do: str, /, **rule: Any) -> None:
    server.faults = schedule_of({"fault": [{"do": do, **rule}]})


def paths(server: ChaosServer, word: str) -> list[str]:
    return [one.target for one in server.log if word in one.target]


def kept(tree: WorkingTree) -> tuple[str | None, list[tuple[str, str, str | None]]]:
    """The watermark of everything, and the exports under way."""
    with State(tree.database) as state:
        store = BaseStore(state, "origin")
        return store.watermark("*"), store.exports()


def files(tree: WorkingTree) -> dict[str, Any]:
    return {
        f"{path.parent.name}/{path.stem}": json.loads(path.read_bytes())
        for path in tree.root.glob("[A-Z]*/*.json")
    }


def same(tree: WorkingTree, server: ChaosServer) -> bool:
    return files(tree) == server.state()


# -- which source -----------------------------------------------------------------------------


def test_where_there_is_no_history_an_export_is_made(
    tree: WorkingTree, server: ChaosServer
) -> None:
    assert pull(tree, server, Pick()).complete
    assert same(tree, server)
    assert len(paths(server, "/$export?")) == 1
    mark, exports = kept(tree)
    assert mark is not None
    assert exports == []
    assert server.exports.jobs == {}, "the job is ended at the server"


def test_where_there_is_a_history_it_is_better(tree: WorkingTree, server: ChaosServer) -> None:
    server.behaviour = Behaviour()
    for _ in range(2):
        assert pull(tree, server, Pick()).complete
        assert paths(server, "$export") == []
    assert len(paths(server, "_history")) == 1
    assert pull(tree, server).complete
    assert len(paths(server, "$export?")) == 1
    assert paths(server, "_history") == []


def test_what_was_asked_for_is_done_or_refused(tree: WorkingTree, server: ChaosServer) -> None:
    with pytest.raises(Blocked, match="no history"):
        pull(tree, server, Pick(Source.HISTORY))
    assert pull(tree, server, Pick(Source.SEARCH)).complete
    assert paths(server, "$export") == []
    server.behaviour = server.behaviour.changed({"export": False})
    with pytest.raises(NotOffered):
        pull(tree, server)
    with pytest.raises(UsageError):
        Pick(Source.SEARCH, group="g")
    with pytest.raises(UsageError):
        Pick(group="g", everyone=True)
    for group in ("../x", "", ".", "a/b", "a?b"):
        with pytest.raises(UsageError):
            print(Pick(group=group).path)


def test_an_export_that_is_offered_and_refused_is_done_without(
    tree: WorkingTree, server: ChaosServer
) -> None:
    under(server, "status", path="/$export*", status=403, times=0)
    report = pull(tree, server, Pick())
    assert report.complete
    assert same(tree, server)
    assert any("no export" in note for note in report.notes)


def test_only_the_types_asked_for(tree: WorkingTree, server: ChaosServer) -> None:
    assert pull(tree, server, types=["Patient"]).complete
    assert {key.partition("/")[0] for key in files(tree)} == {"Patient"}
    assert "_type=Patient" in paths(server, "$export?")[0]
    server.delete("Patient/p3")
    assert pull(tree, server, types=["Patient"]).complete
    assert "_since=" in paths(server, "$export?")[0]
    assert "Patient/p3" not in files(tree)


# -- what changed since -----------------------------------------------------------------------


@pytest.mark.parametrize("deleted", [True, False], ids=["deletions told", "deletions not told"])
@pytest.mark.parametrize("counts", [True, False], ids=["counts told", "counts not told"])
def test_changes_and_deletions_come(
    tree: WorkingTree, server: ChaosServer, *, deleted: bool, counts: bool
) -> None:
    server.behaviour = server.behaviour.changed(
        {"export_deleted": deleted, "export_counts": counts}
    )
    assert pull(tree, server).complete
    server.put(P7)
    server.put({"resourceType": "Basic", "id": "b"})
    server.delete("Patient/p9")
    report = pull(tree, server)
    assert report.complete
    assert same(tree, server)
    assert report.count() == {"unchanged": 58, "written": 2, "discarded": 1}
    asked = paths(server, "/$export?")
    assert "_since=" in asked[0]
    assert len(asked) == (1 if deleted else 2), "what is not told is found by a whole export"
    assert pull(tree, server).count() == {"unchanged": 60}
    assert len(paths(server, "/$export?")) == 1


def test_a_server_that_knows_no_since_is_asked_for_everything(
    tree: WorkingTree, server: ChaosServer
) -> None:
    assert pull(tree, server).complete
    server.put(P7)
    server.delete("Patient/p9")
    under(server, "status", path="/$export[?]*_since=*", status=400, times=0)
    assert pull(tree, server).complete
    assert same(tree, server)


def test_an_outcome_among_the_resources_is_no_resource(
    tree: WorkingTree, server: ChaosServer
) -> None:
    class Mixed:
        def serve(self, exchange: Any, target: str) -> bool:
            if exchange.method == "POST" or "$export-status" not in target:
                return False
            said = outcome("this was not exported")
            server.exports.add("output", "OperationOutcome", [said])
            return False

    server.faults = Mixed()
    with pytest.raises(FhirkitError) as caught:
        pull(tree, server)
    assert caught.value.exit_code in (3, 5)
    assert files(tree) == {}


def test_a_deletion_that_is_none_is_not_believed(tree: WorkingTree, server: ChaosServer) -> None:
    assert pull(tree, server).complete
    under(server, "export-false-deletions", path="/$export-status*")
    assert pull(tree, server).complete
    assert same(tree, server)


def test_what_an_export_lacks_is_not_taken_for_deleted(
    tree: WorkingTree, server: ChaosServer
) -> None:
    assert pull(tree, server).complete
    with State(tree.database) as state:
        state.change("DELETE FROM watermark")
    server.behaviour = server.behaviour.changed({"export_counts": False})
    under(server, "export-fewer-lines", path="/$export-status*", times=0)
    with pytest.raises(Incomplete, match="did not come"):
        pull(tree, server)
    assert same(tree, server)


# -- proof ------------------------------------------------------------------------------------


@pytest.mark.parametrize("counts", [True, False], ids=["counts told", "counts not told"])
@pytest.mark.parametrize(
    "fault",
    ["export-half-lines", "export-fewer-lines", "export-mixed-lines", "export-no-files",
     "export-forgotten", "export-odd-manifest"],
)  # fmt: skip
def test_what_is_damaged_for_good_is_never_taken_for_whole(
    tree: WorkingTree, server: ChaosServer, fault: str, *, counts: bool
) -> None:
    server.behaviour = server.behaviour.changed({"export_counts": counts})
    under(server, fault, path="/$export-status*", times=0)
    with pytest.raises(FhirkitError) as caught:
        pull(tree, server)
    assert caught.value.exit_code in (3, 5)
    assert files(tree) == {}
    assert kept(tree) == (None, [])
    assert server.exports.jobs == {}
    server.faults = None
    assert pull(tree, server).complete
    assert same(tree, server)


@pytest.mark.parametrize("fault", ["export-half-lines", "export-no-files", "export-forgotten"])
def test_what_is_lost_once_is_exported_again(
    tree: WorkingTree, server: ChaosServer, fault: str
) -> None:
    under(server, fault, path="/$export-status*", nth=2)
    assert pull(tree, server).complete
    assert same(tree, server)
    assert len(paths(server, "/$export?")) == 2


def test_lines_that_come_twice_do_no_harm(tree: WorkingTree, server: ChaosServer) -> None:
    server.behaviour = server.behaviour.changed({"export_counts": False})
    under(server, "export-double-lines", path="/$export-status*", nth=2)
    report = pull(tree, server)
    assert report.complete
    assert report.count() == {"written": 60}


def test_an_error_in_the_export_leaves_the_run_incomplete(
    tree: WorkingTree, server: ChaosServer
) -> None:
    assert pull(tree, server).complete
    before, _ = kept(tree)
    server.put(P7)
    server.delete("Patient/p9")
    under(server, "export-errors", path="/$export-status*", nth=2)
    report = pull(tree, server)
    assert not report.complete
    assert report.incomplete
    assert any("not whole" in note for note in report.notes)
    assert files(tree)["Patient/p7"]["birthDate"] == "1980", "what came is taken"
    assert kept(tree)[0] == before, "and the next run asks for the same again"
    server.faults = None
    assert pull(tree, server).complete
    assert same(tree, server)


def test_a_row_that_became_visible_late_is_in_the_next_export(
    tree: WorkingTree, server: ChaosServer
) -> None:
    assert pull(tree, server).complete
    late = {"resourceType": "Patient", "id": "late"}
    server.store.write("Patient/late", late, "PUT", at=server.store.now() - 100)
    assert pull(tree, server).complete
    assert same(tree, server)


def test_another_server_is_noticed_before_anything_is_kept(
    tree: WorkingTree, server: ChaosServer
) -> None:
    assert pull(tree, server).complete
    server.store.empty()
    server.put({"resourceType": "Patient", "id": "stranger"})
    with pytest.raises(Blocked):
        pull(tree, server)
    with State(tree.database) as state:
        assert BaseStore(state, "origin").tracked() == {}


# -- jobs that survive us ---------------------------------------------------------------------


class Killed(BaseException):
    """What kill -9 is to this process: nothing is tidied up after it."""


def test_a_killed_pull_goes_on_with_its_job(
    tree: WorkingTree, server: ChaosServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fhirkit.remote.export import Job

    def killed(*_: Any) -> Any:
        raise Killed

    for name in ("wait", "rows", "cancel"):
        with monkeypatch.context() as patch:
            patch.setattr(Job, name, killed)
            with pytest.raises(Killed):
                pull(tree, server)
        assert len(kept(tree)[1]) == 1
    assert server.exports.begun == 1
    assert pull(tree, server).complete
    assert server.exports.begun == 2, "the mark had moved, so what changed since is another one"
    assert same(tree, server)
    assert kept(tree)[1] == []
    assert server.exports.jobs == {}


def test_an_export_that_takes_long_is_taken_up_again(
    tree: WorkingTree, server: ChaosServer
) -> None:
    server.behaviour = server.behaviour.changed({"export_pending": 100_000})
    with pytest.raises(Incomplete, match="not finished"):
        pull(tree, server, Pick(Source.EXPORT, longest=0.05))
    (job,) = server.exports.jobs.values()
    job.pending = 0
    server.behaviour = server.behaviour.changed({"export_pending": 0})
    server.put(P7)
    assert pull(tree, server).complete
    (since,) = paths(server, "/$export?")
    assert "_since=" in since, "the first is gone on with, and what came later is asked for"
    assert same(tree, server)


def test_a_job_that_is_gone_meanwhile_is_begun_again(
    tree: WorkingTree, server: ChaosServer
) -> None:
    server.behaviour = server.behaviour.changed({"export_pending": 100_000})
    with pytest.raises(Incomplete):
        pull(tree, server, Pick(Source.EXPORT, longest=0.05))
    server.restart()
    server.behaviour = server.behaviour.changed({"export_pending": 0})
    assert pull(tree, server).complete
    assert server.exports.begun == 2


def test_a_job_that_nobody_will_ask_for_is_ended(tree: WorkingTree, server: ChaosServer) -> None:
    server.behaviour = server.behaviour.changed({"export_pending": 100_000})
    with pytest.raises(Incomplete):
        pull(tree, server, Pick(Source.EXPORT, longest=0.05))
    server.behaviour = server.behaviour.changed({"export_pending": 0})
    assert pull(tree, server, types=["Patient"]).complete
    assert server.exports.jobs == {}


def test_abort_ends_the_job(tree: WorkingTree, server: ChaosServer) -> None:
    server.behaviour = server.behaviour.changed({"export_pending": 100_000})
    with pytest.raises(Incomplete):
        pull(tree, server, Pick(Source.EXPORT, longest=0.05))
    with opened_for_upkeep(tree, "origin", client_of(server)) as session:
        assert session.abort() == (0, 0, 1)
    assert server.exports.jobs == {}
    assert kept(tree)[1] == []


def test_a_failed_job_is_not_gone_on_with(tree: WorkingTree, server: ChaosServer) -> None:
    class Failing:
        def serve(self, exchange: Any, target: str) -> bool:
            if exchange.method != "GET" or "$export-status" not in target:
                return False
            exchange.send(Reply(500, outcome("out of memory", code="exception")))
            return True

    server.faults = Failing()
    with pytest.raises(FhirkitError) as caught:
        pull(tree, server)
    assert caught.value.exit_code == 5
    assert kept(tree)[1] == []
    assert server.exports.jobs == {}


def test_a_connection_that_breaks_leaves_the_job_for_the_next_run(
    tree: WorkingTree, server: ChaosServer
) -> None:
    under(server, "drop-before", path="/$export-file*", times=0)
    with pytest.raises(FhirkitError):
        pull(tree, server)
    assert len(kept(tree)[1]) == 1
    server.faults = None
    assert pull(tree, server).complete
    assert server.exports.begun == 2
    assert "_since=" in paths(server, "/$export?")[0]


# -- some patients, and no tree ---------------------------------------------------------------


def test_a_groups_records(tree: WorkingTree, server: ChaosServer) -> None:
    server.put({"resourceType": "Group", "id": "g", "type": "person", "actual": True,
                "member": [{"entity": {"reference": "Patient/p1"}}]})  # fmt: skip
    report = pull(tree, server, Pick(group="g", longest=10))
    assert report.complete
    assert sorted(files(tree))[:2] == ["Group/g", "Observation/o1"]
    assert len(files(tree)) == 12
    assert kept(tree)[0] is None, "some patients' records are not everything"
    server.delete("Observation/o4")
    again = pull(tree, server, Pick(group="g", longest=10))
    assert any("does not show" in note for note in again.notes)
    with pytest.raises(NotOffered):
        pull(tree, server, Pick(group="none", longest=10))


def test_all_patients_records(tree: WorkingTree, server: ChaosServer) -> None:
    server.put({"resourceType": "Organization", "id": "o"})
    assert pull(tree, server, Pick(everyone=True, longest=10)).complete
    assert len(files(tree)) == 60


def test_without_a_tree_the_job_ends_with_us(server: ChaosServer) -> None:
    client = client_of(server)
    found = select_export(client, EXPORT, ["Patient"])
    assert len(found.resources) == 30
    assert server.exports.jobs == {}
    under(server, "export-no-files", path="/$export-status*")
    with pytest.raises(Incomplete):
        select_export(client, EXPORT, None)
    assert server.exports.jobs == {}
    under(server, "export-errors", path="/$export-status*")
    with pytest.raises(Incomplete, match="not whole"):
        select_export(client, EXPORT, None)
    assert server.exports.jobs == {}


# -- files that are not there -----------------------------------------------------------------


def without_patients(server: ChaosServer, *, listed: bool) -> None:
    """The export's file of patients is empty, or not even in the manifest."""
    real = server.exports.begin

    def begin(*args: Any, **kwargs: Any) -> Any:
        made = real(*args, **kwargs)
        for job in server.exports.jobs.values():
            output = job.manifest["output"]
            for file in [one for one in output if one["type"] == "Patient"]:
                job.files[file["url"].rpartition("/")[2]] = b""
                if not listed:
                    output.remove(file)
        return made

    server.exports.begin = begin  # type: ignore[method-assign]


@pytest.mark.parametrize("listed", [True, False])
@pytest.mark.parametrize("types", [None, ["Patient", "Observation"]])
def test_a_type_that_is_not_in_a_first_export_is_missed(
    tree: WorkingTree, server: ChaosServer, types: list[str] | None, *, listed: bool
) -> None:
    server.behaviour = server.behaviour.changed({"export_counts": False})
    without_patients(server, listed=listed)
    with pytest.raises(Incomplete, match="30 Patient on the server did not come"):
        pull(tree, server, types=types)


def test_where_nothing_is_counted_by_time_what_an_export_lacks_is_read(
    tree: WorkingTree, server: ChaosServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Capability, "searches", lambda *_: False)
    server.behaviour = server.behaviour.changed({"export_counts": False})
    without_patients(server, listed=True)
    assert pull(tree, server).complete
    assert same(tree, server)


@pytest.mark.parametrize(
    "fault",
    [
        {"do": "status", "status": 500, "path": "/$export?*", "times": 0},
        {"do": "status", "status": 202, "path": "/$export?*", "times": 0},
        {"do": "export-odd-manifest", "member": "transactionTime", "path": "/$export-status*",
         "times": 0},
    ],
    ids=["fails inside", "says not where", "manifest cannot be read"],
)  # fmt: skip
def test_an_export_that_was_not_asked_for_and_cannot_be_made_is_replaced_by_searches(
    tree: WorkingTree, server: ChaosServer, fault: dict[str, Any]
) -> None:
    server.faults = schedule_of({"fault": [fault]})
    report = pull(tree, server, Pick())
    assert report.complete
    assert same(tree, server)
    assert any("searched, since there is no export" in note for note in report.notes)
    with pytest.raises(FhirkitError):
        pull(tree, server)

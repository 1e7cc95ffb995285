"""Every command of a working tree: --json everywhere, and --dry-run that writes nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from fake_server import FakeServer
from harness import Run, read, write

from fhirkit.cli.main import cli

#: What issue and docs/sync.md promise. A command is ``READS`` when it writes neither file, state,
#: configuration nor server, except for what it noted of earlier writes of ours.
READS = {"status", "diff", "verify", "log", "trash", "remote list"}
WRITES = {
    "clone", "init", "remote add", "remote remove", "remote reset", "remote probe", "add", "rm",
    "fetch", "pull", "push", "sync", "resolve", "adopt", "resume", "abort", "trash restore",
    "trash empty",
}  # fmt: skip


def commands() -> Iterator[tuple[str, click.Command]]:
    context = click.Context(cli)
    for name in {words.split()[0] for words in READS | WRITES}:
        command = cli.get_command(context, name)
        assert command is not None, name
        inner = command.commands.items() if isinstance(command, click.Group) else ()
        yield from ((f"{name} {word}", one) for word, one in inner)
        if not inner or getattr(command, "invoke_without_command", False):
            yield name, command


ALL = dict(sorted(commands()))


def test_no_command_is_forgotten() -> None:
    assert set(ALL) == READS | WRITES


@pytest.mark.parametrize("words", ALL)
def test_each_has_the_options_and_says_what_each_of_them_is_for(words: str) -> None:
    options = {
        text: one for one in ALL[words].params if isinstance(one, click.Option) for text in one.opts
    }
    assert "--json" in options
    assert ("--dry-run" in options) is (words in WRITES)
    assert ("-n" in options) is (words in WRITES)
    assert [text for text, one in options.items() if not one.help] == []
    assert ALL[words].help


# -- and --dry-run is no promise only -----------------------------------------------------------


@pytest.fixture
def busy_tree(tree: Path, server: FakeServer, fhirkit: Run) -> Path:
    """Edits here and there, a conflict, a twin to adopt, something in the trash."""
    identifier = {"identifier": [{"system": "https://ids.example", "value": "1"}]}
    assert fhirkit("push").code == 0
    assert fhirkit("rm", "Provenance/v").code == 0
    write(tree, read(tree, "Patient/p") | {"birthDate": "1980"})
    server.put(server.state()["Patient/p"] | {"birthDate": "1981"})
    server.put(server.state()["Observation/x"] | {"status": "amended"})
    write(tree, {"resourceType": "Organization", "id": "mine", **identifier})
    server.put({"resourceType": "Organization", "id": "theirs", **identifier})
    assert fhirkit("fetch").code == 0
    case = {"resourceType": "Bundle", "type": "collection",
            "entry": [{"resource": {"resourceType": "Device", "id": "d"}}]}  # fmt: skip
    (tree / "case.json").write_text(json.dumps(case))
    return tree


GIVEN = {
    "clone": ("URL", "copy"), "init": ("copy",), "remote add": ("other", "URL"),
    "remote remove": ("origin",), "remote reset": ("origin",), "remote probe": (),
    "add": ("case.json",), "rm": ("Observation/x",), "resolve": ("Patient/p", "--theirs"),
    "adopt": ("Organization/mine", "Organization/theirs"), "trash restore": ("Provenance/v",),
    "trash empty": (), "push": ("--delete",), "sync": ("--delete",),
}  # fmt: skip


def everything(tree: Path) -> dict[str, bytes]:
    """Every file but the database, whose file changes with a look."""
    return {
        str(path.relative_to(tree)): path.read_bytes()
        for path in sorted(tree.rglob("*"))
        if path.is_file() and not path.name.startswith(("state.db", "lock"))
    }


def logged(fhirkit: Run) -> list[str]:
    """All runs, and every operation of the latest."""
    runs = fhirkit("log", "--json")
    return [runs.out, fhirkit("log", str(runs.json[0]["run"]), "--json").out]


@pytest.mark.parametrize("words", sorted(WRITES))
def test_a_dry_run_writes_nothing_and_the_real_one_does(
    words: str, busy_tree: Path, server: FakeServer, fhirkit: Run
) -> None:
    if words in ("resume", "abort"):
        _interrupt(busy_tree, server, fhirkit)
    given = [server.url if one == "URL" else one for one in GIVEN.get(words, ())]
    status, log = fhirkit("status", "--json").out, logged(fhirkit)
    files, held, versions = everything(busy_tree), server.state(), server.version_count()
    requests = len(server.log)
    ran = fhirkit(*words.split(), *given, "--dry-run", "--json")
    assert ran.code in (0, 4), ran
    json.loads(ran.out)
    assert everything(busy_tree) == files
    assert (server.state(), server.version_count()) == (held, versions)
    assert {one.method for one in server.log[requests:]} <= {"GET"}
    if words not in ("pull", "sync"):  # they look first, and what they learn is kept
        assert fhirkit("status", "--json").out == status
    assert logged(fhirkit) == log
    assert not (busy_tree / "copy").exists()
    if words == "remote probe":
        return  # the small server here does not know all that it would try
    ran = fhirkit(*words.split(), *given, "--json")
    assert ran.code in (0, 4), ran
    json.loads(ran.out)
    changed = [
        everything(busy_tree) != files,
        server.version_count() != versions,
        fhirkit("status", "--json").out != status,
        logged(fhirkit) != log,
    ] if words != "remote remove" else [everything(busy_tree) != files]  # fmt: skip
    # What a fetch would learn is known here already.
    assert any(changed) or words == "fetch"


def _interrupt(tree: Path, server: FakeServer, fhirkit: Run) -> None:
    """A push that ends before its writes are sent: they stay planned."""
    from faults import Fault, drop_before
    from harness import under

    under(server, Fault("always reset", drop_before, "POST", times=0))
    assert fhirkit("push").code == 5
    under(server)


@pytest.mark.parametrize("words", sorted(READS))
def test_what_only_reads_says_it_in_json(words: str, busy_tree: Path, fhirkit: Run) -> None:
    files = everything(busy_tree)
    ran = fhirkit(*words.split(), "--json")
    assert ran.code in (0, 1, 3, 4), ran
    json.loads(ran.out)
    assert everything(busy_tree) == files


def test_a_dry_fetch_forgets_what_it_learned(
    busy_tree: Path, server: FakeServer, fhirkit: Run
) -> None:
    before = fhirkit("status", "--json").out
    server.put(server.state()["Organization/o"] | {"name": "Theirs"})
    ran = fhirkit("fetch", "--dry-run", "--json")
    assert "Organization/o" in [one["resource"] for one in ran.json["changed"]]
    assert fhirkit("status", "--json").out == before
    assert "Organization/o" in fhirkit("fetch", "--json").out
    assert fhirkit("status", "--json").out != before


def test_a_late_commit_setting_is_kept_within_bounds(
    tree: Path, server: FakeServer, fhirkit: Run
) -> None:
    for wrong in ("29", "3601", "nan", "x"):
        assert fhirkit("remote", "add", "slow", server.url, "--late-commit", wrong).code == 2
    assert fhirkit("remote", "add", "slow", server.url, "--late-commit", "300").code == 0
    found = {one["name"]: one["late_commit"] for one in fhirkit("remote", "list", "--json").json}
    assert found == {"origin": 150, "slow": 300}
    config = tree / ".fhirkit/config.toml"
    assert "late_commit = 300" in config.read_text()
    config.write_text(config.read_text().replace("late_commit = 300", "late_commit = 1"))
    ran = fhirkit("push", "slow")
    assert ran.code == 2, "a setting by hand is held to the same bounds"
    assert "30 to 3600 seconds" in ran.err

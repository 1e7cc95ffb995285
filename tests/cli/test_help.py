"""--help: every command has all its parts, and its examples are run."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tarfile  # noqa: TID251  # makes a package
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from fhirkit.chaos import ChaosServer
from fhirkit.cli.main import COMMANDS, cli
from fhirkit.cli.manualpages import Page, pages

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
#: A line of a panel at 80 columns.
WIDEST = 74


def every_command() -> Iterator[tuple[str, click.Context, click.Command]]:
    """The name without ``fhirkit``, context and command of each, groups and what is in them."""
    root = click.Context(cli, info_name="fhirkit")
    pending = [(name, root, cli.get_command(root, name)) for name in COMMANDS]
    while pending:
        path, context, command = pending.pop(0)
        assert command is not None
        yield path, context, command
        if isinstance(command, click.Group):
            inner = click.Context(command, info_name=path, parent=context)
            pending += [(f"{path} {name}", inner, one) for name, one in command.commands.items()]


NAMED = {path: (context, command) for path, context, command in every_command()}
EXAMPLES = [(path, one.line) for path, page in pages().items() for one in page.examples]
#: Examples that are not run here, only read: what runs the like of them.
_REGISTRY = "--registry https://packages.example.org"
READ_ONLY = {
    "fhirkit server start": "tests/server",
    "fhirkit server start --port 0 --memory": "tests/server",
    "fhirkit chaos --profile hapi --load records/": "tests/unit/chaos",
    "fhirkit chaos --schedule faults.toml --dump after.json": "tests/unit/chaos",
    "fhirkit validate --fhir-version R5 records/": "tests/unit/validate",
    f"fhirkit package add made.up@1.0.0 {_REGISTRY}": "tests/unit/remote",
    f"fhirkit package lock --upgrade {_REGISTRY}": "tests/unit/remote",
}


def test_the_manual_is_about_the_commands_there_are() -> None:
    assert set(pages()) == set(NAMED)


@pytest.mark.parametrize("path", NAMED)
def test_a_command_has_all_parts(path: str) -> None:
    _, command = NAMED[path]
    page = pages()[path]
    assert command.help, "what it does"
    assert page.examples
    assert page.see
    if not isinstance(command, click.Group) or command.invoke_without_command:
        assert 0 in page.codes
    arguments = {
        (param.metavar or (param.name or "").upper()).strip("[].")
        for param in command.params
        if isinstance(param, click.Argument)
    }
    assert set(page.arguments) == arguments
    for text in (
        *page.arguments.values(),
        *page.exits.values(),
        *(x.meaning for x in page.examples),
    ):
        assert re.match(r"[A-Z.`-].*[.)]$", text), text
    for name in page.see:
        known = (ROOT / name).is_file() if name.startswith("docs/") else name[8:] in NAMED
        assert known, name
    assert all(len(line) <= WIDEST for one in page.examples for line in one.line.splitlines())


@pytest.mark.parametrize("path", NAMED)
def test_every_option_says_what_it_does_with_default_and_unit(path: str) -> None:
    context, command = NAMED[path]
    for param in command.params:
        if not isinstance(param, click.Option):
            continue
        assert param.help, param.opts
        assert param.help.rstrip().endswith((".", "]", ")")), param.help
        _, shown = param.get_help_record(context) or ("", "")
        if (
            not param.is_flag
            and not param.multiple
            and param.default not in (None, "")
            and (isinstance(param.default, (str, int, float)))
        ):
            assert "default" in shown.casefold(), f"{param.opts}: its default is not told"
        if isinstance(param.type, (click.types.IntParamType, click.types.FloatParamType)):
            assert param.metavar in ("N", "SECONDS", "PORT"), f"{param.opts}: of what?"


@pytest.mark.parametrize("path", ["validate", "package add", "remote add", "trash", "server"])
def test_the_help_shows_the_parts_in_order(path: str) -> None:
    output = CliRunner().invoke(cli, [*path.split(), "--help"], env={"COLUMNS": "80"}).output
    page = pages()[path]
    parts = ["Usage:", "Options", "Examples", "See also:"]
    if page.arguments:
        parts.insert(1, "Arguments")
    if page.exits:
        parts.insert(-2, "Exit codes")
    places = [output.index(part) for part in parts]
    assert places == sorted(places)
    for one in page.examples:
        assert one.line.splitlines()[0] in output, "it can be copied"


def test_the_options_of_validate_are_in_parts() -> None:
    output = CliRunner().invoke(cli, ["validate", "--help"], env={"COLUMNS": "120"}).output
    parts = [
        "Definitions to check by",
        "What is looked at, and how strictly",
        "Which issues count",
        "The report",
    ]
    places = [output.index(part) for part in parts]
    assert places == sorted(places)


@pytest.mark.parametrize("line", READ_ONLY)
def test_examples_that_are_not_run_are_accepted(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "records").mkdir()
    assert line in {one for _, one in EXAMPLES}
    assert (ROOT / READ_ONLY[line]).exists()
    path = max((path for path in NAMED if line.startswith(f"fhirkit {path} ")), key=len)
    context, command = NAMED[path]
    words = shlex.split(line)[1 + len(path.split()) :]
    command.make_context(path.split()[-1], words, parent=context)


def archive(folder: Path, name: str) -> bytes:
    manifest = json.dumps({"name": name, "version": "1.0.0", "fhirVersions": ["4.0.1"]}).encode()
    written = BytesIO()
    with tarfile.open(fileobj=written, mode="w:gz") as made:
        member = tarfile.TarInfo("package/package.json")
        member.size = len(manifest)
        made.addfile(member, BytesIO(manifest))
    (folder / f"{name}-1.0.0.tgz").write_bytes(written.getvalue())
    return manifest


class World:
    """A folder with all that the examples speak of: files, a working tree, a server."""

    def __init__(self, folder: Path, server: ChaosServer) -> None:
        self._folder = folder
        self._server = server
        for name in ("case.yaml", "report.md"):
            shutil.copy(ROOT / "tests/golden/convert/wheeze" / name, folder)
        anna = {"resourceType": "Patient", "id": "anna", "gender": "female"}
        bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [
            {"resource": {"resourceType": "Patient", "id": "carl"},
             "request": {"method": "PUT", "url": "Patient/carl"}}]}  # fmt: skip
        self.write("records/anna.json", anna)
        self.write("records/bert.json", anna | {"id": "bert"})
        (folder / "records/all.ndjson").write_text(json.dumps(anna) + "\n")
        self.write("report.json", anna | {"gender": "male"})
        self.write("bundle.json", bundle)
        self.write("summary.json", anna)
        (folder / "key.pem").write_text("made up")
        (folder / "key.pem").chmod(0o600)
        manifest = archive(folder, "made.up")
        for name in ("made.up#1.0.0", "hl7.fhir.uv.ips#2.0.0"):
            package = folder / "cache" / name / "package"
            package.mkdir(parents=True)
            said = json.loads(manifest)
            said["name"], said["version"] = name.split("#")
            (package / "package.json").write_text(json.dumps(said))

    def write(self, name: str, resource: object) -> None:
        path = self._folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(resource))

    def git(self) -> None:
        """A repository with the records, as of a commit; and a lock file."""
        author = "-c user.name=x -c user.email=x@example.org"
        self.run(f"git init -q . && git add records && git {author} commit -qm x")
        self.run("fhirkit package add made.up-1.0.0.tgz")

    def tree(self) -> None:
        """A working tree with conflicts, a full trash, and something new on either side."""
        self.run("fhirkit init && fhirkit remote add test https://fhir.example.org/r4")
        self.run("fhirkit add records/anna.json records/bert.json && fhirkit push")
        for name in ("anna", "bert"):
            patient = {"resourceType": "Patient", "id": name, "gender": "other"}
            self._server.put(patient)
            self.write(f"Patient/{name}.json", patient | {"gender": "male"})
        self.write("Patient/gone.json", {"resourceType": "Patient", "id": "gone"})
        self.run("fhirkit rm Patient/gone")
        self._server.put({"resourceType": "Patient", "id": "there"})
        self.write("Patient/new.json", {"resourceType": "Patient", "id": "new"})
        self.run("fhirkit fetch")

    def run(self, line: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-c", line.replace("https://fhir.example.org/r4", self._server.url)],
            cwd=self._folder, capture_output=True, text=True, check=False, timeout=60,
            stdin=subprocess.DEVNULL, env={
                **os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
                "FHIRKIT_PACKAGE_CACHE": str(self._folder / "cache"), "NO_COLOR": "1",
                "XDG_DATA_HOME": str(self._folder / "data"), "WARD_TOKEN": "made-up",
            },
        )  # fmt: skip


#: Commands whose examples need a repository; all others but the first need a working tree.
BARE = {"init", "clone", "convert", "view", "explain", "doctor", "lsp", "completion", "chaos"}
IN_GIT = {"validate", "baseline"} | {path for path in NAMED if path.startswith("package")}


@pytest.mark.slow
@pytest.mark.parametrize("path", [path for path, page in pages().items() if page.examples])
def test_examples_do_what_the_help_says(path: str, tmp_path: Path) -> None:
    """In turn, as somebody would try them; each ends with a code that the help explains."""
    server = ChaosServer()
    try:
        world = World(tmp_path, server)
        if path in IN_GIT:
            world.git()
        elif path not in BARE and not path.startswith("server"):
            world.tree()
        for one in pages()[path].examples:
            if one.line in READ_ONLY:
                continue
            done = world.run(one.line)
            named = re.match(r"fhirkit ((?:\w+ )?\w+)", one.line)
            assert named is not None
            told: Page = pages().get(named[1]) or pages()[named[1].split()[0]]
            shown = f"{one.line}\n{done.stdout[-500:]}\n{done.stderr[-800:]}"
            assert str(done.returncode) in told.exits or (
                done.returncode == 0 and not told.exits
            ), shown
    finally:
        server.close()

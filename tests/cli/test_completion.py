"""Shell completion: real bash, zsh and fish are typed at, and complete what they should."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

BIN = Path(sys.executable).parent
#: Set in CI: a missing shell is a failure there.
REQUIRED = "FHIRKIT_REQUIRE_SHELLS"

#: Typed → what the line is after Tab. A blank behind a value says that it was the only one.
LINES = {
    "fhirkit va": "fhirkit validate ",
    "fhirkit package rem": "fhirkit package remove ",
    "fhirkit validate --fail": "fhirkit validate --fail-on ",
    "fhirkit validate --fail-on w": "fhirkit validate --fail-on warning ",
    "fhirkit validate --fail-on=w": "fhirkit validate --fail-on=warning ",
    "fhirkit validate --format js": "fhirkit validate --format json ",
    "fhirkit validate rec": "fhirkit validate records/",
    "fhirkit validate records/a": "fhirkit validate records/anna.json ",
    "fhirkit validate -o rep": "fhirkit validate -o report.json ",
    "fhirkit validate --output=rep": "fhirkit validate --output=report.json ",
    "fhirkit validate --config fhirk": "fhirkit validate --config fhirkit.toml ",
    "fhirkit explain primitive-da": "fhirkit explain primitive-date ",
    "fhirkit explain primitive-date case-wh": "fhirkit explain primitive-date case-why ",
    "fhirkit validate --ignore suppression-u": "fhirkit validate --ignore suppression-unused ",
    "fhirkit validate --fhir-version R4": "fhirkit validate --fhir-version R4",
    "fhirkit validate --fhir-version R5": "fhirkit validate --fhir-version R5 ",
    "fhirkit package remove made": "fhirkit package remove made.up@1.0.0 ",
    "fhirkit validate --package made": "fhirkit validate --package made.up@1.0.0 ",
    "fhirkit validate --profile http://example.org/fhir/StructureDefinition/bl":
        "fhirkit validate --profile http://example.org/fhir/StructureDefinition/blood ",
    "fhirkit validate --profile=http://example.org/fhir/StructureDefinition/bl":
        "fhirkit validate --profile=http://example.org/fhir/StructureDefinition/blood ",
    "fhirkit validate --profile http://hl7.org/fhir/StructureDefinition/vitalsi":
        "fhirkit validate --profile http://hl7.org/fhir/StructureDefinition/vitalsigns ",
    "fhirkit status t": "fhirkit status test ",
    "fhirkit pull --remote t": "fhirkit pull --remote test ",
    "fhirkit push t": "fhirkit push test ",
    "fhirkit push repo": "fhirkit push report.json ",
    "fhirkit diff Patient/an": "fhirkit diff Patient/anna ",
    "fhirkit fetch --type Pati": "fhirkit fetch --type Patient ",
    "fhirkit convert case.yaml --as-of foll": "fhirkit convert case.yaml --as-of follow-up ",
    "fhirkit push --token-env FHIRKIT_MADE": "fhirkit push --token-env FHIRKIT_MADE_UP_TOKEN ",
    "fhirkit completion z": "fhirkit completion zsh ",
    "ls | fhirkit va": "ls | fhirkit validate ",
    "fhirkit validate nowh": "fhirkit validate nowh",
    "fhirkit nonsense --a": "fhirkit nonsense --a",
}  # fmt: skip


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one of everything that completes."""
    folder = tmp_path_factory.mktemp("completion")
    for name in ("records/anna.json", "Patient/anna.json", "report.json"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text('{"resourceType": "Patient", "id": "anna"}')
    (folder / "fhirkit.toml").write_text('packages = ["made.up@1.0.0"]\n')
    (folder / "case.yaml").write_text(
        "fhirkit: case/1\ntimeline:\n  visit: 2022-02\n  follow-up: visit + 4 wk\n"
    )
    (folder / ".fhirkit").mkdir()
    (folder / ".fhirkit/config.toml").write_text('[remotes.test]\nurl = "http://127.0.0.1:9/r4"\n')
    package = folder / "cache/made.up#1.0.0/package"
    package.mkdir(parents=True)
    row = {
        "resourceType": "StructureDefinition", "filename": "blood.json", "type": "Observation",
        "url": "http://example.org/fhir/StructureDefinition/blood",
    }  # fmt: skip
    (package / ".index.json").write_text(json.dumps({"index-version": 2, "files": [row]}))
    return folder


def environment(world: Path) -> dict[str, str]:
    path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    own = {
        "PATH": path, "HOME": str(world), "TERM": "dumb", "PS1": "", "LC_ALL": "C.UTF-8",
        "FHIRKIT_PACKAGE_CACHE": str(world / "cache"), "FHIRKIT_MADE_UP_TOKEN": "x",
    }  # fmt: skip
    return {name: os.environ[name] for name in ("TMPDIR",) if name in os.environ} | own


def required(shell: str) -> str:
    found = shutil.which(shell)
    if found is None:
        reason = f"{shell} is not installed"
        if os.environ.get(REQUIRED):
            pytest.fail(f"{reason}, and {REQUIRED} is set")
        pytest.skip(reason)
    return found


class Terminal:
    """A shell at a terminal. What it has made of a line is read from the line itself."""

    def __init__(self, command: list[str], folder: Path, setup: str, show: str) -> None:
        self._pid, self._terminal = pty.fork()
        if self._pid == 0:  # pragma: no cover  # the shell
            os.chdir(folder)
            os.execve(command[0], command, environment(folder))  # noqa: S606  # no shell in between
        self.typed(f"{setup}\n echo rea''dy\n")
        self._until("ready")
        self._show = show

    def completed(self, line: str) -> str:
        """The line after Tab."""
        self.typed(f"{line}\t{self._show}")
        found = re.search(r"<<(.*?)>>", self._until(">>"), re.DOTALL)
        assert found is not None
        return found[1]

    def typed(self, text: str) -> None:
        os.write(self._terminal, text.encode())

    def _until(self, end: str) -> str:
        seen, deadline = "", time.monotonic() + 30
        while end not in seen and time.monotonic() < deadline:
            if select.select([self._terminal], [], [], 0.5)[0]:
                seen += os.read(self._terminal, 65536).decode(errors="replace")
        assert end in seen, seen
        return seen

    def close(self) -> None:
        os.close(self._terminal)
        os.kill(self._pid, 9)
        os.waitpid(self._pid, 0)


def start_bash(world: Path) -> Terminal:
    # Ctrl-X Ctrl-E shows the line that there is now, and empties it.
    setup = (
        'bind "set bell-style none"; bind "set completion-query-items 0"; '
        'bind "set enable-bracketed-paste off"; '
        'eval "$(fhirkit completion bash)"; '
        '_shown() { printf "<<%s>>" "$READLINE_LINE"; READLINE_LINE=; }; '
        "bind -x '\"\\C-x\\C-e\": _shown'"
    )
    return Terminal([required("bash"), "--norc", "--noprofile", "-i"], world, setup, "\x18\x05")


def start_zsh(world: Path) -> Terminal:
    setup = (
        "autoload -U compinit && compinit -u -d .zcompdump; LISTMAX=9999; unsetopt beep; "
        'eval "$(fhirkit completion zsh)"; '
        '_shown() { printf "<<%s>>" "$BUFFER"; BUFFER=; }; zle -N _shown; '
        "bindkey '^X^E' _shown"
    )
    return Terminal([required("zsh"), "-f", "-i"], world, setup, "\x18\x05")


@pytest.fixture(scope="module", params=["bash", "zsh"])
def terminal(request: pytest.FixtureRequest, world: Path) -> Iterator[Terminal]:
    start: dict[str, Callable[[Path], Terminal]] = {"bash": start_bash, "zsh": start_zsh}
    started = start[request.param](world)
    yield started
    started.close()


@pytest.mark.parametrize("line", LINES)
def test_the_tab_key_completes(terminal: Terminal, line: str) -> None:
    assert terminal.completed(line) == LINES[line]


def fish(world: Path, line: str) -> list[str]:
    """What fish offers for the last word of a line."""
    script = f'fhirkit completion fish | source; complete -C "{line}"'
    done = subprocess.run(
        [required("fish"), "--no-config", "-c", script],
        cwd=world, env=environment(world), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stderr == ""
    return [row.partition("\t")[0] for row in done.stdout.splitlines()]


@pytest.mark.parametrize("line", LINES)
def test_fish_completes(world: Path, line: str) -> None:
    wanted = LINES[line].rpartition(" ")[2] or LINES[line].split()[-1]
    offered = fish(world, line)
    if LINES[line] == line:
        assert len(offered) != 1
    else:
        assert offered == [wanted]


def test_fish_shows_whole_descriptions(world: Path) -> None:
    script = "fhirkit completion fish | source; complete -C 'fhirkit validate --watc'"
    done = subprocess.run(
        [required("fish"), "--no-config", "-c", script],
        cwd=world, env=environment(world), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout == "--watch\tCheck again whatever changes, until interrupted.\n"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_what_the_help_says_installs_it(world: Path, shell: str, tmp_path: Path) -> None:
    """The lines of --help are typed into a fresh home, and a new shell completes."""
    program = required(shell)
    told = subprocess.run(
        [BIN / "fhirkit", "completion", "--help"],
        env=environment(world) | {"COLUMNS": "200"}, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    (line,) = [row.split(None, 1)[1] for row in told.splitlines() if row.split()[:1] == [shell]]
    (tmp_path / ".config/fish/completions").mkdir(parents=True)
    (tmp_path / ".zshrc").write_text("autoload -U compinit && compinit -u\n")
    home = environment(world) | {"HOME": str(tmp_path)}
    subprocess.run([program, "-c", line], env=home, cwd=tmp_path, check=True)
    asked = {
        "bash": ["-i", "-c", "complete -p fhirkit"],
        "zsh": ["-i", "-c", "print $_comps[fhirkit]"],
        "fish": ["-c", "complete -C 'fhirkit va'"],
    }[shell]
    done = subprocess.run(
        [program, *asked], env=home, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert ("validate" if shell == "fish" else "_fhirkit_completion") in done.stdout, done.stderr

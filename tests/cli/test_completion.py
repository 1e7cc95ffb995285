"""Shell completion: what the shells ask gets its answer, and bash really completes with it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

BIN = Path(sys.executable).parent
ENVIRONMENT = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}


def script(shell: str) -> str:
    done = subprocess.run(
        [BIN / "fhirkit", "completion", shell],
        env=ENVIRONMENT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout


def bash(folder: Path, *words: str) -> list[str]:
    """What bash offers when the last of these words is being typed."""
    (folder / "completion.bash").write_text(script("bash"))
    typed = " ".join(f"'{word}'" for word in ("fhirkit", *words))
    lines = [
        "source completion.bash", f"COMP_WORDS=({typed})", f"COMP_CWORD={len(words)}",
        "_fhirkit_completion fhirkit", 'printf "%s\\n" "${COMPREPLY[@]}"',
    ]  # fmt: skip
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-c", "\n".join(lines)],
        cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stderr == ""
    return done.stdout.split()


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["va"], ["validate"]),
        (["validate", "--fail"], ["--fail-on"]),
        (["validate", "--fail-on", "w"], ["warning"]),
        (["validate", "--format", "js"], ["json"]),
        (["explain", "primitive-da"], ["primitive-date"]),
        (["explain", "case-wh"], ["case-why"]),
        (["package", "rem"], ["remove"]),
        (["completion", "z"], ["zsh"]),
        (["nonsense"], []),
    ],
)
def test_bash_completes(tmp_path: Path, words: list[str], offered: list[str]) -> None:
    assert bash(tmp_path, *words) == offered


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_the_other_shells_get_their_answers(shell: str) -> None:
    answers = {
        "zsh": {"COMP_WORDS": "fhirkit val", "COMP_CWORD": "1"},
        "fish": {"COMP_WORDS": "fhirkit", "COMP_CWORD": "val"},
    }
    done = subprocess.run(
        [BIN / "fhirkit"], env=ENVIRONMENT | answers[shell] | {
            "_FHIRKIT_COMPLETE": f"{shell}_complete"
        }, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "validate" in done.stdout
    assert "_FHIRKIT_COMPLETE" in script(shell)
    if shutil.which(shell):
        checked = subprocess.run([shell, "-n"], input=script(shell), text=True, check=False)
        assert checked.returncode == 0

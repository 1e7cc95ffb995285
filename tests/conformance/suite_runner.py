"""HL7's validator suite: fetch it, run a validator over it in a process of its own, count.

Called by ``scripts/conformance``. Three columns: validity (any error, yes or no), places (the
multiset of error expressions, to the letter) and codes (expressions with their issue types). A run
that crashes, hangs or cannot be loaded is wrong in all three.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import shutil
import subprocess
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fhirkit import FhirkitError, Outcome

ARTEFACT = "org.hl7.fhir.testcases:fhir-test-cases:1.7.69"
SHA256 = "827a559099ae3297c3f96ab5749b419a24600d74b6a09e23620881a9c17df741"
ROOT_IN_JAR = "org/hl7/fhir/testcases"
HERE = Path(__file__).parent
RUNS = HERE / "runs.ndjson"
SCORE = HERE / "score.json"
#: Modules that hold no R4 resources; they count in "all" but not in "core".
NOT_CORE = frozenset({"cdshooks", "shc", "json5", "dsig", "logical"})
COLUMNS = ("validity", "places", "codes")
TROUBLES = ("crash", "hang", "not-run")
TIMEOUT = 30.0

#: A run and the folder of the suite in, an outcome out.
Adapter = Callable[[dict[str, Any], Path], Outcome]


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one run. ``trouble`` is empty, or one of ``TROUBLES``."""

    run: dict[str, Any]
    valid: bool | None = None
    errors: tuple[tuple[str, str], ...] = ()
    trouble: str = ""
    detail: str = ""

    @property
    def id(self) -> str:
        """Names the run in the score."""
        return run_id(self.run)

    def right(self, column: str) -> bool:
        """Whether the outcome is the expected one, as this column looks at it."""
        if self.trouble:
            return False
        if column == "validity":
            return self.valid == self.run["valid"]
        wanted = [(e["expression"], e["code"]) for e in self.run["errors"]]
        if column == "places":
            return Counter(e for e, _ in wanted) == Counter(e for e, _ in self.errors)
        return Counter(wanted) == Counter(self.errors)


def run_id(run: dict[str, Any]) -> str:
    """Name, kind and file of a run: together they are unique."""
    return f"{run['name']} {run['run']} {run['file']}"


def read_runs(path: Path = RUNS) -> list[dict[str, Any]]:
    """The list of runs, one JSON object a line."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]


def results(
    runs: Iterable[dict[str, Any]], adapter: Adapter, root: Path, *, timeout: float = TIMEOUT
) -> Iterator[Result]:
    """The result of every run. The adapter works in another process, which may hang or die."""
    worker = _Worker(adapter, root)
    try:
        for run in runs:
            yield worker.ask(run, timeout)
    finally:
        worker.stop()


class _Worker:
    """The process that validates; started again after it hung or died."""

    def __init__(self, adapter: Adapter, root: Path) -> None:
        self._arguments = (adapter, root)
        self._process: Any = None
        self._pipe: Any = None

    def ask(self, run: dict[str, Any], timeout: float) -> Result:
        """The result of one run."""
        if self._process is None:
            self._start()
        try:
            self._pipe.send(run)
            if self._pipe.poll(timeout):
                return Result(run, **self._pipe.recv())
            self.stop()
            return Result(run, trouble="hang", detail=f"no answer in {timeout:g} s")
        except (EOFError, OSError):
            self.stop()
            return Result(run, trouble="crash", detail="the process died")

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_work, args=(theirs, *self._arguments), daemon=True)
        self._process.start()
        theirs.close()
        self._pipe.recv()  # it says when it is ready: starting is no part of the time allowed

    def stop(self) -> None:
        """End the process."""
        if self._process is not None:
            self._pipe.close()
            self._process.kill()
            self._process.join()
            self._process = None


def _work(pipe: Any, adapter: Adapter, root: Path) -> None:
    pipe.send("ready")
    while True:
        try:
            run = pipe.recv()
        except EOFError:
            return
        pipe.send(_answer(run, adapter, root))


def _answer(run: dict[str, Any], adapter: Adapter, root: Path) -> dict[str, Any]:
    try:
        outcome = adapter(run, root)
    except FhirkitError as problem:
        return {"trouble": "not-run", "detail": str(problem)}
    except Exception as problem:  # noqa: BLE001  # a crash is a result here
        return {"trouble": "crash", "detail": f"{type(problem).__name__}: {problem}"}
    errors = tuple((issue.expression, issue.issue_type) for issue in outcome.errors)
    messages = [f"{i.severity} {i.rule} {i.expression}: {i.message}" for i in outcome]
    return {"valid": outcome.valid, "errors": errors, "detail": "\n".join(messages)}


def score_of(found: Iterable[Result]) -> dict[str, Any]:
    """What is written down: totals, and the ids of the runs that are wrong, by column."""
    found = list(found)
    score: dict[str, Any] = {"suite": ARTEFACT, "sha256": SHA256}
    groups = {"core": [r for r in found if r.run["module"] not in NOT_CORE], "all": found}
    for name, group in groups.items():
        score[name] = {"runs": len(group)}
        score[name] |= {c: sum(r.right(c) for r in group) for c in COLUMNS}
        score[name] |= {t: sum(r.trouble == t for r in group) for t in TROUBLES}
    score["modules"] = {}
    for module in sorted({r.run["module"] for r in found}):
        group = [r for r in found if r.run["module"] == module]
        score["modules"][module] = {"runs": len(group)}
        score["modules"][module] |= {c: sum(r.right(c) for r in group) for c in COLUMNS}
    score["failing"] = {c: sorted(r.id for r in found if not r.right(c)) for c in COLUMNS}
    return score


def compare(known: dict[str, Any], now: dict[str, Any]) -> dict[str, list[str]]:
    """Differences from the score that is written down: ids that fell, and ids that rose."""
    fell, rose = [], []
    for column in COLUMNS:
        before, after = set(known["failing"][column]), set(now["failing"][column])
        fell.extend(f"{column}: {name}" for name in sorted(after - before))
        rose.extend(f"{column}: {name}" for name in sorted(before - after))
    return {"fell": fell, "rose": rose}


def table(score: dict[str, Any]) -> str:
    """The score as lines to print."""
    lines = [f"{'':6}{'runs':>6}" + "".join(f"{c:>16}" for c in COLUMNS)
             + "".join(f"{t:>9}" for t in TROUBLES)]  # fmt: skip
    for name in ("core", "all"):
        row, runs = score[name], score[name]["runs"]
        cells = (f"{row[c]:>9} {row[c] / runs if runs else 0:>6.3f}" for c in COLUMNS)
        lines.append(
            f"{name:6}{runs:>6}" + "".join(cells) + "".join(f"{row[t]:>9}" for t in TROUBLES)
        )
    return "\n".join(lines)


def cache_folder() -> Path:
    """Where the suite is kept once fetched."""
    from platformdirs import user_cache_path

    return user_cache_path("fhirkit") / "conformance"


def find() -> Path | None:
    """The folder of the suite that holds ``validator/``, where it is on this machine, else None.

    FHIR_TEST_CASES names it where somebody has unpacked it already.
    """
    known = os.environ.get("FHIR_TEST_CASES")
    folder = Path(known) if known else cache_folder() / "fhir-test-cases-1.7.69" / ROOT_IN_JAR
    return folder if (folder / "validator").is_dir() else None


def fetch() -> Path:
    """The folder of the suite; fetched by Maven and unpacked when it is not here."""
    present = find()
    if present is not None:
        return present
    cache = cache_folder()
    jar = cache / "fhir-test-cases-1.7.69.jar"
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as fresh:
        if not jar.is_file():
            subprocess.run(
                ["mvn", "-q", "-B", "dependency:copy", f"-Dartifact={ARTEFACT}",
                 f"-DoutputDirectory={fresh}"],
                check=True,
            )  # fmt: skip
            (Path(fresh) / jar.name).replace(jar)
        found = hashlib.sha256(jar.read_bytes()).hexdigest()
        if found != SHA256:
            jar.unlink()
            raise SystemExit(f"{ARTEFACT} has another content than expected: sha256 {found}")
        # The content is pinned by its hash, so nothing in it can point outside the folder.
        shutil.unpack_archive(jar, Path(fresh) / "unpacked", "zip")
        (Path(fresh) / "unpacked").replace(cache / "fhir-test-cases-1.7.69")
    return cache / "fhir-test-cases-1.7.69" / ROOT_IN_JAR

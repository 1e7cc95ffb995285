"""Other tools on the same server and faults: what they leave behind, counted.

Each is installed from the package index into an environment of its own and used as its own
documentation says; a run that fails is run again, as its user would, three times at most.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from world import mark_of, marked

from fhirkit.chaos import Behaviour, ChaosServer
from fhirkit.chaos.schedule import schedule_of

_KINDLING = """
import json, sys
from fhir_kindling import FhirServer
what, url, place = sys.argv[1:4]
server = FhirServer(api_address=url)
if what == "push":
    server.add_all(json.load(open(place)))
elif what == "move":
    source = FhirServer(api_address=sys.argv[4])
    found = source.query("Encounter").all()
    source.transfer(server, found)
else:
    found = server.query("Observation").all()
    json.dump([one.id for one in found.resources], open(place, "w"))
"""
_FHIRPY = """
import json, sys
from fhirpy import SyncFHIRClient
what, url, place = sys.argv[1:4]
client = SyncFHIRClient(url)
if what == "push":
    for one in json.load(open(place)):
        kind = one.pop("resourceType")
        client.resource(kind, **one).save()
else:
    json.dump([one.id for one in client.resources("Observation").fetch_all()], open(place, "w"))
"""
_SMART_FETCH = """
import json, pathlib, subprocess, sys
what, url, place = sys.argv[1:4]
tool = str(pathlib.Path(sys.executable).parent / "smart-fetch")
kind = "bulk" if what == "export" else "crawl"
folder = place + ".d"
words = [tool, kind, "--fhir-url", url, "--type", "Patient,Observation", "--no-compression", folder]
if kind == "crawl":
    words[2:2] = ["--id-list", "p", "--no-default-filters"]
done = subprocess.run(words, stdin=subprocess.DEVNULL)
found = []
for path in pathlib.Path(folder).rglob("Observation*.ndjson"):
    found += [json.loads(line)["id"] for line in path.read_text().splitlines() if line.strip()]
json.dump(found, open(place, "w"))
sys.exit(done.returncode)
"""
_FHIRKIT = """
import json, pathlib, subprocess, sys
what, url, place = sys.argv[1:4]
folder = pathlib.Path(place + ".d")
folder.mkdir(exist_ok=True)
def run(*words):
    command = [sys.executable, "-m", "fhirkit.cli.main", *words]
    return subprocess.run(command, cwd=folder, capture_output=True).returncode
if not (folder / ".fhirkit").exists():
    run("init"); run("remote", "add", "origin", url)
    if what == "push":
        for one in json.load(open(place)):
            path = folder / one["resourceType"] / (one["id"] + ".json")
            path.parent.mkdir(exist_ok=True); path.write_text(json.dumps(one))
code = run("push" if what == "push" else "pull")
if what != "push":
    json.dump([path.stem for path in folder.glob("Observation/*.json")], open(place, "w"))
sys.exit(code)
"""
TOOLS = {"fhirkit": _FHIRKIT, "fhir-kindling": _KINDLING, "fhirpy": _FHIRPY,
         "smart-fetch": _SMART_FETCH}  # fmt: skip
#: fhir-kindling 1.0.3 does not start with the httpx that pip would choose for it.
_WITH = {"fhir-kindling": ("httpx<0.28",)}


@dataclass(frozen=True)
class Scene:
    """One fault, what is done under it, and the tools that can do that."""

    row: str
    fault: str
    what: str
    rule: dict[str, Any]
    tools: tuple[str, ...]


PUSHERS = ("fhirkit", "fhir-kindling", "fhirpy")
PULLERS = ("fhirkit", "fhir-kindling", "fhirpy", "smart-fetch")
SCENES = (
    Scene("–", "none (upload)", "push", {}, PUSHERS),
    Scene("–", "none (download)", "pull", {}, PULLERS),
    Scene("F2", "the answer is lost after the commit", "push",
          {"do": "drop-after", "method": "P*"}, PUSHERS),
    Scene("F2", "504 after the commit", "push",
          {"do": "status", "status": 504, "commit": True, "method": "P*"}, PUSHERS),
    Scene("F5", "503, Retry-After 1 (upload)", "push",
          {"do": "status", "status": 503, "retry_after": 1, "method": "P*"}, PUSHERS),
    Scene("F5", "503, Retry-After 1 (download)", "pull",
          {"do": "status", "status": 503, "retry_after": 1, "method": "GET", "nth": 3}, PULLERS),
    Scene("F8", "the search is forgotten before page 2", "pull",
          {"do": "status", "status": 410, "path": "*_getpages*"}, PULLERS),
    Scene("F8", "a page has no next link, the total says more", "pull",
          {"do": "next-link-missing", "path": "/Observation*"}, PULLERS),
    Scene("F14", "export files are cut in half", "export",
          {"do": "export-half-lines", "path": "/$export-status*", "nth": 2}, ("smart-fetch",)),
    Scene("F12", "a circle: Encounter ↔ Condition", "circle", {}, PUSHERS),
)  # fmt: skip


def run_rivals(told: Callable[[str], None]) -> list[dict[str, Any]]:
    """Every scene with every tool; the environments are made in `FHIRKIT_RIVALS` or thrown away."""
    kept = os.environ.get("FHIRKIT_RIVALS")
    with tempfile.TemporaryDirectory(prefix="fhirkit-rivals-") as temporary:
        pythons, versions = {}, {}
        for tool in TOOLS:
            pythons[tool], versions[tool] = _environment(tool, Path(kept or temporary))
        found = []
        for scene in SCENES:
            for tool in scene.tools:
                result = _scene(scene, tool, pythons[tool])
                told(f"{scene.row} {scene.fault}: {tool}: {result}")
                name = f"{tool} {versions[tool]}".strip()
                found.append(
                    {"row": scene.row, "fault": scene.fault, "tool": name, "result": result}
                )
        return found


def _environment(tool: str, folder: Path) -> tuple[str, str]:
    if tool == "fhirkit":
        return sys.executable, ""
    place = folder / tool
    python = place / "bin/python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(place)], check=True)
        wanted = [tool, *_WITH.get(tool, ())]
        subprocess.run([str(python), "-m", "pip", "install", "-q", *wanted], check=True)
    ask = f"import importlib.metadata as m; print(m.version({tool!r}))"
    done = subprocess.run([str(python), "-c", ask], check=True, capture_output=True, text=True)
    return str(python), done.stdout.strip()


def _resources(scene: Scene) -> list[dict[str, Any]]:
    about = {"subject": {"reference": "Patient/p"}}
    if scene.what == "circle":
        return [
            marked({"resourceType": "Patient", "id": "p"}),
            marked({"resourceType": "Encounter", "id": "e", "status": "finished",
                    "class": {"code": "AMB"}, **about,
                    "diagnosis": [{"condition": {"reference": "Condition/c"}}]}),
            marked({"resourceType": "Condition", "id": "c", **about,
                    "encounter": {"reference": "Encounter/e"}}),
        ]  # fmt: skip
    if scene.what == "push":
        # Without references, so that no tool is judged here by the order in which it sends.
        return [marked({"resourceType": "Patient", "id": f"p{number}"}) for number in range(6)]
    observations = [
        marked({"resourceType": "Observation", "id": f"o{number}", "status": "final",
                "code": {"text": "x"}, **about})
        for number in range(45)
    ]  # fmt: skip
    return [marked({"resourceType": "Patient", "id": "p"}), *observations]


def _scene(scene: Scene, tool: str, python: str) -> str:
    server = ChaosServer(Behaviour(page_size=20, most_page=20))
    resources = _resources(scene)
    pushes = scene.what in ("push", "circle")
    with tempfile.TemporaryDirectory(prefix="fhirkit-scene-") as folder:
        try:
            driver = Path(folder) / "driver.py"
            driver.write_text(TOOLS[tool])
            place = Path(folder) / "data.json"
            if pushes:
                place.write_text(json.dumps(resources))
            else:
                for one in resources:
                    server.put(one)
            faults = _Methods(scene.rule) if scene.rule else None
            server.faults = faults
            what = "push" if pushes else scene.what
            codes = []
            for _ in range(3):
                words = [python, str(driver), what, server.url, str(place)]
                try:
                    done = subprocess.run(
                        words, cwd=folder, capture_output=True, timeout=120, check=False
                    )
                    codes.append(done.returncode)
                except subprocess.TimeoutExpired:
                    codes.append(-9)
                if codes[-1] == 0:
                    break
            if faults is not None and faults.unmet:
                return "the fault met no request of this tool"
            if pushes:
                return _judge_push(server, resources, codes)
            return _judge_pull(place, resources, codes)
        finally:
            server.close()


class _Methods:
    """A schedule whose method may be a pattern."""

    def __init__(self, rule: dict[str, Any]) -> None:
        rule = dict(rule)
        self.method = rule.pop("method", "*")
        self.schedule = schedule_of({"fault": [rule]})

    @property
    def unmet(self) -> list[str]:
        """As a schedule says it."""
        return self.schedule.unmet

    def serve(self, exchange: Any, target: str) -> bool:
        good = exchange.method.startswith(self.method.rstrip("*"))
        return good and self.schedule.serve(exchange, target)


def _runs(codes: list[int]) -> str:
    if codes == [0]:
        return "done at once"
    if codes[-1] == 0:
        return f"failed, run again, done at the {len(codes)}. time"
    return f"never done ({len(codes)} runs)"


def _judge_push(server: ChaosServer, resources: list[dict[str, Any]], codes: list[int]) -> str:
    made: dict[str, set[str]] = {}
    for version in server.store.log:
        mark = mark_of(version.resource or {})
        if mark:
            made.setdefault(mark, set()).add(version.key)
    doubled = sum(len(keys) > 1 for keys in made.values())
    lacking = len(resources) - len(made)
    said = _runs(codes)
    if doubled:
        said += f"; **{doubled} of {len(resources)} twice on the server**"
    if lacking:
        said += (
            f"; {'**' if codes[-1] == 0 else ''}{lacking} missing{'**' if codes[-1] == 0 else ''}"
        )
    return said if doubled or lacking else f"{said}; each once"


def _judge_pull(place: Path, resources: list[dict[str, Any]], codes: list[int]) -> str:
    wanted = {one["id"] for one in resources if one["resourceType"] == "Observation"}
    try:
        found = json.loads(place.read_text()) if place.exists() else []
    except ValueError:
        found = []
    lacking, double = len(wanted - set(found)), len(found) - len(set(found))
    said = _runs(codes)
    if lacking and codes[-1] == 0:
        return f"{said}; **says it is done with {len(wanted) - lacking} of {len(wanted)}**"
    if lacking:
        return f"{said}; has {len(wanted) - lacking} of {len(wanted)}, and says that it failed"
    return f"{said}; all {len(wanted)}{f', {double} of them twice' if double else ''}"

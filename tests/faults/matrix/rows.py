"""The rows F1 to F18: the stories that are told under each fault, and at which boundaries.

A case makes a world, runs one command under a fault at its n-th boundary, then without it until
it is done, and asks the invariants. `None` as the outcome says that boundary n was not reached.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from invariants import (
    ended,
    incomplete_pull,
    incomplete_push,
    rewritten,
    violations,
)
from world import TOKEN, KillAtRequest, Meanwhile, Runner, World, marked, sample

from fhirkit.chaos import PROFILES, Behaviour
from fhirkit.chaos.interactions import targets
from fhirkit.chaos.reply import Reply, outcome
from fhirkit.chaos.schedule import schedule_of

Command = tuple[str, ...]
PUSH: Command = ("push",)
DELETE: Command = ("push", "--delete")
PULL: Command = ("pull",)
SYNC: Command = ("sync",)


@dataclass(frozen=True)
class Story:
    """A world before the command, and what it has to be after it ended with 0."""

    name: str
    command: Command
    prepare: Callable[[World], None]
    check: Callable[[World], list[str]]


def observation(name: str) -> dict[str, Any]:
    """A small resource about the patient."""
    return marked({"resourceType": "Observation", "id": name, "status": "final",
                   "code": {"text": name}, "subject": {"reference": "Patient/p"}})  # fmt: skip


def _sample(world: World) -> list[dict[str, Any]]:
    """The sample; without its circles for a server that takes one resource at a time."""
    behaviour = world.server.behaviour
    if behaviour.transactions not in ("refused", "unsaid"):
        return sample()
    # A reference to itself is one where the server gives the id.
    circles = {"diagnosis"} | ({"hasMember"} if behaviour.client_ids == "refused" else set())
    return [{name: one[name] for name in one if name not in circles} for one in sample()]


def _first(world: World) -> None:
    world.write(*_sample(world))


def _pushed(world: World) -> None:
    world.write(*_sample(world))
    assert world.run(*PUSH).code == 0


def _edited(world: World) -> None:
    _pushed(world)
    world.edit("Patient/p", birthDate="1980")
    world.edit("Observation/x", code={"text": "body weight"})
    world.edit("Encounter/e", status="cancelled")
    world.write(observation("new"))


def _removed(world: World) -> None:
    _pushed(world)
    world.remove("Observation/y", "Observation/x", "MedicationStatement/m")
    world.may_delete = 3


def _served(world: World) -> None:
    for resource in sample():
        world.server.put(resource)
    for number in range(30):
        world.server.put(observation(f"n{number}"))


def _changed_there(world: World) -> None:
    _served(world)
    assert world.run(*PULL).code == 0
    for key in ("Patient/p", "Observation/n7"):
        now = world.server.store.read(key) or {}
        world.server.put({**now, "language": "theirs-1"})
    world.server.delete("Observation/n9")
    world.foreign_deleted.add("Observation/n9")
    world.server.put(observation("late"))


def _much_changed_there(world: World) -> None:
    """More than a page of changes, new ones and deletions."""
    _served(world)
    assert world.run(*PULL).code == 0
    for number in range(12):
        now = world.server.store.read(f"Observation/n{number}") or {}
        world.server.put({**now, "language": "theirs-1"})
        world.server.put(observation(f"late{number}"))
    for key in ("Observation/n20", "Observation/n21", "Observation/n22"):
        world.server.delete(key)
        world.foreign_deleted.add(key)


def _both_changed(world: World) -> None:
    _pushed(world)
    world.edit("Patient/p", birthDate="1980")
    world.edit("Observation/x", code={"text": "body weight"})
    world.write(observation("new"))
    world.other("Patient/p", language="theirs-1")
    world.other("Condition/c", language="theirs-2")
    world.server.put(observation("late"))


CREATE = Story("first push", PUSH, _first, incomplete_push)
UPDATE = Story("push of changes", PUSH, _edited, incomplete_push)
REMOVE = Story(
    "push of deletions", DELETE, _removed, lambda world: incomplete_push(world, deletes=True)
)
FETCH = Story("first pull", PULL, _served, incomplete_pull)
REFRESH = Story("pull of changes", PULL, _changed_there, incomplete_pull)
MANY = Story("pull of many changes", PULL, _much_changed_there, incomplete_pull)
BOTH = Story("sync of changes on both sides", SYNC, _both_changed, incomplete_pull)
PUSHES = (CREATE, UPDATE, REMOVE)
PULLS = (FETCH, REFRESH)


#: Takes few entries at a time, so that a push has many boundaries.
SMALL = Behaviour(most_entries=3)
#: Takes no transactions, and says so or does not.
ALONE = {
    "no transactions": Behaviour(transactions="refused"),
    "no transactions, and ids of its own": PROFILES["own-ids"].changed({"transactions": "refused"}),
}
UNSAID = Behaviour(transactions="unsaid")


@dataclass(frozen=True)
class Case:
    """One fault in one story. `at(world, n)` sets the fault up for the n-th boundary and says
    which hook the command gets; `met()` tells afterwards whether it struck."""

    row: str
    name: str
    story: Story
    fault: Callable[[World, int], Fault]
    behaviour: Behaviour = field(default_factory=Behaviour)
    once: bool = False
    codes: tuple[int, ...] = (0,)
    judge: Callable[[World], list[str]] | None = None
    after: Callable[[World], None] | None = None
    #: One side changes while the command runs, so that only a later run can bring both together.
    moving: bool = False

    @property
    def title(self) -> str:
        """As it stands in the table."""
        return f"{self.story.name}: {self.name}"


@dataclass
class Fault:
    """A fault that was set up: the hook for the command, and whether it struck."""

    struck: Callable[[], bool]
    hook: dict[str, Any] | None = None
    stays: bool = False


def run_case(case: Case, number: int, folder: Path, runner: Runner) -> list[str] | None:
    """What is wrong after the case at its n-th boundary; None when there is no such boundary."""
    world = World(folder, runner, case.behaviour.changed({}))
    try:
        case.story.prepare(world)
        fault = case.fault(world, number)
        first = world.run(*case.story.command, hook=fault.hook)
        if not fault.struck():
            return None
        found: list[str] = []
        if first.code == 0 and case.codes == (0,) and not case.moving:
            found += case.story.check(world)
        if not fault.stays:
            world.server.faults = None
        if case.after is not None:
            case.after(world)
        last = first
        for _ in range(4):
            if last.code in case.codes and last is not first:
                break
            last = world.run(*case.story.command)
        found += ended(last, *case.codes)
        if last.code == 0:
            found += case.story.check(world)
            found += rewritten(world, *case.story.command)
            found += ended(world.run("verify"), 0)
        if case.judge is not None:
            found += case.judge(world)
        return sorted({*found, *violations(world)})
    finally:
        world.close()


def by_schedule(
    do: str, /, *, method: str = "", times: int = 1, **settings: Any
) -> Callable[..., Fault]:
    """A fault of the chaos server at the n-th request (of a method)."""

    def at(world: World, number: int) -> Fault:
        rule = {"do": do, "method": method, "nth": number, "times": times, **settings}
        schedule = schedule_of({"fault": [rule]})
        world.server.faults = schedule
        return Fault(lambda: not schedule.unmet)

    return at


def at_writes(do: str, /, **settings: Any) -> Callable[..., Fault]:
    """A fault at the n-th request that is no GET."""

    def at(world: World, number: int) -> Fault:
        schedule = schedule_of({"fault": [{"do": do, "nth": number, **settings}]})

        class Writes:
            def serve(self, exchange: Any, target: str) -> bool:
                return exchange.method != "GET" and schedule.serve(exchange, target)

        world.server.faults = Writes()
        return Fault(lambda: not schedule.unmet)

    return at


def killed_at_request(when: str) -> Callable[..., Fault]:
    def at(world: World, number: int) -> Fault:
        killer = KillAtRequest(world.runner, number, when)
        world.server.faults = killer
        return Fault(lambda: bool(killer.struck))

    return at


def hooked(kind: str, **more: str) -> Callable[..., Fault]:
    """Killed, or refused, at the n-th commit or rename of the command itself."""

    def at(world: World, number: int) -> Fault:
        before = len(world.ran)
        hook = {"at": kind, "number": number, **more}

        def struck() -> bool:
            ran = world.ran[before]
            return ran.code == -9 or ran.counts.get(kind, 0) >= number or ran.code not in (0, 4)

        return Fault(struck, hook)

    return at


def meanwhile(act: Callable[[World], None], *, writes: bool = False) -> Callable[..., Fault]:
    """Something that happens during the n-th request."""

    def at(world: World, number: int) -> Fault:
        between = Meanwhile(number, lambda: act(world), writes=writes)
        world.server.faults = between
        return Fault(lambda: bool(between.struck))

    return at


def cases() -> Iterator[Case]:
    """Every case, row by row."""
    yield from _f1()
    yield from _f2_to_f6()
    yield from _f7_f8()
    yield from _f9_f10()
    yield from _f11_f12_f13()
    from exportrows import export_cases  # which needs what is here

    yield from export_cases()
    yield from _f15_to_f18()


def _f1() -> Iterator[Case]:
    for story in (*PUSHES, *PULLS, BOTH):
        for when in ("before", "after"):
            name = f"kill −9 at a request, {when} it is carried out"
            yield Case("F1", name, story, killed_at_request(when), SMALL)
            if story in (CREATE, UPDATE):
                for said, server in ALONE.items():
                    yield Case("F1", f"{name}; {said}", story, killed_at_request(when), server)
        for when in ("before", "during", "after"):
            yield Case("F1", f"kill −9 {when} a commit", story, hooked("commit", when=when))
        for when in ("before", "after"):
            yield Case("F1", f"kill −9 {when} a rename", story, hooked("rename", when=when))
    for story in PULLS:
        for said, after in (("deleted", _then_deleted), ("changed", _then_changed)):
            yield Case("F1", f"kill −9 after a rename, and it is {said} there", story,
                       hooked("rename", when="after"), after=after)  # fmt: skip


def _just_written(world: World) -> str:
    """The key of the file that was renamed last, while its commit did not come any more."""
    paths = [path for path in world.tree.glob("[A-Z]*/*.json") if path.is_file()]
    newest = max(paths, key=lambda path: path.stat().st_mtime_ns, default=None)
    return f"{newest.parent.name}/{newest.stem}" if newest is not None else "Observation/n29"


def _then_deleted(world: World) -> None:
    """Unless others refer to it, which the server would not allow."""
    key = _just_written(world)
    named = {target for one in world.server.state().values() for target in targets(one)}
    if key not in named:
        world.server.delete(key)
        world.foreign_deleted.add(key)


def _then_changed(world: World) -> None:
    key = _just_written(world)
    now = world.server.store.read(key) or {}
    world.server.put({**now, "language": "theirs-2"})
    world.foreign[key] = "language"


def _f2_to_f6() -> Iterator[Case]:
    lost = {
        "the connection is cut after the commit": at_writes("drop-after"),
        "the connection is cut before the commit": at_writes("drop-before"),
        "half of the answer": at_writes("truncate"),
        "half of the answer, as if it were whole": at_writes("truncate", fits=True),
        "504 after the commit": at_writes("status", status=504, commit=True),
        "500 after the commit": at_writes("status", status=500, commit=True),
        "a web page after the commit": at_writes("html", commit=True),
        "delivered twice": at_writes("twice"),
        "an outcome with 200, nothing done": at_writes("outcome-200"),
        "nothing with 200, nothing done": at_writes("empty-200"),
    }
    for story in PUSHES:
        for name, fault in lost.items():
            yield Case("F2", name, story, fault, SMALL)
    for name in ("the connection is cut after the commit", "half of the answer"):
        yield Case("F2", name, BOTH, lost[name], SMALL)
    own = PROFILES["own-ids"]
    for name in ("the connection is cut after the commit", "504 after the commit"):
        yield Case("F2", f"{name}; the server gives ids itself", CREATE, lost[name], own)
    for name, settings in {"reset": {}, "504": {"status": 504}}.items():
        for story in PUSHES:
            fault = at_writes("late-commit", seconds=0.4, **settings)
            yield Case("F3", f"{name}, and the commit comes later", story, fault, SMALL)
        fault = at_writes("late-commit", seconds=0.4, **settings)
        yield Case("F3", f"{name}, and the commit comes later; own ids", CREATE, fault, own)
    for said, server in ALONE.items():
        for name in ("the connection is cut after the commit", "504 after the commit",
                     "half of the answer", "nothing with 200, nothing done"):  # fmt: skip
            for story in (CREATE, UPDATE):
                yield Case("F2", f"{name}; {said}", story, lost[name], server)
    yield Case("F2", "the connection is cut after the commit; no transactions, unsaid", CREATE,
               lost["the connection is cut after the commit"], UNSAID)  # fmt: skip
    for status in (409, 412, 410, 422, 400, 404):
        for story in PUSHES:
            yield Case("F4", f"{status} once", story, at_writes("status", status=status), SMALL)
        yield Case("F4", f"{status} once; no transactions", UPDATE,
                   at_writes("status", status=status), ALONE["no transactions"])  # fmt: skip
    waits = {"2 s": "1", "a date": "date", "absurd": "absurd", "negative": "negative", "none": ""}
    for status in (429, 503):
        for name, kind in waits.items():
            for story in (UPDATE, FETCH):
                fault = by_schedule("status", status=status, retry_after=kind)
                yield Case("F5", f"{status}, Retry-After {name}", story, fault)
    for story in (CREATE, UPDATE):
        fault = by_schedule("entry-status", method="POST", status=429)
        yield Case("F5", "429 for one entry of a batch", story, fault, PROFILES["plain"])
    for story in (*PUSHES, *PULLS, BOTH):
        yield Case("F6", "restarted", story, by_schedule("down", seconds=0.3))
        fault = by_schedule("down", seconds=0.3, commit=True)
        yield Case("F6", "restarted after the commit", story, fault)


#: What a server says of how much there is.
_TELLING: dict[str, dict[str, Any]] = {
    "": {},
    ", no totals": {"totals": "never"},
    ", no totals or counts": {"totals": "never", "counts": False},
}


def _early(world: World) -> None:
    """Somebody's long transaction becomes visible now, stamped with when it began."""
    store = world.server.store
    resource = marked({"resourceType": "Observation", "id": "early", "status": "final",
                       "code": {"text": "x"}})  # fmt: skip
    store.write("Observation/early", resource, "PUT", at=store.now() - 100)


def _f7_f8() -> Iterator[Case]:
    for seconds in (-3600.0, 3600.0):
        for story in (*PUSHES, *PULLS):
            fault = by_schedule("clock-skew", seconds=seconds)
            name = f"the clocks differ by an hour ({'server behind' if seconds < 0 else 'ahead'})"
            yield Case("F7", name, story, fault, once=True)
    yield Case("F7", "visible 100 s after its stamp, while pages are read", REFRESH,
               meanwhile(_early), moving=True)  # fmt: skip
    later = Case("F7", "visible 100 s after its stamp, after the pull", REFRESH,
                 meanwhile(lambda world: None), once=True, after=_early)  # fmt: skip
    yield later
    for name in ("next-link-gone", "next-link-elsewhere", "next-link-loop", "next-link-missing",
                 "repeat"):  # fmt: skip
        for story in (*PULLS, MANY):
            for said, told in _TELLING.items():
                behaviour = Behaviour(page_size=5, most_page=5).changed(told)
                fault = by_schedule(name, method="GET")
                yield Case("F8", f"{name}{said}", story, fault, behaviour)
    for name in ("next-link-missing", "repeat"):
        for story in (FETCH, MANY):
            for said, told in _TELLING.items():
                behaviour = Behaviour(page_size=5, most_page=5).changed(told)
                yield Case("F8", f"{name} from then on{said}", story,
                           by_schedule(name, method="GET", times=1000), behaviour,
                           codes=(0, 3))  # fmt: skip


def _f9_f10() -> Iterator[Case]:
    plain = PROFILES["plain"]
    for story in (CREATE, UPDATE):
        for name in ("short-response", "reordered-response"):
            yield Case("F9", name, story, by_schedule(name, method="POST"))
        yield Case("F9", "one entry refused by 422, once", story,
                   by_schedule("entry-status", method="POST", status=422), plain)  # fmt: skip
        batch = by_schedule("behave", method="POST", setting="transactions", value="batch")
        yield Case("F9", "a transaction answered as a batch", story, batch)
    none = meanwhile(lambda world: None)
    for name in ("adds-language", "adds-meta", "strips-narrative", "shortens-decimals"):
        for story in (CREATE, UPDATE, FETCH, REFRESH):
            yield Case("F10", f"the server {name.replace('-', ' ')}", story, none,
                       Behaviour(normalisation=name), once=True)  # fmt: skip
        for story in (CREATE, UPDATE):
            yield Case("F10", f"the server {name.replace('-', ' ')}, and the answer is lost", story,
                       at_writes("drop-after"), Behaviour(normalisation=name))  # fmt: skip
        yield Case("F10", f"the server {name.replace('-', ' ')}; kill −9 after a request", CREATE,
                   killed_at_request("after"), SMALL.changed({"normalisation": name}))  # fmt: skip
    for story in (CREATE, UPDATE, REMOVE):
        yield Case(
            "F10", "the server gives ids itself", story, none, PROFILES["own-ids"], once=True
        )
    for profile in ("plain", "own-ids"):
        for story in (CREATE, UPDATE):
            behaviour = PROFILES[profile].changed({"late_reads": 0.3, "late_index": 0.3})
            yield Case("F10", f"reads and searches lag behind writes ({profile})", story, none,
                       behaviour, once=True, codes=(0, 6))  # fmt: skip
            yield Case("F10", f"reads lag behind writes, and a write fails ({profile})", story,
                       by_schedule("status", method="POST", status=500),
                       PROFILES[profile].changed({"late_reads": 0.3}), codes=(0, 6))  # fmt: skip
    yield Case("F10", "the server refuses If-None-Match", CREATE, none,
               Behaviour(refuses_guard=True), once=True)  # fmt: skip
    yield Case("F10", "the server refuses If-None-Match, and the answer is lost", CREATE,
               at_writes("drop-after"), Behaviour(refuses_guard=True))  # fmt: skip
    yield Case("F10", "the server stores under another id", CREATE, none,
               Behaviour(client_ids="reassigned"), once=True, codes=(0, 6))  # fmt: skip
    for profile in ("hapi", "helios", "plain"):
        for story in (*PUSHES, *PULLS):
            behaviour = PROFILES[profile]
            codes = (0, 6) if profile == "plain" else (0,)
            yield Case("F10", f"a server of the kind {profile}", story, none, behaviour, once=True,
                       codes=codes)  # fmt: skip


def _deleted_there(world: World) -> None:
    world.server.delete("MedicationStatement/m")
    world.foreign_deleted.add("MedicationStatement/m")


def _still_here(key: str) -> Callable[[World], list[str]]:
    def judge(world: World) -> list[str]:
        return [] if world.path(key).exists() else [f"I5: {key} was edited here and is gone"]

    return judge


def _f11_f12_f13() -> Iterator[Case]:
    none = meanwhile(lambda world: None)

    def edited_here_deleted_there(world: World) -> None:
        _pushed(world)
        world.edit("MedicationStatement/m", status="completed")
        _deleted_there(world)

    def deleted_on_both(world: World) -> None:
        _pushed(world)
        world.remove("MedicationStatement/m")
        _deleted_there(world)

    def deleted_here_edited_there(world: World) -> None:
        _pushed(world)
        world.remove("MedicationStatement/m")
        world.other("MedicationStatement/m", language="theirs-1")

    def resurrected(world: World) -> None:
        _pushed(world)
        now = world.server.store.read("MedicationStatement/m") or {}
        world.server.delete("MedicationStatement/m")
        world.may_delete = 1
        for number in range(3):
            world.server.put({**now, "language": f"theirs-{number}"})
        world.foreign["MedicationStatement/m"] = "language"

    def push(name: str, prepare: Callable[[World], None], command: Command = PUSH) -> Story:
        return Story(name, command, prepare, lambda world: [])

    here = _still_here("MedicationStatement/m")
    for command in (PUSH, DELETE, PULL):
        words = " ".join(command)
        yield Case("F11", "edited here, deleted there",
                   push(words, edited_here_deleted_there, command), none, once=True,
                   codes=(4,), judge=here)  # fmt: skip
        yield Case("F11", "deleted here, edited there",
                   push(words, deleted_here_edited_there, command), none, once=True,
                   codes=(4,))  # fmt: skip
        yield Case("F11", "deleted on both sides", push(words, deleted_on_both, command), none,
                   once=True)  # fmt: skip
    yield Case("F11", "deleted and made again there, versions jump",
               push("pull", resurrected, PULL), none, once=True)  # fmt: skip

    def referring(world: World) -> None:
        world.write(*sample())
        world.dangling_allowed |= {"Patient/elsewhere-1"}
        world.write(marked({
            "resourceType": "Observation", "id": "r", "status": "final", "code": {"text": "x"},
            "subject": {"reference": "Patient/p"},
            "focus": [{"reference": "https://elsewhere.example/fhir/Patient/elsewhere-1"}],
            "derivedFrom": [{"reference": "Observation/x/_history/1"}],
            "basedOn": [{"reference": "#b"}],
            "contained": [{"resourceType": "ServiceRequest", "id": "b", "status": "active",
                           "intent": "order", "subject": {"reference": "Patient/p"}}],
            "extension": [{"url": "https://chaos.example/x",
                           "valueReference": {"reference": "Condition/c"}}],
            "instantiatesCanonical": "https://elsewhere.example/Plan|1",
        }))  # fmt: skip

    forms = Story("first push", PUSH, referring, incomplete_push)
    for profile in ("r4", "hapi", "own-ids"):
        yield Case("F12", f"all forms of references, server {profile}", forms, none,
                   PROFILES[profile], once=True)  # fmt: skip
    yield Case("F12", "all forms of references, killed at a request", forms,
               killed_at_request("after"))  # fmt: skip

    for limit, codes in ((2, (0,)), (1, (6,))):
        yield Case("F13", f"at most {limit} entries in a transaction", CREATE, none,
                   Behaviour(most_entries=limit), once=True, codes=codes)  # fmt: skip

    def large(world: World) -> None:
        world.write(*sample())
        content = [{"attachment": {"data": "QUJD" * 5_000_000}}]
        world.write(marked({"resourceType": "DocumentReference", "id": "big", "status": "current",
                            "content": content}))  # fmt: skip

    def lean(world: World) -> list[str]:
        most = max(ran.memory for ran in world.ran)
        return [] if most < 500 else [f"memory: {most} MB"]

    yield Case("F13", "a resource of 20 MB", Story("first push", PUSH, large, incomplete_push),
               none, once=True, judge=lean)  # fmt: skip
    yield Case("F13", "a resource of 20 MB, server takes 4 MB",
               Story("first push", PUSH, large, incomplete_push), none,
               Behaviour(most_bytes=4_000_000), once=True, codes=(6,))  # fmt: skip


TOKENS = "/token"


class Gate:
    """A token endpoint at `/token`, and a base that wants its newest token."""

    def __init__(self) -> None:
        self.issued = 0
        self.left = 10**9
        self.each = 10**9
        self.refused = 0

    def serve(self, exchange: Any, target: str) -> bool:
        if target == TOKENS:
            self.issued += 1
            self.left = self.each if self.issued > 1 else self.left
            token = f"{TOKEN}-{self.issued}"
            body = {"access_token": token, "token_type": "bearer", "expires_in": 3600}
            exchange.send(Reply(200, json.dumps(body).encode()))
            return True
        shown = exchange.headers.get("Authorization")
        if shown == f"Bearer {TOKEN}-{self.issued}" and self.left > 0:
            self.left -= 1
            return False
        self.refused += 1
        exchange.send(Reply(401, outcome("who are you", code="login")))
        return True


def with_tokens(story: Story) -> Story:
    """The story on a server that wants a token."""

    def prepare(world: World) -> None:
        world.server.faults = Gate()
        assert world.run("remote", "remove", "origin").code == 0
        words = ("remote", "add", "origin", world.server.url, "--auth", "client-credentials",
                 "--secret", "env:CHAOS_TOKEN", "--client-id", "c",
                 "--token-url", f"{world.server.url}{TOKENS}")  # fmt: skip
        assert world.run(*words).code == 0
        story.prepare(world)

    return Story(story.name, story.command, prepare, story.check)


def token_ends(world: World, number: int, *, always: bool = False) -> Fault:
    gate = Gate()
    gate.left = number
    gate.each = number if always else 10**9
    world.server.faults = gate
    return Fault(lambda: gate.refused > 0, stays=True)


_second: Runner | None = None


def _second_run(command: Command) -> Callable[..., Fault]:
    """Somebody starts a command in the same tree during the n-th request: it has to go at once."""

    def act(world: World) -> None:
        global _second  # noqa: PLW0603  # one more zygote for each worker
        _second = _second or Runner()
        ran = _second.run(world.tree, command, None)
        # A code that no command may end with, where it did not leave: told like a hang.
        world.ran.append(ran if ran.code == 6 else replace(ran, code=-999))

    return meanwhile(act)


def _pull(world: World) -> None:
    world.run(*PULL)


def _f15_to_f18() -> Iterator[Case]:
    for story in (CREATE, UPDATE, FETCH):
        yield Case("F15", "a token that ends after n uses", with_tokens(story), token_ends)
        yield Case("F15", "each token is good for two requests", with_tokens(story),
                   lambda world, _: token_ends(world, 2, always=True), once=True)  # fmt: skip
    from exportrows import export_token_cases

    yield from export_token_cases()
    for story in (*PUSHES, *PULLS):
        for kind in ("commit", "rename"):
            yield Case("F16", f"no space at a {kind}", story, hooked(kind, do="no-space"))
            yield Case("F16", f"read-only from a {kind} on", story,
                       hooked(kind, do="read-only", on="1"))  # fmt: skip
    for story in (CREATE, UPDATE, FETCH, REFRESH, BOTH):
        for command in (PUSH, PULL):
            yield Case("F16", f"a second run ({command[0]}) in the same tree", story,
                       _second_run(command))  # fmt: skip

    def edits(world: World) -> None:
        world.edit("Patient/p", birthDate="1981")

    for story in (CREATE, UPDATE):
        yield Case("F16", "a file is edited during the push", story, meanwhile(edits), moving=True)

    def appears(world: World) -> None:
        world.write({**observation("n3"), "status": "amended"})

    yield Case("F16", "a file appears during the pull", FETCH, meanwhile(appears), codes=(0, 4))

    for fault in ("emptied", "exchanged"):
        for story in (UPDATE, REFRESH):
            yield Case("F17", f"the server is {fault}", story, by_schedule(fault), once=True,
                       codes=(6,))  # fmt: skip

    for key in ("Patient/p", "Observation/x", "Condition/c"):

        def other(world: World, key: str = key) -> None:
            if world.on_server(key):
                world.other(key, language="theirs-2")

        for story in (CREATE, UPDATE):
            yield Case("F18", f"somebody else writes {key} at a request", story, meanwhile(other),
                       codes=(0, 4), after=_pull)  # fmt: skip

    def everywhere(world: World, number: int) -> Fault:
        del number
        schedule = schedule_of({"fault": [{"do": "other-writer", "method": "POST", "times": 0,
                                           "language": "theirs-3"}]})  # fmt: skip
        world.server.faults = schedule
        return Fault(lambda: not schedule.unmet)

    yield Case("F18", "somebody else writes before each transaction", UPDATE, everywhere, once=True,
               codes=(0, 4), after=_pull)  # fmt: skip

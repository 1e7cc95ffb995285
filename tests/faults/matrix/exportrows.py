"""Row F14: pulls by bulk export, and everything that becomes of a job and its files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from rows import (
    FETCH,
    REFRESH,
    Case,
    Fault,
    Story,
    by_schedule,
    hooked,
    killed_at_request,
    token_ends,
    with_tokens,
)
from world import World

from fhirkit.chaos import Behaviour

#: A server that lists no history, so that a pull takes an export; it needs two looks at the job.
ONLY_EXPORT = Behaviour(system_history=False, type_history=False, export_pending=2)
#: The same, as HAPI does it: no counts, and no list of deletions.
TERSE = ONLY_EXPORT.changed({"export_counts": False, "export_deleted": False})

FIRST = Story("first pull by export", FETCH.command, FETCH.prepare, FETCH.check)
LATER = Story("pull of changes by export", REFRESH.command, REFRESH.prepare, REFRESH.check)
STORIES = (FIRST, LATER)
CHOSEN = Story("first pull, --source export", ("pull", "--source", "export"),
               FETCH.prepare, FETCH.check)  # fmt: skip
HASTY = Story("first pull by export, not waited for", ("pull", "--export-wait", "0.3"),
              FETCH.prepare, FETCH.check)  # fmt: skip

KICK_OFF, STATUS, FILE = "/$export[?]*", "/$export-status*", "/$export-file*"

#: Faults of any answer, by the request that they meet.
_ANSWERS: dict[str, tuple[str, dict[str, Any]]] = {
    "the connection is cut": ("drop-before", {}),
    "the answer is lost": ("drop-after", {}),
    "half of the answer": ("truncate", {}),
    "half of the answer, as if it were whole": ("truncate", {"fits": True}),
    "a web page": ("html", {}),
    "a web page with 404": ("html", {"status": 404}),
    "nothing with 200": ("empty-200", {}),
    "an outcome with 200": ("outcome-200", {}),
    "a redirect to another host": ("redirect", {}),
    "a gzip bomb": ("gzip-bomb", {}),
    "the server restarts": ("down", {"seconds": 0.3}),
    **{f"{status}": ("status", {"status": status})
       for status in (400, 403, 404, 410, 429, 500, 503, 504)},
}  # fmt: skip

#: Faults of an export, met while its status is asked for.
_EXPORTS: dict[str, tuple[str, dict[str, Any]]] = {
    "files are cut in a line": ("export-half-lines", {}),
    "files lack their last line": ("export-fewer-lines", {}),
    "files have each line twice": ("export-double-lines", {}),
    "files are mixed up": ("export-mixed-lines", {}),
    "files are gone": ("export-no-files", {}),
    "the job is forgotten": ("export-forgotten", {}),
    "the export reports an error": ("export-errors", {}),
    "the export reports a warning": ("export-errors", {"severity": "warning"}),
    "what is there is listed as deleted": ("export-false-deletions", {}),
    "the files lie elsewhere": ("export-files-elsewhere", {}),
    "the files lie elsewhere and want our token": ("export-files-elsewhere", {"token": True}),
    "no transactionTime": ("export-odd-manifest", {}),
    "no output": ("export-odd-manifest", {"member": "output"}),
    "requiresAccessToken is a word": (
        "export-odd-manifest", {"member": "requiresAccessToken", "value": "no"}
    ),
    "the job takes longer": ("export-slow", {}),
    "the job takes longer, Retry-After a date": ("export-slow", {"retry_after": "date"}),
    "the job takes longer, Retry-After absurd": ("export-slow", {"retry_after": "absurd"}),
}  # fmt: skip
#: Those after which a run that meets them every time has to fail.
_LASTING = (
    "files are cut in a line", "files lack their last line", "files are mixed up",
    "files are gone", "the job is forgotten", "the export reports an error",
    "the files lie elsewhere", "the files lie elsewhere and want our token",
    "no transactionTime", "no output", "requiresAccessToken is a word",
)  # fmt: skip


#: An export that cannot be read: nobody who did not ask for one has to wait for it to be mended.
_UNREADABLE = ("no transactionTime", "no output", "requiresAccessToken is a word")


def export_cases() -> Iterator[Case]:
    """Every case of F14."""
    for story in STORIES:
        for place, path in (("start", KICK_OFF), ("status", STATUS), ("file", FILE)):
            for name, (do, settings) in _ANSWERS.items():
                # A start whose answer is lost leaves a job, which nobody can know of.
                lost = place == "start"
                yield Case("F14", f"the {place} of the export: {name}", story,
                           by_schedule(do, path=path, **settings), ONLY_EXPORT,
                           judge=jobs_left(1 if lost else 0))  # fmt: skip
        for behaviour, said in ((ONLY_EXPORT, ""), (TERSE, ", no counts")):
            for name, (do, settings) in _EXPORTS.items():
                yield Case("F14", f"{name}{said}", story,
                           by_schedule(do, path=STATUS, **settings), behaviour,
                           judge=jobs_left(0))  # fmt: skip
        for when in ("before", "after"):
            yield Case("F14", f"kill −9 at a request, {when} it is carried out", story,
                       killed_at_request(when), ONLY_EXPORT, judge=jobs_left(1))  # fmt: skip
        for when in ("before", "during", "after"):
            yield Case("F14", f"kill −9 {when} a commit", story, hooked("commit", when=when),
                       ONLY_EXPORT, judge=jobs_left(1))  # fmt: skip
        yield Case("F14", "no space at a commit", story, hooked("commit", do="no-space"),
                   ONLY_EXPORT, judge=jobs_left(1))  # fmt: skip
    for behaviour, said in ((ONLY_EXPORT, ""), (TERSE, ", no counts")):
        for name in _LASTING:
            do, settings = _EXPORTS[name]
            judge = nothing_written if name != "the export reports an error" else None
            fault = _always(by_schedule(do, path=STATUS, times=0, **settings))
            story = CHOSEN if name in _UNREADABLE else FIRST
            yield Case("F14", f"{name}{said}, every time", story, fault, behaviour,
                       once=True, codes=(3, 5), judge=judge)  # fmt: skip
            if name in _UNREADABLE:
                yield Case("F14", f"{name}{said}, every time: searched", FIRST, fault, behaviour,
                           once=True)  # fmt: skip
    yield Case("F14", "the job is never finished", HASTY,
               _always(by_schedule("export-slow", path=STATUS, times=0, polls=100)), ONLY_EXPORT,
               once=True, codes=(3,), judge=_one_job)  # fmt: skip


def export_token_cases() -> Iterator[Case]:
    """F15 for exports: their files want the token, and it ends meanwhile."""
    behaviour = ONLY_EXPORT.changed({"export_needs_token": True})
    for story in STORIES:
        yield Case("F15", "a token that ends after n uses", with_tokens(story), token_ends,
                   behaviour)  # fmt: skip


def _always(fault: Callable[..., Fault]) -> Callable[..., Fault]:
    """The same fault in every run."""

    def at(world: World, number: int) -> Fault:
        found = fault(world, number)
        found.stays = True
        return found

    return at


def jobs_left(most: int) -> Callable[[World], list[str]]:
    """No more jobs than these are left at the server by a run that has ended well."""

    def judge(world: World) -> list[str]:
        left = len(world.server.exports.jobs)
        return [f"{left} export(s) are left at the server"] if left > most else []

    return judge


def nothing_written(world: World) -> list[str]:
    """No file came of an export that cannot be trusted."""
    return [f"I3: {key} was written" for key in world.files()]


def _one_job(world: World) -> list[str]:
    begun = world.server.exports.begun
    return [] if begun == 1 else [f"{begun} exports were begun where one goes on"]

"""A bulk export as the source of a fetch: NDJSON files in, ``tracked`` rows out.

The job's address is on the disk before it is asked about for the first time, so whoever comes
after a crash goes on with it instead of beginning another. The watermark is the time that the
server says the export shows, and moves when every file is stored and no error was reported.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any

from fhirkit.core.errors import BadAnswer, FhirkitError, Incomplete, Refused, Unreachable
from fhirkit.core.resource import ResourceKey
from fhirkit.remote.capability import Capability
from fhirkit.remote.export import Foreign, Job, Lost, NotOffered, begin
from fhirkit.remote.failures import Busy
from fhirkit.remote.listing import count_of
from fhirkit.remote.manifest import Manifest
from fhirkit.remote.reference import local_key
from fhirkit.sync.entry import version_id
from fhirkit.sync.fetch import ALL, Fetch, Fetched
from fhirkit.sync.plan import version_number
from fhirkit.sync.source import Pick, Source
from fhirkit.sync.tally import lacks

#: So often an export is begun when its files, or the job itself, are gone before they are read.
_STARTS = 3
#: Refusals that are about us or the moment: the job stays, and the next run goes on with it.
_PASSING = (401, 403, 408, 425, 429, 502, 503, 504)


def fetch_export(
    fetch: Fetch, capability: Capability, pick: Pick, types: Iterable[str] | None
) -> Fetched:
    """Everything that the export shows; of these types, if any are named.

    An export of the whole system asks for what changed since the last time, where the server then
    says what was deleted, or shows by its counts that nothing was; else for everything.
    """
    kinds = None if types is None else tuple(sorted(set(types)))
    one = _Exported(fetch, capability, pick, kinds)
    result = _once(one, fetch)
    if not one.resumed or result.incomplete:
        return result
    if pick.narrowed:
        result.notes.append("the export had been begun before; the next pull brings what is newer")
        return result
    # What was begun before shows the server as it was then, and now is asked for.
    later = fetch_export(fetch.again(), capability, pick, kinds)
    later.notes[:0] = result.notes
    later.read += result.read
    return later


def _once(one: _Exported, fetch: Fetch) -> Fetched:
    since = one.since()
    if since is not None:
        with suppress(NotOffered):  # a server that knows no _since
            manifest = one.run(since)
            one.ask_deleted()
            if fetch.result.incomplete or one.deletions_known(manifest):
                return one.end(manifest)
    return one.end(one.run(None))


def fetch_by(fetch: Fetch, capability: Capability, types: list[str] | None, pick: Pick) -> Fetched:
    """Fetch from the source that was picked, or that the server is best asked by.

    Where an export was not asked for and turns out not to be made for us, searches do.
    """
    wanted = set(types) if types is not None else set(capability.types)
    started = any(fetch.store.watermark(one) for one in (ALL, *wanted))
    source = pick.by(capability, started=started, wanted=wanted)
    if source is Source.EXPORT:
        try:
            return fetch_export(fetch, capability, pick, types)
        except (NotOffered, BadAnswer, Busy) as problem:
            # A busy server is asked again later; one that fails inside is not able to do it.
            later = isinstance(problem, Busy) and problem.status != 500
            if pick.is_export or later or isinstance(problem, Foreign):
                raise
            fetch = fetch.again()
            fetch.result.notes.append(f"searched, since there is no export: {problem.message}")
    fetch.strict = pick.source is Source.HISTORY
    return fetch.types(capability, types, history=source is not Source.SEARCH)


class _Exported:
    """One fetch by export."""

    def __init__(
        self, fetch: Fetch, capability: Capability, pick: Pick, kinds: tuple[str, ...] | None
    ) -> None:
        self.capability = capability
        self.fetch = fetch
        self.pick = pick
        self.kinds = kinds
        self.client = fetch.server.client
        self.store = fetch.store
        self.selection = f"{pick.path}?{','.join(kinds)}" if kinds else pick.path
        self._versions: dict[ResourceKey, int] = {}
        self._doubtful: set[ResourceKey] = set()
        self._whole = False
        #: Whether the job was one that an earlier run had begun.
        self.resumed = False
        self._job: Job | None = None

    def since(self) -> str | None:
        """The server's time up to which everything of this selection is known."""
        if self.pick.narrowed:
            return None  # a member who is new to a group comes with older resources
        marks = [
            max(filter(None, (self.store.watermark(one), self.store.watermark(ALL))), default=None)
            for one in (self.kinds or (ALL,))
        ]
        known = [mark for mark in marks if mark is not None]
        return min(known) if len(known) == len(marks) else None

    def run(self, since: str | None) -> Manifest:
        """One export from its start, or from where an earlier run left it, to its last line."""
        why = ""
        for _ in range(_STARTS):
            self._job = self._begin(since)
            self._versions.clear()
            self._doubtful.clear()
            try:
                manifest = self._job.wait(self.pick.longest)
                self._read(self._job, manifest)
                self._reconcile(manifest, since)
            except Lost as problem:
                why = str(problem)
                self._close()
            except FhirkitError as problem:
                if self.store.state.rehearsing or not _passes(problem):
                    self._close()
                raise
            else:
                self._whole = since is None
                return manifest
        raise Incomplete(
            f"the export was begun {_STARTS} times, and each time its result was lost: {why}",
            advice="fhirkit pull --source search reads without an export",
        )

    def ask_deleted(self) -> None:
        """Look whether what the export calls deleted, or shows twice, is there."""
        self.fetch.ask(self._doubtful & self._known())
        self._doubtful.clear()

    def deletions_known(self, manifest: Manifest) -> bool:
        """Whether no deletion is missed: the server's counts are not lower than ours, or it does
        not count and has a list of deletions.
        """
        counted: dict[str, int] = {}
        for key in self.fetch.living():
            counted[key.type] = counted.get(key.type, 0) + 1
        for kind, ours in counted.items():
            if self.kinds is not None and kind not in self.kinds:
                continue
            theirs = count_of(self.client, kind)
            if (manifest.deleted is None) if theirs is None else (theirs < ours):
                return False
        return True

    def end(self, manifest: Manifest) -> Fetched:
        """What is known now of deletions is asked about, and the watermark moves."""
        fetch, result = self.fetch, self.fetch.result
        told = frozenset(self._doubtful)
        self.ask_deleted()
        if self._whole and not self.pick.narrowed and not result.incomplete:
            # What an export lacks is not proven to be deleted; a read does.
            fetch.ask(self._known() - self._versions.keys() - told)
        if self.pick.narrowed:
            result.keys = told | self._versions.keys()
            result.notes.append("an export of some patients' records does not show what left it")
        else:
            result.kinds = None if self.kinds is None else frozenset(self.kinds)
            if not result.incomplete:
                fetch.began(manifest.moment)
                fetch.advance(list(self.kinds or (ALL,)), first=True)
        self._close()
        return result

    def _known(self) -> set[ResourceKey]:
        known = self.fetch.known()
        return {key for key in known if self.kinds is None or key.type in self.kinds}

    def _begin(self, since: str | None) -> Job:
        for selection, status, start in self.store.exports():
            if (selection, start) == (self.selection, since):
                self.resumed = True
                return Job(self.client, status, first_wait=0.0)
            # Nobody will ask for it any more: with another mark or selection it is another export.
            Job(self.client, status).cancel()
            self.store.drop_export(selection)
        self.resumed = False
        job = begin(self.client, self.pick.path, types=self.kinds, since=since)
        self.store.keep_export(self.selection, job.status, since)
        return job

    def _close(self) -> None:
        """The server may clear up, and nobody has to go on with the job."""
        if self._job is not None:
            self._job.cancel()
        self.store.drop_export(self.selection)

    def _read(self, job: Job, manifest: Manifest) -> None:
        for file in manifest.output:
            if self.kinds is not None and file.kind not in self.kinds:
                continue  # a server that does not heed _type
            for rows in job.rows(file, manifest):
                self._learn(rows)
        self.fetch.known_by(())  # an export of nothing shows no server either
        for file in manifest.deleted or ():
            for bundles in job.rows(file, manifest, identified=False):
                for bundle in bundles:
                    self._doubtful.update(map(self.fetch.server.here, _deleted(bundle)))
        holes = job.holes(manifest)
        if holes:
            self.fetch.result.incomplete = True
            self.fetch.result.notes.append(holes)

    def _reconcile(self, manifest: Manifest, since: str | None) -> None:
        """Count again what was last changed before the export's moment: all of that is in it.

        ``Lost`` when there is more than came. Where the server counts by no time, a type that has
        more now than came is read.
        """
        if self.pick.narrowed or self.fetch.result.incomplete:
            return
        came = Counter(key.type for key in self._versions)
        known = {key.type for key in self.fetch.known()}
        for one in lacks(
            self.client, self.capability, manifest, came,
            kinds=self.kinds, known=known, since=since,
        ):  # fmt: skip
            if one.certain:
                raise Lost(f"{one.number} {one.kind} on the server did not come in its export")
            self._versions |= dict.fromkeys(self.fetch.whole(one.kind), 0)

    def _learn(self, rows: list[dict[str, Any]]) -> None:
        fetch = self.fetch
        fetch.known_by(map(ResourceKey.of, rows))
        with self.store.transaction():
            for row in rows:
                key = fetch.server.here(ResourceKey.of(row))
                number = version_number(version_id(row))
                before = self._versions.get(key)
                if before is None:
                    key = fetch.learn(row)
                    self._versions[key] = number
                elif before != number:
                    self._doubtful.add(key)  # two versions in one export: only a read tells


def _passes(problem: FhirkitError) -> bool:
    """Whether the job may still be good, so that the next run goes on with it."""
    if isinstance(problem, Refused):
        return problem.status in _PASSING
    return isinstance(problem, (Unreachable, Incomplete))


def _deleted(bundle: dict[str, Any]) -> Iterator[ResourceKey]:
    entries = bundle.get("entry", [])
    for entry in entries if isinstance(entries, list) else [None]:
        request = entry.get("request") if isinstance(entry, dict) else None
        url = request.get("url") if isinstance(request, dict) else None
        key = local_key(url) if isinstance(url, str) else None
        if key is None or not isinstance(request, dict) or request.get("method") != "DELETE":
            raise BadAnswer("the export's list of deletions holds an entry that is none")
        yield key

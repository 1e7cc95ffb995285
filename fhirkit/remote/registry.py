"""A FHIR package registry, or npm's: which versions there are, and the archive of one.

Two requests make the protocol: ``{registry}/{name}`` lists versions as npm does, each with
``dist.tarball`` and a hash; ``{registry}/{name}/{version}`` is the archive (FHIR) or one version's
entry (npm). No registry is built in. An archive on another host is fetched only from hosts that
were named, and never with the token.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

from fhirkit.core.errors import BadAnswer, InvalidInput, Refused, UsageError
from fhirkit.core.jsonio import loads
from fhirkit.remote.address import base_url, host_of, is_loopback, within
from fhirkit.remote.transport import Download, Policy, Transport

#: A list of versions and an archive are small things beside what a FHIR server may answer.
POLICY = Policy(timeout=300.0, tries=4, max_bytes=128 * 1024 * 1024)
_MOST_HOPS = 4
_GZIP = b"\x1f\x8b"
_JSON = "application/json"
_ARCHIVE = "application/gzip, application/octet-stream;q=0.9, */*;q=0.5"
# Strongest first. SHA-1 is what npm's oldest member holds: better than nothing against accidents.
_HASHES = ("sha512", "sha384", "sha256", "sha1")


@dataclass(frozen=True, slots=True)
class Listed:
    """One version in a registry's list: where its archive is, and its hash."""

    tarball: str | None = None
    integrity: str | None = None
    shasum: str | None = None


@dataclass(frozen=True, slots=True)
class PackageListing:
    """What a registry has of one package."""

    entries: Mapping[str, Listed]
    latest: str | None = None

    @property
    def versions(self) -> Sequence[str]:
        """Every version, in the registry's order."""
        return tuple(self.entries)


class Registry:
    """One registry. ``token`` goes to its origin alone; ``hosts`` may serve archives as well."""

    def __init__(
        self,
        base: str,
        *,
        token: str | None = None,
        hosts: Iterable[str] = (),
        ca_bundle: str | None = None,
        policy: Policy | None = None,
    ) -> None:
        self.base = base_url(base)
        self._ca_bundle = ca_bundle
        policy = self._policy = policy or POLICY
        self._hosts = frozenset(host.lower() for host in hosts)
        self._origin = _origin(self.base)
        self._home = Transport(self._origin, token=token, policy=policy, ca_bundle=ca_bundle)
        self._others: dict[str, Transport] = {}
        self._listings: dict[str, PackageListing | None] = {}

    def close(self) -> None:
        """Close the connections."""
        for transport in (self._home, *self._others.values()):
            transport.close()

    def listing(self, name: str) -> PackageListing | None:
        """The versions of a package; None when the registry does not have it."""
        if name not in self._listings:
            self._listings[name] = self._list(name)
        return self._listings[name]

    def fetch(self, wanted: tuple[str, str]) -> bytes | None:
        """The archive of (name, version), its hash checked; None when the registry has none."""
        name, version = wanted
        what = f"package {name}@{version}"
        listing = self.listing(name)
        listed = listing.entries.get(version) if listing is not None else Listed()
        if listed is None:
            return None
        address = f"{self.base}/{quote(name, safe='')}/{quote(version, safe='')}"
        if listed.tarball is not None:
            tarball = urljoin(f"{self.base}/{quote(name, safe='')}", listed.tarball)
            if self._may_ask(tarball):
                return self._archive(tarball, listed, what)
            # The list points elsewhere; FHIR's own address may still be answered from here.
            data = self._ask_version(address, listed, what)
            if data is None:
                raise self._elsewhere(tarball, what)
            return data
        return self._ask_version(address, listed, what)

    def _list(self, name: str) -> PackageListing | None:
        what = f"versions of {name}"
        try:
            data = self._get(f"{self.base}/{quote(name, safe='')}", what, _JSON)
        except Refused as problem:
            if problem.status in (404, 410):
                return None
            raise
        table = _table(data, f"{what} at {host_of(self.base)}")
        versions, tags = table.get("versions"), table.get("dist-tags")
        if not isinstance(versions, dict):
            raise BadAnswer(
                f"{what} at {host_of(self.base)}: the answer lists no versions",
                advice="check the registry's URL: it must answer {URL}/{package name}",
            )
        latest = tags.get("latest") if isinstance(tags, dict) else None
        entries = {str(version): _listed(entry) for version, entry in versions.items()}
        return PackageListing(entries, latest if isinstance(latest, str) else None)

    def _ask_version(self, address: str, listed: Listed, what: str) -> bytes | None:
        try:
            data = self._get(address, what, _ARCHIVE)
        except Refused as problem:
            if problem.status in (404, 410):
                return None
            raise
        if data.startswith(_GZIP):
            return _verified(data, listed, what)
        if not data.lstrip().startswith(b"{"):
            raise _no_archive(data, f"{what} at {host_of(self.base)}")
        # npm's form: the address answers with the version's entry, not with the archive.
        entry = _listed(_table(data, f"{what} at {host_of(self.base)}"))
        if entry.tarball is None:
            raise BadAnswer(f"{what} at {host_of(self.base)}: the answer names no archive")
        tarball = urljoin(address, entry.tarball)
        if not self._may_ask(tarball):
            raise self._elsewhere(tarball, what)
        return self._archive(tarball, entry, what)

    def _archive(self, address: str, listed: Listed, what: str) -> bytes:
        data = self._get(address, what, _ARCHIVE)
        if not data.startswith(_GZIP):
            raise _no_archive(data, f"{what} at {host_of(address)}")
        return _verified(data, listed, what)

    def _get(self, address: str, what: str, accept: str) -> bytes:
        for _ in range(_MOST_HOPS):
            if not self._may_ask(address):
                raise self._elsewhere(address, what)
            answer: Download = self._transport(address).download(address, what=what, accept=accept)
            if answer.redirect is None:
                return answer.data
            address = urljoin(address, answer.redirect)
        raise BadAnswer(f"{what} at {host_of(self.base)}: redirected again and again")

    def _may_ask(self, address: str) -> bool:
        """Only the registry's origin and the named hosts, and never from https down to http."""
        try:
            parts = urlsplit(address)
            if within(address, self._origin):
                return True
            safe = parts.scheme == "https" or (
                parts.scheme == "http" and (is_loopback(address) or self.base.startswith("http:"))
            )
            return safe and not parts.username and not parts.password and (
                host_of(address).lower() in self._hosts
            )  # fmt: skip
        except ValueError:
            return False

    def _transport(self, address: str) -> Transport:
        if within(address, self._origin):
            return self._home
        origin = _origin(address)
        if origin not in self._others:
            self._others[origin] = Transport(origin, policy=self._policy, ca_bundle=self._ca_bundle)
        return self._others[origin]

    def _elsewhere(self, address: str, what: str) -> BadAnswer:
        host = host_of(address)
        return BadAnswer(
            f"{what} at {host_of(self.base)}: the registry sends us to {host}",
            advice=f"if that is right, allow it: --allow-host {host} (over https)",
        )


class Registries:
    """Several registries, each in charge of names: a prefix is asked of its registry alone.

    A name that a prefix covers is never looked for anywhere else, so that nobody can put a package
    of that name into a public registry and have it taken.
    """

    def __init__(self, default: Registry | None, pinned: Mapping[str, Registry]) -> None:
        self._default = default
        self._pinned = dict(sorted(pinned.items(), key=lambda pair: -len(pair[0])))

    def listing(self, name: str) -> PackageListing | None:
        """The versions of a package, from the registry in charge of its name."""
        registry = self._in_charge(name)
        return registry.listing(name) if registry is not None else None

    def fetch(self, wanted: tuple[str, str]) -> bytes | None:
        """The archive of a package, from the registry in charge of its name."""
        registry = self._in_charge(wanted[0])
        return registry.fetch(wanted) if registry is not None else None

    def close(self) -> None:
        """Close the connections."""
        for registry in (self._default, *self._pinned.values()):
            if registry is not None:
                registry.close()

    def _in_charge(self, name: str) -> Registry | None:
        for prefix, registry in self._pinned.items():
            if name.lower().startswith(prefix.lower()):
                return registry
        return self._default


def parse_registry(text: str) -> tuple[str, str]:
    """``URL`` or ``PREFIX=URL`` as (prefix, base URL); the prefix is empty for all names."""
    prefix, mark, url = text.partition("=")
    if not mark or "://" in prefix:
        return "", base_url(text)
    if not prefix:
        raise UsageError(f"{text}: expected URL or PREFIX=URL")
    return prefix, base_url(url)


def _origin(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"


def _listed(entry: Any) -> Listed:
    dist = entry.get("dist") if isinstance(entry, dict) else None
    if not isinstance(dist, dict):
        # Some FHIR registries put the archive's address beside the version.
        url = entry.get("url") if isinstance(entry, dict) else None
        return Listed(url if isinstance(url, str) and url.endswith((".tgz", ".tar.gz")) else None)
    said = [dist.get(key) for key in ("tarball", "integrity", "shasum")]
    return Listed(*(one if isinstance(one, str) and one else None for one in said))


def _table(data: bytes, what: str) -> dict[str, Any]:
    try:
        table = loads(data)
    except InvalidInput:
        table = None
    if not isinstance(table, dict):
        raise BadAnswer(
            f"{what}: the answer is not JSON",
            advice="check the registry's URL, and whether a proxy or log-in page answers",
        )
    return table


def _no_archive(data: bytes, what: str) -> BadAnswer:
    page = data[:512].lstrip().lower().startswith((b"<!doctype html", b"<html"))
    said = "a web page" if page else "nothing" if not data else "something else"
    return BadAnswer(
        f"{what}: {said} came instead of a package",
        advice="check the registry's URL, and whether a proxy or log-in page answers",
    )


def _verified(data: bytes, listed: Listed, what: str) -> bytes:
    expected = dict(_promised(listed))
    for kind in _HASHES:
        digests = expected.get(kind)
        if digests is None:
            continue
        found = hashlib.new(kind, data, usedforsecurity=kind != "sha1").digest()
        if not any(hmac.compare_digest(found, one) for one in digests):
            raise BadAnswer(
                f"{what}: what came is not what the registry promised ({kind} differs)",
                advice="try again; if it stays so, the registry or a proxy is broken",
            )
        return data
    return data


def _promised(listed: Listed) -> Iterable[tuple[str, list[bytes]]]:
    """The hashes by algorithm: ``integrity`` as in Subresource Integrity, ``shasum`` in hex."""
    found: dict[str, list[bytes]] = {}
    for word in (listed.integrity or "").split():
        kind, _, text = word.partition("-")
        try:
            digest = base64.b64decode(text.partition("?")[0], validate=True)
        except (binascii.Error, ValueError):
            continue
        found.setdefault(kind, []).append(digest)
    if listed.shasum is not None:
        try:
            digest = bytes.fromhex(listed.shasum)
        except ValueError:
            digest = b""
        # Some registries fill the member with a hash of another kind: its length tells which.
        by_length = {64: "sha512", 48: "sha384", 32: "sha256", 20: "sha1"}
        if len(digest) in by_length:
            found.setdefault(by_length[len(digest)], []).append(digest)
    return found.items()

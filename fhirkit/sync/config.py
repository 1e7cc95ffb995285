"""``.fhirkit/config.toml``: the remotes by name. A secret is named there, never written."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from fhirkit.core.errors import UsageError
from fhirkit.core.files import read_bytes, write_atomic
from fhirkit.core.jsonio import dumps
from fhirkit.remote.access import Access, AuthSettings, checked_access

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
#: A server may commit what it was sent so many seconds after it was given up: the usual limit of
#: a transaction, 120 s, and something to spare.
LATE_COMMIT = 150.0
#: Below, a passing stall would count as "will not come any more"; above, a run would seem to hang.
_LATE_COMMIT = (30.0, 3600.0)
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Remote:
    """A server: its name here, and how it is reached. No secret is in it.

    ``late_commit``: seconds after which it no longer commits what it was sent, 30 to 3600.
    """

    name: str
    access: Access
    late_commit: float = LATE_COMMIT

    @property
    def url(self) -> str:
        """Its FHIR base."""
        return self.access.url


class _File(msgspec.Struct, forbid_unknown_fields=True):
    remotes: dict[str, dict[str, Any]] = {}  # msgspec copies it for each instance


def checked_remote(
    name: str,
    url: str,
    *,
    token_env: str | None = None,
    ca_bundle: str | None = None,
    access: Access | None = None,
    late_commit: float = LATE_COMMIT,
) -> Remote:
    """A remote whose parts are in order; ``UsageError`` otherwise.

    ``access`` says everything about reaching it; ``token_env`` and ``ca_bundle`` are short for the
    commonest parts of that.
    """
    if _NAME.fullmatch(name) is None:
        raise UsageError(
            "a remote's name is made of letters, digits, - and _", advice="for example: test"
        )
    least, most = _LATE_COMMIT
    if not least <= late_commit <= most:
        raise UsageError(
            f"late_commit is {least:g} to {most:g} seconds",
            advice="as long as a transaction may last on the server, and something to spare",
        )
    if access is None:
        auth = None if token_env is None else bearer_from(token_env)
        access = Access(url, auth=auth, ca_bundle=ca_bundle)
    return Remote(name, checked_access(access), float(late_commit))


def bearer_from(variable: str) -> AuthSettings:
    """A bearer token in an environment variable."""
    if _VARIABLE.fullmatch(variable) is None:
        raise UsageError(
            "--token-env names an environment variable; what was given is no such name",
            advice="export the token in a variable and give the variable's name",
        )
    return AuthSettings("bearer", f"env:{variable}")


def read_remotes(path: Path) -> dict[str, Remote]:
    """The remotes in a configuration file, in its order."""
    if not path.exists():
        return {}
    try:
        table: Any = tomllib.loads(read_bytes(path).decode())
        file = msgspec.convert(table, _File)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as problem:
        raise UsageError(f"{path}: not a valid configuration: {problem}") from None
    return {name: _remote(path, name, row) for name, row in file.remotes.items()}


def _remote(path: Path, name: str, row: dict[str, Any]) -> Remote:
    place = f"{path}: remotes.{name}"
    # The short form: token = "env:NAME".
    short = row.pop("token", None)
    if short is not None:
        if "auth" in row:
            raise UsageError(f"{place}: has both token and auth, expected one")
        row["auth"] = {"kind": "bearer", "secret": short}
    late_commit = row.pop("late_commit", LATE_COMMIT)
    try:
        seconds = msgspec.convert(late_commit, float)
        access = msgspec.convert(row, Access)
        return checked_remote(name, access.url, access=access, late_commit=seconds)
    except msgspec.ValidationError as problem:
        raise UsageError(f"{place}: not a valid configuration: {problem}") from None
    except UsageError as problem:
        raise UsageError(f"{place}: {problem.message}", advice=problem.advice) from None


def late_commit(path: Path, name: str) -> float:
    """The setting of a remote; the usual one where the file says nothing of it."""
    known = read_remotes(path).get(name)
    return LATE_COMMIT if known is None else known.late_commit


def add_remote(path: Path, remote: Remote, *, replace: bool = False, dry_run: bool = False) -> bool:
    """Write a remote into the file; False when it is there already, just so.

    Only with ``replace`` may it be there with other settings, all of which go.
    """
    known = read_remotes(path).get(remote.name)
    if known == remote:
        return False
    if known is not None and not replace:
        raise UsageError(
            f"remote {remote.name} exists already, with other settings",
            advice="give the new ones with --replace, or choose another name",
        )
    if dry_run:
        return True
    if known is not None:
        remove_remote(path, remote.name)
    lines = [f"[remotes.{remote.name}]", f"url = {_text(remote.url)}"]
    for name in ("ca_bundle", "client_cert", "client_key", "proxy"):
        value = getattr(remote.access, name)
        if value is not None:
            lines.append(f"{name} = {_text(value)}")
    if remote.late_commit != LATE_COMMIT:
        lines.append(f"late_commit = {remote.late_commit:g}")
    if remote.access.file_hosts:
        lines.append(f"file_hosts = [{', '.join(map(_text, remote.access.file_hosts))}]")
    if remote.access.auth is not None:
        parts = msgspec.to_builtins(remote.access.auth)
        table = ", ".join(f"{name} = {_text(value)}" for name, value in parts.items())
        lines.append(f"auth = {{ {table} }}")
    before = read_bytes(path).decode() if path.exists() else ""
    gap = "" if not before or before.endswith("\n\n") else "\n"
    _replace(path, before + gap + "\n".join(lines) + "\n")
    return True


def remove_remote(path: Path, name: str) -> None:
    """Take a remote out of the file and leave everything else in it as it is."""
    if name not in read_remotes(path):
        raise UsageError(f"there is no remote {name}", advice="fhirkit remote list shows them")
    kept: list[str] = []
    inside = False
    for line in read_bytes(path).decode().splitlines(keepends=True):
        head = re.match(r"\s*\[(.+?)\]", line)
        if head:
            table = head[1].replace('"', "").replace(" ", "")
            inside = f"{table}.".startswith(f"remotes.{name}.")
        if not inside:
            kept.append(line)
    text = "".join(kept).strip("\n")
    _replace(path, f"{text}\n" if text else "")
    if name in read_remotes(path):
        raise UsageError(f"{path}: remove remote {name} by hand, it is written in an unusual way")


def _replace(path: Path, text: str) -> None:
    write_atomic(path, text.encode())


def _text(value: str) -> str:
    # A JSON string is a TOML basic string, except for DEL, which no URL or name here holds.
    return dumps(value, indent=False)

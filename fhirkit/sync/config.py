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
from fhirkit.remote.address import base_url, is_loopback

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Remote:
    """A server: its name here, its FHIR base, and the environment variable with its token."""

    name: str
    url: str
    token_env: str | None = None
    ca_bundle: str | None = None


class _Row(msgspec.Struct, forbid_unknown_fields=True):
    url: str
    token: str | None = None
    ca_bundle: str | None = None


class _File(msgspec.Struct, forbid_unknown_fields=True):
    remotes: dict[str, _Row] = {}  # msgspec copies it for each instance


def checked_remote(
    name: str, url: str, *, token_env: str | None = None, ca_bundle: str | None = None
) -> Remote:
    """A remote whose parts are in order; ``UsageError`` otherwise."""
    if _NAME.fullmatch(name) is None:
        raise UsageError(
            "a remote's name is made of letters, digits, - and _", advice="for example: test"
        )
    url = base_url(url)
    if token_env is not None:
        if _VARIABLE.fullmatch(token_env) is None:
            raise UsageError(
                "--token-env names an environment variable; what was given is no such name",
                advice="export the token in a variable and give the variable's name",
            )
        if url.startswith("http://") and not is_loopback(url):
            raise UsageError(
                "a token is not sent over plain http", advice="use the server's https address"
            )
    return Remote(name, url, token_env, ca_bundle)


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


def _remote(path: Path, name: str, row: _Row) -> Remote:
    token_env = None
    if row.token is not None:
        kind, _, token_env = row.token.partition(":")
        if kind != "env" or not token_env:
            raise UsageError(
                f"{path}: remotes.{name}.token must read env:NAME; a token itself has no place here"
            )
    return checked_remote(name, row.url, token_env=token_env, ca_bundle=row.ca_bundle)


def add_remote(path: Path, remote: Remote) -> bool:
    """Write a remote into the file; False when it is there already, just so."""
    known = read_remotes(path).get(remote.name)
    if known == remote:
        return False
    if known is not None:
        raise UsageError(
            f"remote {remote.name} exists already, with other settings",
            advice=f"fhirkit remote remove {remote.name}, or choose another name",
        )
    lines = [f"[remotes.{remote.name}]", f"url = {_text(remote.url)}"]
    if remote.token_env is not None:
        lines.append(f"token = {_text(f'env:{remote.token_env}')}")
    if remote.ca_bundle is not None:
        lines.append(f"ca_bundle = {_text(remote.ca_bundle)}")
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
            inside = head[1].replace('"', "").replace(" ", "") == f"remotes.{name}"
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

"""Secrets by reference: where one is kept is written down, what it says never is.

``env:NAME`` is an environment variable, ``file:PATH`` a file that its owner alone may read,
``cmd:COMMAND`` what a program prints (a password manager's), ``keyring:SERVICE/NAME`` an entry of
the system's key store.
"""

from __future__ import annotations

import os
import re
import shlex
import stat
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from fhirkit.core.errors import UsageError

KINDS = ("env", "file", "cmd", "keyring")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LARGEST = 64 * 1024
_COMMAND_SECONDS = 60
_FORMS = "env:NAME, file:PATH, cmd:COMMAND or keyring:SERVICE/NAME"


class Secret:
    """The text of a secret. It is read by ``reveal`` alone: printing shows nothing."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself, for the one place that sends or signs with it."""
        return self._text

    def __repr__(self) -> str:
        return "Secret(…)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not written anywhere")


@dataclass(frozen=True, slots=True)
class SecretReference:
    """Where a secret is kept: one of ``KINDS`` and the place in it."""

    kind: str
    place: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.place}"

    @property
    def may_change(self) -> bool:
        """Whether asking again may give another secret; a process's environment stays."""
        return self.kind != "env"

    def resolve(self, environment: Mapping[str, str], folder: Path) -> Secret:
        """The secret; ``UsageError`` that names the place when it is not to be had.

        Paths are relative to ``folder``, the working tree's root.
        """
        if self.kind == "env":
            text = environment.get(self.place)
            if not text:
                raise UsageError(
                    f"the environment variable {self.place} with the secret is not set",
                    advice=f"export {self.place}=… in the shell that runs fhirkit",
                )
            return Secret(text)
        if self.kind == "file":
            path = folder / Path(self.place).expanduser()
            return _nonempty(read_private(path, "the secret's file"), self)
        if self.kind == "cmd":
            return _nonempty(_output(self.place, environment, folder), self)
        return _nonempty(_from_keyring(self.place), self)


def parse_reference(text: str, *, option: str = "--secret") -> SecretReference:
    """A reference as it is written; ``UsageError`` for anything else, which is not repeated."""
    kind, mark, place = text.partition(":")
    place = place.strip()
    good = bool(mark) and kind in KINDS and bool(place) and place.isprintable()
    if kind == "env":
        good = good and _VARIABLE.fullmatch(place) is not None
    if kind == "keyring":
        service, slash, name = place.partition("/")
        good = good and bool(slash and service and name)
    if not good:
        raise UsageError(
            f"{option} must say where the secret is kept: {_FORMS}",
            advice="if you gave the secret itself, change it: other programs have seen it",
        )
    return SecretReference(kind, place)


def read_private(path: Path, what: str) -> bytes:
    """A file that its owner alone may read and write (mode 0600 or less); ``UsageError``
    otherwise.
    """
    try:
        # Not blocking: a FIFO put in the file's place must not hang us.
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except OSError as problem:
        raise UsageError(f"{what}: {path} cannot be read ({problem.strerror})") from None
    about = os.fstat(handle)
    if not stat.S_ISREG(about.st_mode):
        os.close(handle)
        raise UsageError(f"{what}: {path} is not a plain file")
    with os.fdopen(handle, "rb") as file:
        if os.name == "posix" and about.st_mode & 0o077:
            mode = stat.S_IMODE(about.st_mode)
            raise UsageError(
                f"{what}: {path} may be read by others (mode {mode:04o}, expected 0600)",
                advice=f"chmod 600 {shlex.quote(str(path))}",
            )
        data = file.read(_LARGEST + 1)
    if len(data) > _LARGEST:
        raise UsageError(f"{what}: {path} is too large for a secret (over 64 KiB)")
    return data


def _output(command: str, environment: Mapping[str, str], folder: Path) -> bytes:
    try:
        words = shlex.split(command)
    except ValueError:
        words = []
    if not words:
        raise UsageError("the secret's cmd: names no command that can be read")
    name = words[0]
    try:
        # What it says on stderr is dropped: nobody promised that no secret is in it.
        done = subprocess.run(
            words,
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_COMMAND_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise UsageError(
            f"the secret's command {name} gave nothing within {_COMMAND_SECONDS} s"
        ) from None
    except OSError as problem:
        raise UsageError(
            f"the secret's command {name} cannot be run ({problem.strerror})"
        ) from None
    if done.returncode != 0:
        raise UsageError(
            f"the secret's command {name} failed (exit {done.returncode})",
            advice="run it by hand to see why",
        )
    return done.stdout


def _from_keyring(place: str) -> bytes:
    service, _, name = place.partition("/")
    try:
        import keyring
        import keyring.errors
    except ImportError:
        raise UsageError(
            "secrets in the system's keyring need the package keyring",
            advice="pip install 'fhirkit[keyring]'",
        ) from None
    try:
        found = keyring.get_password(service, name)
    except keyring.errors.KeyringError:
        raise UsageError(
            f"the system's keyring cannot be opened for {service}/{name}",
            advice="on a machine without one, use env:, file: or cmd:",
        ) from None
    if found is None:
        raise UsageError(
            f"the system's keyring has no entry {service}/{name}",
            advice=f"keyring set {shlex.quote(service)} {shlex.quote(name)}",
        )
    return str(found).encode()


def _nonempty(data: bytes, reference: SecretReference) -> Secret:
    try:
        text = data.decode().strip("\r\n")
    except UnicodeDecodeError:
        raise UsageError(f"the secret from {reference.kind}: is not text") from None
    if not text.strip():
        raise UsageError(f"the secret from {reference.kind}: is empty")
    return Secret(text)

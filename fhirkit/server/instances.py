"""What is known of each server: a folder a port, with its state, log, lock and data."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from fhirkit.core.errors import InvalidInput, UsageError
from fhirkit.core.files import read_bytes, write_atomic
from fhirkit.core.jsonio import dump_bytes, loads
from fhirkit.server.processes import is_alive

HOST = "127.0.0.1"

# Anything else could be part of a stranger's command line, or of a path.
_TOKEN = re.compile(r"fhirkit-[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class ServerInfo:
    """A server whose process lives.

    ``token`` stands in the process's command line and proves that ``pid`` is still this server;
    ``started`` is an ISO instant; ``data`` is None for a server in memory.
    """

    port: int
    pid: int
    token: str
    started: str
    data: Path | None
    log: Path
    phase: Literal["starting", "running"]

    @property
    def url(self) -> str:
        """The FHIR base URL."""
        return f"http://{HOST}:{self.port}/fhir"

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON form, the form of ``--json``."""
        return {
            "url": self.url,
            "phase": self.phase,
            "port": self.port,
            "pid": self.pid,
            "started": self.started,
            "data": None if self.data is None else str(self.data),
            "log": str(self.log),
        }


@dataclass(frozen=True, slots=True)
class Instance:
    """The folder of the server on one port."""

    folder: Path
    port: int

    @classmethod
    def of(cls, home: Path | None, port: int) -> Instance:
        """The instance of a port under ``home`` (default: the user's data folder)."""
        return cls(_home(home) / str(port), port)

    @property
    def log(self) -> Path:
        """What the server says, since its last start."""
        return self.folder / "server.log"

    @property
    def lock(self) -> Path:
        """Held while a start is under way."""
        return self.folder / "lock"

    @property
    def default_data(self) -> Path:
        """Where the database is when nothing else is asked for."""
        return self.folder / "data"

    def ready(self, token: str) -> Path:
        """The file that the server writes when it answers."""
        return self.folder / f"{token}.ready"

    def save(self, info: ServerInfo) -> None:
        """Write the state, whole or not at all."""
        state = {**info.to_dict(), "token": info.token}
        write_atomic(self._state, dump_bytes(state))

    def load(self) -> ServerInfo | None:
        """The server of this port, if it lives; what a dead one left behind is removed."""
        info = self._read()
        if info is not None and is_alive(info.pid, info.token):
            return info
        # A start may be about to write a state of its own, so only the one seen is removed.
        if info is not None:
            self.forget(info.token)
        return None

    def forget(self, token: str) -> None:
        """Remove the state of this server, unless another one took its place."""
        self.ready(token).unlink(missing_ok=True)
        info = self._read()
        if info is None or info.token == token:
            self._state.unlink(missing_ok=True)

    def turn_log(self) -> None:
        """Start a new log and keep the one before."""
        with suppress(FileNotFoundError):
            self.log.replace(self.log.with_name("server.log.1"))

    @property
    def _state(self) -> Path:
        return self.folder / "state.json"

    def _read(self) -> ServerInfo | None:
        """The state as written; None when there is none or it makes no sense."""
        try:
            state = loads(read_bytes(self._state))
            token = str(state["token"])
            if not _TOKEN.fullmatch(token):
                return None
            return ServerInfo(
                port=self.port,
                pid=int(state["pid"]),
                token=token,
                started=str(state["started"]),
                data=None if state["data"] is None else Path(state["data"]),
                log=self.log,
                phase="running" if self.ready(token).exists() else "starting",
            )
        except (UsageError, InvalidInput, KeyError, TypeError, ValueError):
            return None


def find(
    home: Path | None = None, *, port: int | None = None, data: Path | None = None
) -> list[ServerInfo]:
    """The servers that live, by port; only those on ``port`` or with ``data`` if given."""
    try:
        ports = sorted(int(path.name) for path in _home(home).iterdir() if path.name.isdigit())
    except FileNotFoundError:
        return []
    except OSError as problem:
        raise UsageError(f"{_home(home)}: cannot be read ({problem.strerror})") from None
    alive = [info for number in ports if (info := Instance.of(home, number).load())]
    if port is not None:
        alive = [info for info in alive if info.port == port]
    if data is not None:
        alive = [info for info in alive if info.data == data.resolve()]
    return alive


def _home(home: Path | None) -> Path:
    if home is not None:
        return home
    from platformdirs import user_data_path

    return user_data_path("fhirkit", appauthor=False) / "server"

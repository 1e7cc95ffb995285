"""What `fhirkit doctor` looks at of all that servers are reached by, or run on.

Nothing is asked of a server, no secret is read that a command would have to give, none is shown.
"""

from __future__ import annotations

import os
import re
import ssl
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from fhirkit.cli.checkups import Finding, State
from fhirkit.core.errors import FhirkitError, UsageError

if TYPE_CHECKING:
    from fhirkit.remote.access import Access

_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
#: Where OpenSSL, and so the system's store, takes certificates from.
_USED = ("SSL_CERT_FILE", "SSL_CERT_DIR")
_NOT_USED = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_HOST = re.compile(r"[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]")


def server() -> Iterator[Finding]:
    """Java and Maven, which only `fhirkit server` needs: whether they run."""
    from fhirkit.server.tools import find_java, find_maven, require_compiler

    try:
        java = find_java(os.environ)
        yield Finding("java", "ok", f"{java.release} in {java.home}")
        require_compiler(java)
        yield _runs(find_maven(os.environ))
    except FhirkitError as problem:
        message = f"{problem.message}; `fhirkit server` needs it, nothing else does"
        yield Finding("server", "note", message, problem.advice or "")


def _runs(maven: Path) -> Finding:
    try:
        done = subprocess.run(
            [maven, "--version"], capture_output=True, text=True, errors="replace", timeout=30,
            stdin=subprocess.DEVNULL, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        raise UsageError(f"{maven} does not run", advice=f"try: {maven} --version") from None
    version = re.search(r"Apache Maven (\d[\w.-]*)", done.stdout)
    if done.returncode or version is None:
        raise UsageError(f"{maven} does not run", advice=f"try: {maven} --version")
    return Finding("maven", "ok", f"{version[1]}, {maven}")


def remotes() -> Iterator[Finding]:
    """The remotes of the working tree: settings, certificates, and where their secrets are kept."""
    from fhirkit.sync.config import read_remotes
    from fhirkit.sync.worktree import WorkingTree

    try:
        tree = WorkingTree.find(Path.cwd())
    except UsageError:
        return
    try:
        known = read_remotes(tree.config)
    except FhirkitError as problem:
        yield Finding("remotes", "wrong", problem.message, problem.advice or "")
        return
    for name, remote in known.items():
        troubles = list(_troubles(remote.access, tree.root))
        for state, trouble in troubles:
            yield Finding("remotes", state, f"{name}: {trouble.message}", trouble.advice or "")
        if not troubles:
            yield Finding("remotes", "ok", f"{name} is {remote.url}")


def _troubles(access: Access, root: Path) -> Iterator[tuple[State, UsageError]]:
    from fhirkit.remote.secret import parse_reference
    from fhirkit.remote.tls import Tls

    def beside(path: str | None) -> str | None:
        return None if path is None else str(root / Path(path).expanduser())

    files = Tls(beside(access.ca_bundle), beside(access.client_cert), beside(access.client_key))
    try:
        files.context()
    except UsageError as problem:
        yield "wrong", problem
    if access.auth is None:
        return
    reference = parse_reference(access.auth.secret)
    if reference.kind in ("env", "file"):
        try:
            reference.resolve(os.environ, root)
        except UsageError as problem:
            # Another shell may have the variable; a file is the same for all.
            yield ("note" if reference.kind == "env" else "wrong"), problem


def network() -> Iterator[Finding]:
    """Proxies and certificates in the environment. Their secrets are not shown."""
    yield from proxies(os.environ)
    yield from certificates(os.environ)


def certificates(environment: Mapping[str, str]) -> Iterator[Finding]:
    """The system's store as the environment leaves it, and settings that are for others."""
    sound = True
    for name in _USED:
        # A folder of certificates may be a list of folders.
        for value in filter(None, environment.get(name, "").split(os.pathsep)):
            trouble = _unusable(Path(value))
            if trouble:
                sound = False
                message = f"{name} names {value}, {trouble}"
                yield Finding("certificates", "wrong", message, f"unset {name}, or correct it")
    for name in _NOT_USED:
        if environment.get(name):
            message = f"{name} is set; fhirkit takes the system's store, or what --ca-bundle names"
            yield Finding("certificates", "note", message)
    if not sound:
        return
    count = ssl.create_default_context().cert_store_stats()["x509_ca"]
    if count or any(Path(ssl.get_default_verify_paths().capath or "/nowhere").glob("*.[0-9]")):
        yield Finding("certificates", "ok", "the system's store")
    else:
        message = "the system's store is empty; the certificates that certifi brings are used"
        yield Finding("certificates", "note", message, "apt install ca-certificates")


def _unusable(path: Path) -> str:
    """Why certificates cannot be taken from there; empty where they can."""
    if not path.exists():
        return "which is not there"
    if path.is_dir():
        return "" if any(path.glob("*.[0-9]")) else "in which no certificate is hashed (c_rehash)"
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(cafile=path)
    except OSError:  # SSLError is one
        return "which holds no certificate in PEM form"
    return ""


def proxies(environment: Mapping[str, str]) -> Iterator[Finding]:
    """No proxy is taken from the environment: said, since other tools take them."""
    for name in sorted(environment):
        if name.lower() not in _PROXIES or not environment[name]:
            continue
        if name.lower() == "no_proxy":
            yield Finding("proxies", "note", f"{name} is set; fhirkit does not look at it")
            continue
        # What stands before the host, a password with it, is not for the screen.
        address = environment[name].rpartition("@")[2].rpartition("://")[2]
        host = _HOST.match(address)
        shown = "a proxy" if host is None else host.group()
        message = f"{name} names {shown}; fhirkit uses a proxy only where --proxy names one"
        yield Finding("proxies", "note", message)

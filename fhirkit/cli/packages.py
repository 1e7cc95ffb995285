"""What the package commands share: where the cache, the lock and the registries are."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import rich_click as click

from fhirkit.core.errors import UsageError

if TYPE_CHECKING:
    from fhirkit.definitions.cache import PackageCache
    from fhirkit.remote.registry import Registries

_F = TypeVar("_F", bound=Callable[..., Any])

#: Where each setting may come from, strongest first: the option, this variable, the config file.
CACHE_VARIABLE, REGISTRY_VARIABLE = "FHIRKIT_PACKAGE_CACHE", "FHIRKIT_REGISTRY"
_SETTINGS = {"cache": str, "registries": list, "allow_hosts": list, "token_env": str}

cache_option = click.option(
    "--cache", metavar="DIR",
    help=f"The package cache. [default: ${CACHE_VARIABLE} or ~/.fhir/packages]",
)  # fmt: skip


def registry_options(command: _F) -> _F:
    """--registry, --allow-host, --token-env, --ca-bundle and --offline."""
    for option in (
        click.option("--offline", is_flag=True, help="Open no connection."),
        click.option("--ca-bundle", metavar="FILE", help="Certificates to trust."),
        click.option("--token-env", metavar="VAR", help="Environment variable with the token."),
        click.option(
            "--allow-host", "allow_hosts", multiple=True, metavar="HOST",
            help="A host that may serve archives for the registry; it never gets the token.",
        ),
        click.option(
            "--registry", "registries", multiple=True, metavar="[PREFIX=]URL",
            help="A package registry, for all names or for those that begin with PREFIX"
            f" alone. [default: ${REGISTRY_VARIABLE}]",
        ),
    ):  # fmt: skip
        command = option(command)
    return command


@dataclass(frozen=True, slots=True)
class Access:
    """The registry options as they were given."""

    registries: tuple[str, ...] = ()
    allow_hosts: tuple[str, ...] = ()
    token_env: str | None = None
    ca_bundle: str | None = None
    offline: bool = False


def package_cache(cache: str | None) -> PackageCache:
    """The cache that the option, the environment or the config file names."""
    from fhirkit.definitions.cache import PackageCache

    folder = cache or os.environ.get(CACHE_VARIABLE) or _settings().get("cache")
    try:
        return PackageCache(Path(folder or "~/.fhir/packages").expanduser())
    except RuntimeError:
        raise UsageError(
            "the home folder is not known", advice=f"name a cache: --cache or {CACHE_VARIABLE}"
        ) from None


def registries_of(access: Access) -> Registries | None:
    """The registries to ask; None when there is none, or nothing may be asked."""
    if access.offline:
        return None
    settings = _settings()
    given = access.registries or tuple(os.environ.get(REGISTRY_VARIABLE, "").split())
    given = given or tuple(settings.get("registries", ()))
    if not given:
        return None
    from fhirkit.remote.registry import Registries, Registry, parse_registry

    hosts = access.allow_hosts or tuple(settings.get("allow_hosts", ()))
    variable = access.token_env or settings.get("token_env")
    token = os.environ.get(variable) if variable else None
    if variable and not token:
        raise UsageError(f"the environment variable {variable} with the token is not set")
    by_prefix: dict[str, Registry] = {}
    parsed = [parse_registry(text) for text in given]
    if token and len({url for _, url in parsed}) > 1:
        raise UsageError("one token is not sent to several registries", advice="name only one")
    for prefix, url in parsed:
        if prefix in by_prefix:
            raise UsageError(f"two registries are named for {prefix or 'all names'}")
        by_prefix[prefix] = Registry(url, token=token, hosts=hosts, ca_bundle=access.ca_bundle)
    return Registries(by_prefix.pop("", None), by_prefix)


def _settings() -> dict[str, Any]:
    """The table ``[packages]`` of the user's own config file; a project's file has no say here."""
    import tomllib

    from platformdirs import user_config_path

    path = user_config_path("fhirkit") / "config.toml"
    if not path.is_file():
        return {}
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8")).get("packages", {})
    except (OSError, ValueError) as problem:
        raise UsageError(f"{path}: not a valid configuration: {problem}") from None
    for name, value in table.items():
        if not isinstance(value, _SETTINGS.get(name, ())):
            known = ", ".join(_SETTINGS)
            raise UsageError(f"{path}: packages.{name} is unknown or of a wrong type ({known})")
    return dict(table)

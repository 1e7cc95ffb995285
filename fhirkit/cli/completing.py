"""What may stand for a value on the command line: what shells offer while it is typed.

A parameter's name, or else the word that `--help` shows for its value, says what it takes, so that
an option is completed as soon as it is written. Nothing here may fail or take long: a shell waits.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import rich_click as click
from click.shell_completion import CompletionItem
from click.types import StringParamType

from fhirkit.core.errors import UsageError

_Items = Iterable["str | CompletionItem[str]"]
_Source = Callable[[click.Context, str], _Items]


class Value(StringParamType):
    """A text on the command line that shells can complete."""

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem[str]]:
        """What fits, as far as ``incomplete`` goes."""
        source = _source(ctx, param)
        seen = _given(ctx, param)
        try:
            offered = [] if source is None else list(source(ctx, incomplete))
        except Exception:  # noqa: BLE001  # the command itself says what is wrong, not the prompt
            return []
        items = [CompletionItem(one) if isinstance(one, str) else one for one in offered]
        return [
            item for item in items
            if item.type != "plain"
            or (str(item.value).startswith(incomplete) and item.value not in seen)
        ]  # fmt: skip


def make_completable(command: click.Command, context: click.Context) -> None:
    """Let every text that a command, or a command in it, takes be completed."""
    for param in command.params:
        if type(param.type) is StringParamType:
            param.type = Value()
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            if inner is not None:
                make_completable(inner, context)


def _source(context: click.Context, param: click.Parameter) -> _Source | None:
    names = (f"{context.command.name} {param.name}", param.name or "")
    shown = (param.metavar or "").strip("[].")
    return next((_SOURCES[name] for name in (*names, shown) if name in _SOURCES), None)


def _given(context: click.Context, param: click.Parameter) -> tuple[Any, ...]:
    """The values that a parameter which takes several has already."""
    value = context.params.get(param.name or "")
    return value if isinstance(value, tuple) else ()


def _nothing(_context: click.Context, _typed: str) -> _Items:
    return ()


def _files(_context: click.Context, typed: str) -> _Items:
    return [CompletionItem(typed, type="file")]


def _folders(_context: click.Context, typed: str) -> _Items:
    return [CompletionItem(typed, type="dir")]


def _rules(_context: click.Context, _typed: str) -> _Items:
    from fhirkit.convert.catalogue import CATALOGUE
    from fhirkit.policy.catalogue import CATALOGUE as SETTINGS
    from fhirkit.validate.catalogue import RULES

    for rules in (RULES, CATALOGUE, SETTINGS):
        for rule in rules.values():
            yield CompletionItem(rule.id, help=rule.meaning)


def _versions(_context: click.Context, _typed: str) -> _Items:
    return ["R4", "R4B", "R5"]


def _packages(_context: click.Context, _typed: str) -> _Items:
    from fhirkit.cli.packages import package_cache

    return [f"{name}@{version}" for name, version in package_cache(None).installed()]


def _packages_or_files(context: click.Context, typed: str) -> _Items:
    found = [one for one in _packages(context, typed) if str(one).startswith(typed)]
    return found or _files(context, typed)


def _profiles(context: click.Context, typed: str) -> _Items:
    """The profiles of the packages named so far, or in the settings; then those of FHIR itself."""
    from fhirkit.cli.packages import package_cache
    from fhirkit.core.jsonio import loads
    from fhirkit.policy import find_config

    cache, config = package_cache(None), find_config(Path.cwd()).config
    for name in (*context.params.get("packages", ()), *config.packages):
        file = cache.root / str(name).replace("@", "#") / "package" / ".index.json"
        if "@" not in name or not file.is_file():
            continue
        for row in loads(file.read_bytes(), file=file.name)["files"]:
            if row.get("resourceType") == "StructureDefinition" and row.get("type") != "Extension":
                yield row["url"]
    yield from _of_fhir("SELECT url FROM canonical WHERE type = 'StructureDefinition'", typed)


def _types(_context: click.Context, typed: str) -> _Items:
    base = "http://hl7.org/fhir/StructureDefinition/"
    urls = _of_fhir("SELECT url FROM schema WHERE kind = 'resource'", base + typed)
    return [url.removeprefix(base) for url in urls]


def _of_fhir(query: str, typed: str) -> Iterator[str]:
    from fhirkit.definitions.embedded import connect

    with closing(connect()) as database:
        for (url,) in database.execute(query):
            if url.startswith(typed):
                yield url


def _variables(_context: click.Context, _typed: str) -> _Items:
    return sorted(os.environ)


def _revisions(_context: click.Context, _typed: str) -> _Items:
    import subprocess

    command = ["git", "for-each-ref", "--format=%(refname:short)"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=1, check=False)
    return ["HEAD", *done.stdout.split()]


def _remotes(_context: click.Context, _typed: str) -> _Items:
    from fhirkit.cli.working_tree import here
    from fhirkit.sync.config import read_remotes

    remotes = read_remotes(here().config).values()
    return [CompletionItem(remote.name, help=remote.url) for remote in remotes]


def _remotes_or_files(context: click.Context, typed: str) -> _Items:
    # Files go first: bash forgets what came before it is told to offer them.
    yield from _files(context, typed)
    with suppress(UsageError):  # not in a working tree
        yield from _remotes(context, typed)


def _resources(_context: click.Context, typed: str) -> _Items:
    """``Type/id`` of the files in the working tree: types first, then what is of one type."""
    from fhirkit.cli.working_tree import here

    root = here().root
    kind, slash, _ = typed.partition("/")
    if slash:
        return sorted(f"{kind}/{file.stem}" for file in (root / kind).glob("*.json"))
    return sorted(
        f"{one.name}/" for one in root.iterdir() if one.is_dir() and one.name[0].isupper()
    )


def _thrown(_context: click.Context, _typed: str) -> _Items:
    from fhirkit.cli.working_tree import here
    from fhirkit.sync.trash import thrown

    return sorted({str(one.key) for one in thrown(here())})


def _moments(context: click.Context, _typed: str) -> _Items:
    """The points of the timeline in the case that is named already."""
    import yaml

    # Behind an option without its value click leaves arguments where they were.
    named = (context.params.get("case"), context.params.get("source"), *context.args)
    file = next(Path(name) for name in named if name and Path(name).is_file())
    case = yaml.load(file.read_bytes(), yaml.CBaseLoader)  # noqa: S506  # texts only
    return list(case["timeline"])


def _chaos_profiles(_context: click.Context, _typed: str) -> _Items:
    from fhirkit.chaos.behaviour import PROFILES

    return sorted(PROFILES)


#: "command parameter", the parameter, or the word shown for its value → what completes it.
_SOURCES: dict[str, _Source] = {
    "chaos profile": _chaos_profiles,
    "add name": _nothing,
    "clone name": _nothing,
    "add sources": _files,
    "package add sources": _files,
    "pull url": _remotes,
    "push url": _remotes,
    "push source": _remotes_or_files,
    "restore resource": _thrown,
    "as_of": _moments,
    "source": _files,
    "name": _remotes,
    "resource": _resources,
    "resources": _resources,
    "what": _resources,
    "there": _resources,
    "profiles": _profiles,
    "Type/id": _resources,
    "FILE": _files,
    "PATH": _files,
    "DIR": _folders,
    "RULE": _rules,
    "VERSION": _versions,
    "PACKAGE": _packages_or_files,
    "NAME@VERSION": _packages,
    "NAME@VERSION|FILE.tgz|FOLDER": _files,
    "TYPE": _types,
    "VAR": _variables,
    "REV": _revisions,
}

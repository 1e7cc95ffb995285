"""A project's configuration: ``fhirkit.toml``, or the table ``[tool.fhirkit]`` of pyproject.toml.

It says what to check and which findings count. It never says where to fetch from or whom to send
something to: a cloned project must not choose that.
"""

from __future__ import annotations

import datetime as dt
import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from fhirkit.core.errors import UsageError

FILE, PYPROJECT = "fhirkit.toml", "pyproject.toml"
#: What a configuration may make of a rule; ``off`` is the same as ignoring it.
Level = Literal["error", "warning", "information", "off"]


class _Table(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="kebab", omit_defaults=True
):
    """Base of all: names are written with hyphens, and an unknown one is an error."""


class ProfileRule(_Table, frozen=True):
    """Profiles that resources must follow, by file or by type; both given: both must fit."""

    profiles: Annotated[tuple[str, ...], msgspec.Meta(min_length=1, description="Canonicals.")]
    path: Annotated[str | None, msgspec.Meta(description="A glob, from the file's folder.")] = None
    type: Annotated[str | None, msgspec.Meta(description="A resource type.")] = None


class Suppression(_Table, frozen=True):
    """Findings that are known and accepted, with the reason."""

    rule: Annotated[str, msgspec.Meta(description="A rule id, or a pattern such as binding-*.")]
    reason: Annotated[str, msgspec.Meta(min_length=3, description="Why it is accepted.")]
    path: Annotated[str | None, msgspec.Meta(description="A glob; everywhere without one.")] = None
    expression: Annotated[
        str | None, msgspec.Meta(description="The FHIRPath place; without indices any of them.")
    ] = None
    expires: Annotated[
        dt.date | None, msgspec.Meta(description="The last day on which it holds.")
    ] = None


class Config(_Table, frozen=True):
    """Everything a project may set. What the command line gives goes before."""

    include: Annotated[
        tuple[str, ...], msgspec.Meta(description="Files, folders or globs to check by default.")
    ] = ()
    exclude: Annotated[tuple[str, ...], msgspec.Meta(description="Globs never checked.")] = ()
    packages: Annotated[
        tuple[str, ...], msgspec.Meta(description="FHIR packages: NAME@VERSION, file or folder.")
    ] = ()
    fhir_version: Annotated[
        str | None, msgspec.Meta(description="R4 (the default), R4B, R5, or in full: 5.0.0.")
    ] = None
    definitions: Annotated[
        tuple[str, ...], msgspec.Meta(description="Globs of further definitions (JSON).")
    ] = ()
    fail_on: Annotated[
        Literal["error", "warning", "information", "never"] | None,
        msgspec.Meta(description="The severity that makes a run fail."),
    ] = None
    allow_incomplete: Annotated[
        bool, msgspec.Meta(description="Exit 0 though something could not be checked.")
    ] = False
    select: Annotated[tuple[str, ...], msgspec.Meta(description="Rules to report.")] = ()
    ignore: Annotated[tuple[str, ...], msgspec.Meta(description="Rules not to report.")] = ()
    severity: Annotated[
        dict[str, Level], msgspec.Meta(description="Rule id or pattern → severity.")
    ] = {}
    profiles: Annotated[
        tuple[ProfileRule, ...], msgspec.Meta(description="Profiles by file or type.")
    ] = ()
    suppress: Annotated[
        tuple[Suppression, ...], msgspec.Meta(description="Findings that are accepted.")
    ] = ()
    baseline: Annotated[
        str | None, msgspec.Meta(description="The file of `fhirkit baseline`, from this folder.")
    ] = None


class ConfigFile(msgspec.Struct, frozen=True):
    """A configuration and where it stands; paths in it start at ``folder``."""

    config: Config
    path: Path | None = None
    #: Line of each ``[[suppress]]`` table, in order.
    suppress_lines: tuple[int, ...] = ()

    @property
    def folder(self) -> Path:
        """The folder that relative paths of the configuration start at."""
        return Path.cwd() if self.path is None else self.path.parent


def find_config(start: Path) -> ConfigFile:
    """The nearest configuration in a folder or one above it; an empty one when there is none.

    In one folder ``fhirkit.toml`` goes before ``pyproject.toml``. The search ends at the folder of
    a git repository, so that nothing outside a project changes its verdict.
    """
    for folder in (start, *start.parents):
        own, shared = folder / FILE, folder / PYPROJECT
        if own.is_file():
            return read_config(own)
        if shared.is_file():
            found = read_config(shared)
            if found.path is not None:
                return found
        if (folder / ".git").exists():
            break
    return ConfigFile(Config())


def read_config(path: Path) -> ConfigFile:
    """The configuration of a file. ``UsageError`` says what is wrong with it, and where.

    A pyproject.toml without the table gives an empty configuration without a path.
    """
    try:
        text = path.read_text("utf-8")
        document = tomllib.loads(text)
    except OSError as problem:
        raise UsageError(f"{path}: cannot be read: {problem.strerror}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path}: is not UTF-8") from None
    except tomllib.TOMLDecodeError as problem:
        raise UsageError(f"{path}: not valid TOML: {problem}") from None
    shared = path.name == PYPROJECT
    table: Any = document
    if shared:
        tools = document.get("tool")
        table = tools.get("fhirkit") if isinstance(tools, dict) else None
        if table is None:
            return ConfigFile(Config())
    try:
        config = msgspec.convert(table, Config)
    except msgspec.ValidationError as problem:
        raise UsageError(f"{path}: {_explained(problem)}", advice=_advice(problem)) from None
    return ConfigFile(config, path, tuple(_suppress_lines(text)))


def config_schema() -> dict[str, Any]:
    """The JSON Schema of ``fhirkit.toml``."""
    schema = msgspec.json.schema(Config)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def _explained(problem: msgspec.ValidationError) -> str:
    text = str(problem).replace("Object ", "the table ").replace("`$.", "`").replace("`$`", "top")
    return text[0].lower() + text[1:]


def _advice(problem: msgspec.ValidationError) -> str:
    from difflib import get_close_matches

    unknown = re.search(r"unknown field `([^`]+)`", str(problem))
    names = {
        name.replace("_", "-")
        for struct in (Config, ProfileRule, Suppression)
        for name in struct.__struct_fields__
    }
    wrong = re.search(r"(?i)invalid enum value '([^']+)'", str(problem))
    if wrong:
        words = ("error", "warning", "information", "never" if "fail-on" in str(problem) else "off")
        return f"write one of {', '.join(words)}"
    close = get_close_matches(unknown[1], names, n=1) if unknown else []
    return f"did you mean {close[0]!r}?" if close else "docs/ci.md lists every setting"


def _suppress_lines(text: str) -> list[int]:
    header = re.compile(r"\s*\[\[\s*(?:tool\.fhirkit\.)?suppress\s*\]\]")
    return [number for number, line in enumerate(text.splitlines(), 1) if header.match(line)]

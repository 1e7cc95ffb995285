"""The options that say what a validator checks, and how strictly; and the validator they make."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import rich_click as click

from fhirkit.core.errors import UsageError

if TYPE_CHECKING:
    from fhirkit.validate import Validator

_F = TypeVar("_F", bound=Callable[..., Any])

# The parts of --help.
_BY = "Definitions to check by"
_STRICT = "What is looked at, and how strictly"
_COUNT = "Which issues count"

_OPTIONS = (
    click.option(
        "--profile", "profiles", multiple=True, metavar="URL",
        panel=_BY,
        help="A profile that every resource must follow, beside those it claims.",
    ),
    click.option(
        "--definition", "definitions", multiple=True, metavar="FILE",
        panel=_BY,
        help="A definition to know: a StructureDefinition, ValueSet, CodeSystem or Questionnaire.",
    ),
    click.option(
        "--package", "packages", multiple=True, metavar="PACKAGE",
        panel=_BY,
        help="A FHIR package to know: FILE.tgz, a folder, or NAME@VERSION of the package cache.",
    ),
    click.option(
        "--fhir-version", metavar="VERSION",
        panel=_BY,
        help="The version of FHIR: R4 (embedded), R4B, R5, or in full; others than R4 need their"
        " core package: in the package cache, or as a --package.",
    ),
    click.option(
        "--shape-only", is_flag=True,
        help="Look at the shape alone: no constraints, codes, references or profiles. Exit code 3.",
    ),
    click.option(
        "--best-practice", is_flag=True,
        panel=_STRICT,
        help="Warn of constraints, too, that are recommendations only.",
    ),
    click.option(
        "--security-checks", is_flag=True,
        panel=_STRICT,
        help="Report text that looks like markup or a script where none belongs.",
    ),
    click.option(
        "--for-publication", is_flag=True,
        panel=_STRICT,
        help="Demand what is demanded only of definitions about to be published.",
    ),
    click.option(
        "--example-urls/--no-example-urls", default=True, show_default=True,
        panel=_STRICT,
        help="Let URLs under example.org and acme.com lead to nothing.",
    ),
    click.option(
        "--references", type=click.Choice(["none", "type", "exists", "valid"]), default="none",
        show_default=True,
        panel=_STRICT,
        help="How far references out of the input are followed, in what was supplied:"
        " not, to the target's type, existence, or profiles.",
    ),
    click.option(
        "--trust-server-references", is_flag=True,
        panel=_STRICT,
        help="Take a reference Type/id for one that exists on a server.",
    ),
    click.option(
        "--inner-resources/--no-inner-resources", default=True, show_default=True,
        panel=_STRICT,
        help="Check contained resources and the resources of Bundle entries.",
    ),
    click.option(
        "--json-comments", is_flag=True, panel=_STRICT,
        help="Allow // comments in JSON.",
    ),
    click.option(
        "--language", "languages", multiple=True, metavar="TAG",
        panel=_STRICT,
        help="A language displays may be in (BCP 47). [default: that of the resource]",
    ),
    click.option(
        "--entry-profile", "entry_profiles", multiple=True, metavar="ENTRIES=URL",
        panel=_BY,
        help="A profile for entries of a Bundle: Patient:0=URL is the first Patient, Patient=URL"
        " every one, 0=URL the first entry.",
    ),
    click.option(
        "-j", "--jobs", type=click.IntRange(min=0), default=1, show_default=True, metavar="N",
        help="Check with N processes at once; 0 is one a processor. Worth it from some hundred"
        " records on.",
    ),
    click.option(
        "--select", multiple=True, metavar="RULE",
        panel=_COUNT,
        help="Report only these rules; patterns such as binding-* are allowed.",
    ),
    click.option(
        "--ignore", multiple=True, metavar="RULE", panel=_COUNT,
        help="Do not report these rules (or patterns).",
    ),
    click.option(
        "--config", metavar="FILE",
        panel=_COUNT,
        help="The settings, instead of the nearest fhirkit.toml or pyproject.toml.",
    ),
    click.option(
        "--no-config", is_flag=True, panel=_COUNT,
        help="Read no settings.",
    ),
)  # fmt: skip


def checking_options(command: _F) -> _F:
    """What to check by, the switches of a validator, and which findings count."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@dataclass(frozen=True, slots=True, kw_only=True)
class Checking:
    """The options as they were given."""

    profiles: tuple[str, ...] = ()
    definitions: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    fhir_version: str | None = None
    shape_only: bool = False
    best_practice: bool = False
    security_checks: bool = False
    for_publication: bool = False
    example_urls: bool = True
    references: str = "none"
    trust_server_references: bool = False
    inner_resources: bool = True
    json_comments: bool = False
    languages: tuple[str, ...] = ()
    entry_profiles: tuple[str, ...] = ()
    jobs: int = 1
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    config: str | None = None
    no_config: bool = False

    def validator(self) -> Validator:
        """A validator that checks what was asked for."""
        from pathlib import Path

        from fhirkit.cli.packages import package_cache
        from fhirkit.validate import Validator
        from fhirkit.validate.options import Options, References

        options = Options(
            shape_only=self.shape_only,
            best_practice=self.best_practice,
            security_checks=self.security_checks,
            for_publication=self.for_publication,
            example_urls=self.example_urls,
            references=References[self.references.upper()],
            trust_server_references=self.trust_server_references,
            inner_resources=self.inner_resources,
            json_comments=self.json_comments,
            languages=self.languages,
            bundle_entries=dict(map(_entry_profile, self.entry_profiles)),
        )
        needs_cache = self.packages or self.fhir_version
        return Validator(
            map(Path, self.definitions),
            self.packages,
            options,
            package_cache=package_cache(None).root if needs_cache else None,
            fhir_version=self.fhir_version,
        )


def _entry_profile(text: str) -> tuple[str, str]:
    entries, equals, url = text.partition("=")
    if not equals or not url:
        raise UsageError(
            f"--entry-profile {text!r} names no profile", advice="write ENTRIES=URL: Patient:0=URL"
        )
    return entries, url

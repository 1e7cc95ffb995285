"""A project under check: its settings joined with the command line, its inputs, its policy."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from fhirkit.core.errors import FhirkitError, UsageError

if TYPE_CHECKING:
    from fhirkit.cli.checking import Checking
    from fhirkit.cli.fixes import Fixes
    from fhirkit.core.issues import Issue, Outcome, Severity
    from fhirkit.policy import Baseline, Policy
    from fhirkit.policy.config import ConfigFile
    from fhirkit.validate import Validator
    from fhirkit.validate.batch import Checked, Input

_STDIN_NAME = "<stdin>"


class Project:
    """What the nearest fhirkit.toml says, and what the command line says before it."""

    def __init__(self, checking: Checking, *, with_baseline: bool = True) -> None:
        from fhirkit.policy import Policy
        from fhirkit.validate.catalogue import RULES

        self.settings = _settings(checking)
        config = self.settings.config
        self._checking = replace(
            checking,
            packages=(*map(self._package, config.packages), *checking.packages),
            fhir_version=checking.fhir_version or config.fhir_version,
            definitions=(*self._globbed(config.definitions), *checking.definitions),
        )
        self.policy: Policy = Policy(
            self.settings,
            RULES,
            select=checking.select,
            ignore=checking.ignore,
            baseline=self._baseline() if with_baseline else None,
        )

    @cached_property
    def validator(self) -> Validator:
        """A validator that knows the project's packages and definitions."""
        return self._checking.validator()

    @property
    def state(self) -> object:
        """What changes when the settings, or what they name, do."""
        path = self.baseline_path
        stamp = path.stat().st_mtime_ns if path is not None and path.exists() else None
        return self.settings, self._checking, stamp

    @property
    def baseline_path(self) -> Path | None:
        """Where the settings keep the baseline."""
        name = self.settings.config.baseline
        return None if name is None else self.settings.folder / name

    def fail_on(self, asked: str | None) -> Severity | None:
        """The severity that fails a run: as asked, else as set, else error; None for never."""
        from fhirkit.core.issues import Severity

        name = asked or self.settings.config.fail_on or "error"
        return None if name == "never" else Severity(name)

    def names(
        self,
        paths: Iterable[str],
        files_from: str | None,
        *,
        allow_empty: bool = False,
        stdin_name: str | None = None,
    ) -> list[str]:
        """The names of everything to check; ``UsageError`` when there is nothing.

        What the settings exclude is left out, standard input too where ``stdin_name`` is excluded.
        """
        from fhirkit.validate.batch import STDIN, expand

        asked = [*paths, *([] if files_from is None else _listed(files_from))]
        if not asked and files_from is None:
            asked = [self._from_here(name) for name in self.settings.config.include]
            if allow_empty:
                asked = [name for name in asked if Path(name).exists() or "*" in name]
        # Our own file in a folder is no record.
        own = self.baseline_path or self.settings.folder / "fhirkit-baseline.json"
        found = [
            name for name in expand(asked)
            if name in asked or name == STDIN or Path(name).absolute() != own
        ]  # fmt: skip
        excluded = {
            name for name in found
            if self.policy.excludes((stdin_name or STDIN) if name == STDIN else name)
        }  # fmt: skip
        names = [name for name in found if name not in excluded]
        there = any(name == STDIN or Path(name).exists() for name in names)
        if not allow_empty and not there and STDIN not in excluded:
            raise self._nothing(asked, [name for name in excluded if Path(name).exists()])
        return names

    def are_all(self, paths: Iterable[str], files_from: str | None) -> bool:
        """Whether these are everything there is to check: then unused settings can be told."""
        named = [Path(path).resolve() for path in paths]
        if files_from is not None or not named:
            return files_from is None
        include = [(self.settings.folder / one).resolve() for one in self.settings.config.include]
        if not include:
            return all(path.is_dir() for path in named)
        return all(any(one.is_relative_to(path) for path in named) for one in include)

    def _nothing(self, asked: list[str], excluded: list[str]) -> UsageError:
        advice = "name files (.json, .xml, .ndjson), folders or globs that exist"
        if excluded:
            return UsageError(
                f"nothing to validate: {self.settings.path} excludes"
                f" {', '.join(sorted(excluded)[:5])}",
                advice="change its `exclude`, or read no settings: --no-config",
            )
        if not asked:
            return UsageError(
                "nothing to validate: no path is named, and the settings include none",
                advice=f"{advice}, or set `include` in fhirkit.toml",
            )
        return UsageError(f"nothing to validate: {', '.join(asked[:5])}", advice=advice)

    def check(
        self,
        names: Iterable[str],
        stdin_name: str | None = None,
        *,
        remember: bool = False,
        fixes: Fixes | None = None,
    ) -> Iterator[Checked]:
        """Each input with the issues that count, as they are found.

        ``remember`` takes outcomes of earlier runs where nothing has changed, and keeps new ones.
        ``fixes`` repair what is safe before it is decided what counts.
        """
        from fhirkit.validate.batch import read_all

        self.policy.begin()
        inputs = read_all(names, sys.stdin.buffer, stdin_name or _STDIN_NAME)
        if self.policy.asks_profiles:
            inputs = map(self._with_profiles, inputs)
        mended = iter if fixes is None else fixes.over
        if not remember:
            yield from map(self._judged, mended(self._check_at_once(inputs)))
            return
        from platformdirs import user_cache_path

        from fhirkit.validate.remembered import Remembered

        file = user_cache_path("fhirkit", appauthor=False) / "outcomes.sqlite"
        with Remembered(file, self._identity()) as remembered:
            yield from map(self._judged, mended(remembered.check(inputs, self._check_at_once)))

    def outcome_of(self, item: Input) -> Outcome:
        """Everything that is found in one input, whether it counts or not."""
        return next(iter(self._check([item]))).outcome

    def check_text(self, name: str, data: bytes) -> list[Issue]:
        """The issues of inputs that are not in a file yet, or not as they are there."""
        from fhirkit.validate.batch import inputs_of

        self.policy.begin()
        if self.policy.excludes(name):
            return []
        inputs = inputs_of(name, data)
        if self.policy.asks_profiles:
            inputs = map(self._with_profiles, inputs)
        return [issue for one in map(self._judged, self._check(inputs)) for issue in one.outcome]

    def leftovers(self, *, whole: bool = True) -> list[Issue]:
        """What the settings themselves give rise to, known when everything was checked."""
        here, path = Path.cwd(), self.settings.path
        found = list(self.policy.leftovers(whole=whole))
        if path is None or not path.is_relative_to(here):
            return found
        return [replace(issue, file=str(path.relative_to(here))) for issue in found]

    def _check_at_once(self, inputs: Iterable[Input]) -> Iterator[Checked]:
        return self._check(inputs, self._checking.jobs)

    def _check(self, inputs: Iterable[Input], jobs: int = 1) -> Iterator[Checked]:
        from fhirkit.validate.batch import check

        # Made only when the first input has to be checked.
        yield from check(self.validator, inputs, self._checking.profiles, jobs=jobs)

    def _judged(self, checked: Checked) -> Checked:
        outcome = self.policy.apply(checked.input.name, checked.outcome)
        return checked._replace(outcome=outcome)

    def _identity(self) -> str:
        """What the outcomes of this run depend on besides the inputs."""
        from fhirkit.cli.packages import package_cache
        from fhirkit.validate.remembered import identity

        # Neither which findings count nor how many processes look changes what is found.
        own = replace(self._checking, jobs=1, select=(), ignore=(), config=None, no_config=False)
        named = [*own.definitions, *own.packages]
        parts: list[object] = [own, *(Path(name) for name in named if Path(name).exists())]
        if own.packages:
            # What a package needs is taken from the cache, so any change there may matter.
            root = package_cache(None).root
            parts += sorted((p.name, p.stat().st_mtime_ns) for p in root.glob("*"))
            parts += [root / name.replace("@", "#") for name in own.packages if "@" in name]
        return identity(*parts)

    def _with_profiles(self, item: Input) -> Input:
        if item.data is None:
            return item
        return item._replace(profiles=self.policy.profiles(item.name, self._type(item.data)))

    def _type(self, data: bytes) -> str | None:
        try:
            resource = self.validator.read(data)
        except FhirkitError:
            return None
        name = resource.get("resourceType") if isinstance(resource, dict) else None
        return name if isinstance(name, str) else None

    def _baseline(self) -> Baseline | None:
        from fhirkit.policy import Baseline

        path = self.baseline_path
        return None if path is None else Baseline.read(path)

    def _package(self, name: str) -> str:
        """A package of the settings: a file or folder from their folder, else NAME@VERSION."""
        return self._from_here(name) if (self.settings.folder / name).exists() else name

    def _globbed(self, patterns: tuple[str, ...]) -> Iterator[str]:
        for pattern in patterns:
            found = sorted(self.settings.folder.glob(pattern))
            if not found:
                raise UsageError(f"{self.settings.path}: definitions: nothing fits {pattern!r}")
            yield from map(str, found)

    def _from_here(self, name: str) -> str:
        path, here = self.settings.folder / name, Path.cwd()
        return str(path.relative_to(here) if path.is_relative_to(here) else path)


def _settings(checking: Checking) -> ConfigFile:
    from fhirkit.policy import Config, find_config, read_config
    from fhirkit.policy.config import ConfigFile

    if checking.no_config and checking.config:
        raise UsageError("--config and --no-config contradict each other", advice="leave one out")
    if checking.no_config:
        return ConfigFile(Config())
    if checking.config:
        return read_config(Path(checking.config).absolute())
    return find_config(Path.cwd())


def _listed(file: str) -> list[str]:
    """The names in a file, one a line, or NUL-separated; ``-`` is standard input."""
    import os

    try:
        data = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as problem:
        raise UsageError(f"{file}: cannot be read ({problem.strerror})") from None
    separator = b"\0" if b"\0" in data else b"\n"
    return [os.fsdecode(name.rstrip(b"\r")) for name in data.split(separator) if name.strip()]

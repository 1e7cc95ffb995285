"""The pytest plugin: the fixture ``fhir_validator``, and files of records collected as tests.

``*.fhir.json``, ``*.fhir.xml`` and ``*.fhir.ndjson`` are tests, one a resource, judged by the same
settings (fhirkit.toml) as ``fhirkit validate``. Nothing but pytest is imported until one is met.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from fhirkit.core.errors import FhirkitError

if TYPE_CHECKING:
    from fhirkit.cli.project import Project
    from fhirkit.core.issues import Issue
    from fhirkit.validate import Validator

_SUFFIXES = (".fhir.json", ".fhir.xml", ".fhir.ndjson")
_project_key = pytest.StashKey["Project"]()


class NotValid(Exception):
    """A record is not valid; ``issues`` say why."""

    def __init__(self, issues: list[Issue]) -> None:
        super().__init__(f"{len(issues)} issues")
        self.issues = issues


def pytest_addoption(parser: pytest.Parser) -> None:
    """``fhir_files = false`` in the ini file leaves records alone."""
    parser.addini(
        "fhir_files",
        "Collect *.fhir.json, *.fhir.xml and *.fhir.ndjson as tests.",
        type="bool",
        default=True,
    )


def pytest_configure(config: pytest.Config) -> None:
    """The marker by which records are selected: ``pytest -m fhir``."""
    config.addinivalue_line("markers", "fhir: a record of FHIR, collected by fhirkit")


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """A file of records is a collector of tests."""
    if not file_path.name.endswith(_SUFFIXES) or not parent.config.getini("fhir_files"):
        return None
    collector: FhirFile = FhirFile.from_parent(parent, path=file_path)
    return collector


@pytest.fixture(scope="session")
def fhir_validator(pytestconfig: pytest.Config) -> Validator:
    """A validator that knows the packages and definitions of the project's fhirkit.toml."""
    return project_of(pytestconfig).validator


def project_of(config: pytest.Config) -> Project:
    """The settings of the project under test, read once a run."""
    if _project_key not in config.stash:
        from fhirkit.cli.checking import Checking
        from fhirkit.cli.project import Project
        from fhirkit.policy import find_config

        path = find_config(config.rootpath).path
        given = Checking(no_config=True) if path is None else Checking(config=str(path))
        config.stash[_project_key] = Project(given)
    return config.stash[_project_key]


class FhirFile(pytest.File):
    """A file of one resource, or of one a line."""

    _outcomes: dict[int | None, Iterable[Issue]] | None = None

    def issues(self, project: Project, line: int | None) -> Iterable[Issue]:
        """What was found in the resource of a line, by the settings; a file is checked once."""
        if self._outcomes is None:
            found = project.check([str(self.path)])
            self._outcomes = {one.input.line: one.outcome for one in found}
        return self._outcomes.get(line, ())

    def collect(self) -> Iterator[pytest.Item]:
        """A test for each resource."""
        if self.path.suffix != ".ndjson":
            yield FhirItem.from_parent(self, name="valid", line=None)
            return
        with self.path.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    yield FhirItem.from_parent(self, name=f"line {number}", line=number)


class FhirItem(pytest.Item):
    """The test that one resource is valid."""

    def __init__(self, *, line: int | None, **named: Any) -> None:
        super().__init__(**named)
        self._line = line
        self.add_marker("fhir")

    def runtest(self) -> None:
        """Check the resource; ``NotValid`` when something fails by the settings."""
        from fhirkit.testing.assertion import failures

        project = project_of(self.config)
        assert isinstance(self.parent, FhirFile)  # noqa: S101  # collect() made it
        wrong = failures(
            self.parent.issues(project, self._line),
            project.fail_on(None),
            allow_incomplete=project.settings.config.allow_incomplete,
        )
        if wrong:
            raise NotValid(wrong)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The issues, in place of a traceback of fhirkit's own."""
        if isinstance(excinfo.value, NotValid):
            from fhirkit.testing.assertion import failure_text

            here = [_relative(issue, self.config.rootpath) for issue in excinfo.value.issues]
            return failure_text(here)
        if isinstance(excinfo.value, FhirkitError):
            # Settings, packages: what stops the check is no bug to be traced.
            advice = excinfo.value.advice
            return excinfo.value.message + (f"\ntry: {advice}" if advice else "")
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """File, line (from 0) and name."""
        return self.path, None if self._line is None else self._line - 1, self.name


def _relative(issue: Issue, root: Path) -> Issue:
    from dataclasses import replace

    path = Path(issue.file or "")
    return replace(issue, file=str(path.relative_to(root))) if path.is_relative_to(root) else issue

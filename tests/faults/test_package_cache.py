"""P14: two processes at once, kill -9 in the middle, a cache that cannot be written."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import Run
from package_making import package

from fhirkit.definitions.cache import PackageCache

# Big enough that a kill meets it in the middle of writing.
MANY = 400
EXTRA = tuple(
    (f"package/ValueSet-{n}.json", json.dumps({"resourceType": "ValueSet", "id": f"{n}"}).encode())
    for n in range(MANY)
)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PackageCache:
    monkeypatch.setenv("FHIRKIT_PACKAGE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("FHIRKIT_REGISTRY", raising=False)
    return PackageCache(tmp_path / "cache")


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "given.tgz"
    path.write_bytes(package("a.one", extra=EXTRA))
    return path


def start(folder: Path, *words: str) -> subprocess.Popen[str]:
    folder.mkdir(exist_ok=True)
    return subprocess.Popen(
        [sys.executable, "-m", "fhirkit.cli.main", "package", *words],
        cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def unfinished(cache: PackageCache) -> list[Path]:
    return list(cache.root.glob(".fhirkit-unfinished-*"))


def whole(cache: PackageCache) -> bool:
    found = cache.get("a.one", "1.0.0")
    return found is not None and len(found.files) == MANY + 1


def test_p14_two_processes_add_the_same(cache: PackageCache, archive: Path, tmp_path: Path) -> None:
    runs = [start(tmp_path / f"w{n}", "add", str(archive)) for n in range(3)]
    said = [run.communicate(timeout=60) for run in runs]
    assert [run.returncode for run in runs] == [0, 0, 0], said
    assert sorted(out for out, _ in said) == ["", "", "a.one@1.0.0\n"]
    assert whole(cache)
    assert unfinished(cache) == []


def test_p14_two_runs_in_one_folder_lose_nothing(cache: PackageCache, tmp_path: Path) -> None:
    names = [f"pkg.n{n}" for n in range(3)]
    for name in names:
        (tmp_path / f"{name}.tgz").write_bytes(package(name))
    runs = [start(tmp_path, "add", f"{name}.tgz") for name in names]
    said = [run.communicate(timeout=60) for run in runs]
    assert [run.returncode for run in runs] == [0, 0, 0], said
    written = json.loads((tmp_path / "fhirkit.lock").read_bytes())
    assert written["requested"] == [f"{name}@1.0.0" for name in names]


@pytest.mark.slow
def test_p14_killed_at_any_moment_nothing_is_half(
    cache: PackageCache, archive: Path, tmp_path: Path
) -> None:
    begun = 0
    for step in range(6):
        shutil.rmtree(cache.root, ignore_errors=True)
        run = start(tmp_path / "w", "add", str(archive))
        deadline = time.monotonic() + 20
        while not unfinished(cache) and run.poll() is None and time.monotonic() < deadline:
            time.sleep(0.001)
        time.sleep(step * 0.02)
        run.send_signal(signal.SIGKILL)
        run.communicate()
        begun += bool(unfinished(cache))
        # Whatever moment it was: no package, or all of it.
        assert cache.installed() in ([], [("a.one", "1.0.0")])
        assert not cache.installed() or whole(cache)
        again = start(tmp_path / "w", "add", str(archive))
        assert again.wait(60) == 0, again.communicate()
        again.communicate()
        assert whole(cache)
        # What the killed run left went away with the one that wrote after it.
        assert unfinished(cache) == []
    assert begun, "no kill fell into the writing"


def test_p14_what_a_killed_run_left_is_swept(
    fhirkit: Run, cache: PackageCache, archive: Path
) -> None:
    left = cache.root / ".fhirkit-unfinished-x/package"
    left.mkdir(parents=True)
    (left / "package.json").write_text("{")
    assert cache.installed() == []
    assert fhirkit("package", "add", "given.tgz").code == 0
    assert not left.parent.exists()
    assert whole(cache)


@pytest.fixture
def read_only() -> Iterator[Path]:
    """A folder that this process may read and not write, even when it is root's."""
    folder = Path(tempfile.mkdtemp(prefix="fhirkit-test-"))
    (folder / "cache").mkdir()
    folder.chmod(0o755)
    (folder / "cache").chmod(0o555)
    yield folder / "cache"
    (folder / "cache").chmod(0o755)
    shutil.rmtree(folder)


@pytest.mark.skipif(os.name != "posix", reason="rights are POSIX's here")
def test_p14_a_read_only_cache(fhirkit: Run, archive: Path, read_only: Path) -> None:
    user = os.geteuid()
    data = archive.read_bytes()
    from fhirkit.core.errors import FhirkitError
    from fhirkit.definitions.contents import Contents

    contents = Contents.of_archive(data, label="given.tgz")
    survey = contents.survey()
    try:
        if user == 0:
            os.seteuid(65534)
        with pytest.raises(FhirkitError, match="cannot be written") as caught:
            PackageCache(read_only).add(contents, survey)
    finally:
        os.seteuid(user)
    assert "--cache" in (caught.value.advice or "")
    assert list(read_only.iterdir()) == []


def test_p14_a_full_disk(
    fhirkit: Run, cache: PackageCache, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import fhirkit.core.folders as folders

    real, calls = folders._sync_file, []

    def full(path: Path) -> None:
        calls.append(path)
        if len(calls) == 7:
            raise OSError(28, "No space left on device")
        real(path)

    monkeypatch.setattr(folders, "_sync_file", full)
    done = fhirkit("package", "add", "given.tgz")
    assert (done.code, "No space left" in done.err) == (2, True)
    assert cache.installed() == []
    assert unfinished(cache) == []
    assert fhirkit("package", "add", "given.tgz").code == 0


def test_p14_another_tool_is_unpacking(fhirkit: Run, cache: PackageCache, archive: Path) -> None:
    half = cache.root / "a.one#1.0.0/package"
    half.mkdir(parents=True)
    (half / "package.json").write_text('{"name": "a.one", "version": "1.0.0"}')
    (cache.root / "a.one#1.0.0.lock").touch()
    done = fhirkit("package", "add", "a.one@1.0.0")
    assert (done.code, "another FHIR tool" in done.err) == (6, True)


def test_the_archive_changes_while_it_is_read(cache: PackageCache, tmp_path: Path) -> None:
    from fhirkit.core.errors import InvalidInput
    from fhirkit.definitions.contents import Contents

    folder = tmp_path / "ig"
    (folder / "package").mkdir(parents=True)
    (folder / "package/package.json").write_text('{"name": "a.one", "version": "1.0.0"}')
    (folder / "package/ValueSet-a.json").write_text('{"resourceType": "ValueSet"}')
    contents = Contents.of_path(folder)
    survey = contents.survey()
    (folder / "package/ValueSet-a.json").write_text('{"resourceType": "CodeSystem"}')
    with pytest.raises(InvalidInput, match="changed while it was read"):
        cache.add(contents, survey)
    assert cache.installed() == []

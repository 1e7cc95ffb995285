"""P8-P10, P12, P13 and the network rules: a registry may be wrong, down or hostile."""

from __future__ import annotations

import hashlib
import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from harness import Ran, Run
from package_making import FakeRegistry, Page, package

from fhirkit.remote.transport import Policy

Add = Callable[..., Ran]


@pytest.fixture(autouse=True)
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FHIRKIT_PACKAGE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("FHIRKIT_REGISTRY", raising=False)
    monkeypatch.setattr(
        "fhirkit.remote.registry.POLICY", Policy(timeout=1.0, tries=3, first_wait=0.01)
    )


@pytest.fixture(params=["npm", "fhir"])
def registry(request: pytest.FixtureRequest) -> Iterator[FakeRegistry]:
    one = FakeRegistry(request.param)
    yield one
    one.close()


@pytest.fixture
def other() -> Iterator[FakeRegistry]:
    one = FakeRegistry()
    yield one
    one.close()


@pytest.fixture
def add(fhirkit: Run, registry: FakeRegistry) -> Add:
    return lambda *words: fhirkit("package", "add", "--registry", registry.url, *words)


def lock(root: Path) -> dict[str, Any]:
    table: dict[str, Any] = json.loads((root / "fhirkit.lock").read_bytes())
    return table


def cached(root: Path) -> list[str]:
    return sorted(path.name for path in (root / "cache").glob("*#*"))


def test_a_package_with_all_it_needs(add: Add, registry: FakeRegistry, tmp_path: Path) -> None:
    registry.publish("a.one", "1.0.0", package("a.one", needs={"b.two": "2.1.x"}))
    for version in ("2.0.9", "2.1.0", "2.1.10", "2.1.9", "2.1.11-ballot", "2.2.0"):
        registry.publish("b.two", version, package("b.two", version))
    done = add("a.one@1.0.0")
    assert (done.code, done.out) == (0, "a.one@1.0.0\nb.two@2.1.10\n"), done.err
    assert cached(tmp_path) == ["a.one#1.0.0", "b.two#2.1.10"]
    written = lock(tmp_path)
    assert written["requested"] == ["a.one@1.0.0"]
    assert [one["name"] for one in written["packages"]] == ["a.one", "b.two"]
    assert written["packages"][0]["dependencies"] == {"b.two": "2.1.10"}
    assert all(len(one["sha256"]) == 64 for one in written["packages"])


def test_p9_open_versions_stay_as_they_were_locked(
    add: Add, fhirkit: Run, registry: FakeRegistry, tmp_path: Path
) -> None:
    registry.publish("a.one", "1.0.0", package("a.one", needs={"b.two": "latest"}))
    registry.publish("b.two", "1.0.0", package("b.two", "1.0.0"))
    assert add("a.one@latest").code == 0
    before = (tmp_path / "fhirkit.lock").read_bytes()
    registry.publish("b.two", "1.1.0", package("b.two", "1.1.0"))
    assert add("a.one@1.0.0").code == 0
    assert fhirkit("package", "lock", "--registry", registry.url).code == 0
    assert (tmp_path / "fhirkit.lock").read_bytes() == before
    assert fhirkit("package", "lock", "--upgrade", "--registry", registry.url).code == 0
    assert lock(tmp_path)["packages"][0]["dependencies"] == {"b.two": "1.1.0"}


def test_p9_cycles_end(add: Add, registry: FakeRegistry, tmp_path: Path) -> None:
    registry.publish("a.one", "1.0.0", package("a.one", needs={"b.two": "1.0.0"}))
    registry.publish("b.two", "1.0.0", package("b.two", needs={"c.three": "1.0.0"}))
    needs = {"a.one": "1.0.0", "c.three": "1.0.0"}
    registry.publish("c.three", "1.0.0", package("c.three", needs=needs))
    assert add("a.one@1.0.0").code == 0
    assert len(lock(tmp_path)["packages"]) == 3
    assert len(registry.paths()) == len(set(registry.paths()))


def test_p9_missing_ones_are_named_and_what_is_there_is_kept(
    add: Add, registry: FakeRegistry, tmp_path: Path
) -> None:
    needs = {"b.none": "1.0.0", "c.three": "9.9.x", "d.four": "current", "e.five": "^1.0.0",
             "../f": "1.0.0"}  # fmt: skip
    registry.publish("a.one", "1.0.0", package("a.one", needs=needs))
    registry.publish("c.three", "1.0.0", package("c.three"))
    done = add("a.one@1.0.0", "--json")
    assert done.code == 3
    gaps = {gap["name"]: gap["needed_by"] for gap in done.json["missing"]}
    assert gaps == dict.fromkeys(needs, "a.one@1.0.0")
    assert "builds that change" in done.err or "a build that changes" in done.err
    assert cached(tmp_path) == ["a.one#1.0.0"]
    assert done.json["missing"] == lock(tmp_path)["missing"]


@pytest.mark.parametrize(
    "asked", ["current", "dev", "current$branch", "^1.0.0", ">=1", "", "1.0.0 "]
)
def test_p9_what_is_no_version_is_refused_with_a_reason(add: Add, asked: str) -> None:
    done = add(f"a.one@{asked}")
    assert done.code == 2
    assert "a.one@" in done.err


def test_p9_two_versions_of_one_package_are_reported(
    add: Add, registry: FakeRegistry, tmp_path: Path
) -> None:
    needs = {"b.two": "1.0.0", "c.three": "1.0.0"}
    registry.publish("a.one", "1.0.0", package("a.one", needs=needs))
    registry.publish("b.two", "1.0.0", package("b.two", needs={"c.three": "2.0.0"}))
    for version in ("1.0.0", "2.0.0"):
        registry.publish("c.three", version, package("c.three", version))
    done = add("a.one@1.0.0", "--json")
    assert done.code == 0
    (issue,) = done.json["issues"]
    assert issue["rule"] == "package-two-versions"
    assert "2.0.0 for b.two@1.0.0; 1.0.0 for a.one@1.0.0" in issue["message"]
    assert "the one of 2.0.0" in issue["message"]


def test_p9_the_lock_does_not_depend_on_the_order(
    fhirkit: Run, registry: FakeRegistry, tmp_path: Path
) -> None:
    for name in ("a.one", "b.two", "c.three"):
        registry.publish(name, "1.0.0", package(name, needs={"d.four": "1.x", "e.none": "1.0.0"}))
    registry.publish("d.four", "1.2.0", package("d.four", "1.2.0"))
    written = set()
    for order in (("a.one", "b.two", "c.three"), ("c.three", "a.one", "b.two")):
        for name in order:
            fhirkit("package", "add", f"{name}@1.0.0", "--registry", registry.url)
        written.add((tmp_path / "fhirkit.lock").read_bytes())
        (tmp_path / "fhirkit.lock").unlink()
    assert len(written) == 1


def test_p10_a_released_version_that_changed_stops(
    add: Add, fhirkit: Run, registry: FakeRegistry, tmp_path: Path
) -> None:
    registry.publish("a.one", "1.0.0", package("a.one"))
    assert add("a.one@1.0.0").code == 0
    before = (tmp_path / "fhirkit.lock").read_bytes()
    registry.publish("a.one", "1.0.0", package("a.one", title="not as released"))
    elsewhere = ("--cache", str(tmp_path / "cache2"))
    for words in (("a.one@1.0.0",), ("--locked",), ("a.one@1.0.0", "--locked")):
        done = add(*words, *elsewhere)
        assert done.code == 6
        assert "its content changed" in done.err
        assert not list((tmp_path / "cache2").glob("*#*"))
    assert (tmp_path / "fhirkit.lock").read_bytes() == before
    # The same in another packing is the same.
    registry.publish("a.one", "1.0.0", _packed_again(package("a.one")))
    assert add("--locked", *elsewhere).code == 0


def _packed_again(data: bytes) -> bytes:
    import gzip

    again = gzip.compress(gzip.decompress(data), compresslevel=1, mtime=5)
    assert again != data
    return again


def test_p10_a_cache_that_was_tampered_with_stops(
    add: Add, registry: FakeRegistry, tmp_path: Path
) -> None:
    registry.publish("a.one", "1.0.0", package("a.one"))
    assert add("a.one@1.0.0").code == 0
    file = tmp_path / "cache/a.one#1.0.0/package/StructureDefinition-thing.json"
    file.write_bytes(file.read_bytes() + b" ")
    assert add("a.one@1.0.0").code == 6
    assert add("--locked").code == 6


def test_p10_another_content_than_the_cached_one_stops(fhirkit: Run, tmp_path: Path) -> None:
    (tmp_path / "one.tgz").write_bytes(package("a.one"))
    (tmp_path / "two.tgz").write_bytes(package("a.one", title="other"))
    assert fhirkit("package", "add", "one.tgz").code == 0
    (tmp_path / "fhirkit.lock").unlink()
    done = fhirkit("package", "add", "two.tgz")
    assert done.code == 6
    assert fhirkit("package", "remove", "a.one@1.0.0").code == 0
    assert fhirkit("package", "add", "two.tgz").code == 0


def test_p12_a_pinned_name_is_never_looked_for_elsewhere(
    fhirkit: Run, registry: FakeRegistry, other: FakeRegistry, tmp_path: Path
) -> None:
    # The public registry holds a newer package of the clinic's name: it must not be taken.
    other.publish("clinic.secret", "9.0.0", package("clinic.secret", "9.0.0"))
    other.publish("clinic.other", "1.0.0", package("clinic.other"))
    other.publish("a.one", "1.0.0", package("a.one", needs={"clinic.secret": "latest"}))
    registry.publish("clinic.secret", "1.0.0", package("clinic.secret"))
    given = ("--registry", other.url, "--registry", f"clinic.={registry.url}")
    assert (
        fhirkit("package", "add", "a.one@1.0.0", *given).out == "a.one@1.0.0\nclinic.secret@1.0.0\n"
    )
    assert fhirkit("package", "add", "clinic.other@1.0.0", *given).code == 2
    assert not any("clinic" in path for path in other.paths())
    assert not any("a.one" in path for path in registry.paths())


def test_p12_only_a_pinned_registry_asks_nobody_else(
    fhirkit: Run, registry: FakeRegistry, other: FakeRegistry
) -> None:
    done = fhirkit("package", "add", "a.one@1.0.0", "--registry", f"clinic.={registry.url}")
    assert done.code == 2
    assert registry.asked == other.asked == []


@pytest.mark.parametrize(
    "body",
    [b"", b"<!DOCTYPE html><html>log in</html>", b"<html>", b"{}", b"[1]", b"\x1f\x8bnot gzip"],
)
def test_p13_another_answer_than_a_package(
    add: Add, registry: FakeRegistry, tmp_path: Path, body: bytes
) -> None:
    registry.publish("a.one", "1.0.0", package("a.one"), integrity=None, shasum=None)
    registry.pages[_archive(registry)] = Page(body, headers={"Content-Type": "application/gzip"})
    done = add("a.one@1.0.0")
    assert done.code in (1, 5), done.err
    assert "Traceback" not in done.err
    assert cached(tmp_path) == []
    assert not (tmp_path / "fhirkit.lock").exists()
    registry.publish("a.one", "1.0.0", package("a.one"))
    assert add("a.one@1.0.0").code == 0


def test_p13_a_download_that_stops_in_the_middle(
    add: Add, registry: FakeRegistry, tmp_path: Path
) -> None:
    data = package("a.one")
    registry.publish("a.one", "1.0.0", data, integrity=None, shasum=None)
    registry.pages[_archive(registry)] = Page(data[:-30])
    assert add("a.one@1.0.0").code == 1
    registry.pages[_archive(registry)].headers["Content-Length"] = str(len(data))
    assert add("a.one@1.0.0").code == 5
    assert cached(tmp_path) == []


@pytest.mark.parametrize("which", ["integrity", "shasum"])
def test_p13_a_hash_that_differs(
    add: Add, registry: FakeRegistry, tmp_path: Path, which: str
) -> None:
    wrong = {"integrity": "sha512-" + "A" * 86 + "==", "shasum": "0" * 40}
    given = dict.fromkeys(wrong) | {which: wrong[which]}
    registry.publish("a.one", "1.0.0", package("a.one"), **given)
    done = add("a.one@1.0.0")
    assert (done.code, "not what the registry promised" in done.err) == (5, True)
    assert cached(tmp_path) == []


def test_a_shasum_of_another_length_is_known_by_it(add: Add, registry: FakeRegistry) -> None:
    data = package("a.one")
    right = hashlib.sha256(data).hexdigest()
    registry.publish("a.one", "1.0.0", data, shasum=right, integrity=None)
    assert add("a.one@1.0.0").code == 0


def test_p8_the_registry_answers_with_another_package(
    add: Add, registry: FakeRegistry, tmp_path: Path
) -> None:
    for answer in (package("b.two"), package("a.one", "1.0.1"), package("../../a.one")):
        registry.publish("a.one", "1.0.0", answer)
        done = add("a.one@1.0.0")
        assert (done.code, cached(tmp_path)) == (1, [])


def _archive(registry: FakeRegistry) -> str:
    return "/a.one/1.0.0" if registry.style == "fhir" else "/-/a.one-1.0.0.tgz"


def test_an_archive_elsewhere_needs_leave_and_gets_no_token(
    fhirkit: Run,
    registry: FakeRegistry,
    other: FakeRegistry,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("SECRET", "s3cret")
    data = package("a.one")
    other.pages["/x.tgz"] = Page(data)
    registry.publish("a.one", "1.0.0", data, tarball=f"{other.url}/x.tgz")
    registry.pages.pop("/a.one/1.0.0", None)
    words = ("package", "add", "a.one@1.0.0", "--registry", registry.url, "--token-env", "SECRET")
    done = fhirkit(*words)
    assert (done.code, other.asked) == (5, [])
    assert f"--allow-host {other.host}" in done.err
    assert "s3cret" not in done.err + done.out
    assert fhirkit(*words, "--allow-host", other.host).code == 0
    assert all(headers["authorization"] == "Bearer s3cret" for _, headers in registry.asked)
    assert [path for path, _ in other.asked] == ["/x.tgz"]
    assert "authorization" not in other.asked[0][1]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_followed_at_home_alone(
    fhirkit: Run, registry: FakeRegistry, other: FakeRegistry, status: int
) -> None:
    registry.publish("a.one", "1.0.0", package("a.one"))
    real = registry.pages[_archive(registry)]
    registry.pages["/moved"] = other.pages["/moved"] = real
    registry.pages[_archive(registry)] = Page(b"", status, {"Location": f"{other.url}/moved"})
    add = ("package", "add", "a.one@1.0.0", "--registry", registry.url)
    assert (fhirkit(*add).code, other.asked) == (5, [])
    registry.pages[_archive(registry)] = Page(b"", status, {"Location": "/moved"})
    assert fhirkit(*add).code == 0
    registry.pages[_archive(registry)] = Page(b"", status, {"Location": _archive(registry)})
    assert fhirkit(*add, "--cache", "cache2").code == 5


def test_a_registry_below_a_path(fhirkit: Run, registry: FakeRegistry) -> None:
    data = package("a.one")
    listing = {"versions": {"1.0.0": {"dist": {"tarball": "../files/a.tgz"}}}}
    registry.pages["/api/npm/a.one"] = Page(json.dumps(listing).encode())
    registry.pages["/api/files/a.tgz"] = Page(data)
    done = fhirkit("package", "add", "a.one@1.0.0", "--registry", f"{registry.url}/api/npm/")
    assert done.code == 0, done.err


@pytest.mark.parametrize(
    "page",
    [Page(b"<html>log in</html>"), Page(b"[]"), Page(b'{"versions": []}'), Page(b"", 401)],
)
def test_a_registry_that_is_none(add: Add, registry: FakeRegistry, page: Page) -> None:
    registry.pages["/a.one"] = page
    done = add("a.one@1.0.0")
    assert done.code == 5
    assert "127.0.0.1" in done.err
    assert "fhirkit package" not in done.out


def test_a_registry_that_does_not_answer(fhirkit: Run) -> None:
    done = fhirkit("package", "add", "a.one@1.0.0", "--registry", "http://127.0.0.1:9")
    assert done.code == 5


@pytest.mark.parametrize("words", [(), ("--offline", "--registry", "https://packages.example.org")])
def test_offline_opens_no_socket(
    fhirkit: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    def refuse(*args: object, **settings: object) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    if words:
        monkeypatch.setenv("FHIRKIT_REGISTRY", "https://packages.example.org")
    done = fhirkit("package", "add", "a.one@1.0.0", *words)
    assert done.code == 2
    for way in (".tgz", "folder", "--registry", "FHIRKIT_REGISTRY"):
        assert way in done.err
    (tmp_path / "a.tgz").write_bytes(package("a.one", needs={"b.two": "latest"}))
    assert fhirkit("package", "add", "a.tgz", *words).code == 3
    (tmp_path / "b.tgz").write_bytes(package("b.two"))
    assert fhirkit("package", "add", "b.tgz", *words).code == 0
    assert fhirkit("package", "add", "--locked", *words).code == 0
    assert fhirkit("package", "list").code == 0


def test_the_guard_of_the_offline_test_holds(fhirkit: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **settings: object) -> None:
        raise OSError("a socket was opened")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    done = fhirkit("package", "add", "a.one@1.0.0", "--registry", "http://registry.invalid")
    assert done.code == 5


def test_where_the_registry_is_named(
    fhirkit: Run, registry: FakeRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry.publish("a.one", "1.0.0", package("a.one"))
    config = tmp_path / "config/fhirkit/config.toml"
    config.parent.mkdir(parents=True)
    config.write_text(f'[packages]\nregistries = ["{registry.url}"]\ncache = "{tmp_path}/other"\n')
    monkeypatch.delenv("FHIRKIT_PACKAGE_CACHE")
    assert fhirkit("package", "add", "a.one@1.0.0").code == 0
    assert (tmp_path / "other/a.one#1.0.0").is_dir()
    monkeypatch.setenv("FHIRKIT_REGISTRY", "http://127.0.0.1:9")
    assert fhirkit("package", "add", "a.one@1.0.0", "--cache", "c").code == 5
    assert (
        fhirkit("package", "add", "a.one@1.0.0", "--cache", "c", "--registry", registry.url).code
        == 0
    )
    for wrong in ("registries = 5", 'registry = "x"', "not toml"):
        config.write_text(f"[packages]\n{wrong}\n")
        assert fhirkit("package", "list").code == 2


def test_locked_adds_nothing(add: Add, registry: FakeRegistry, tmp_path: Path) -> None:
    assert add("--locked").code == 2
    for name in ("a.one", "b.two"):
        registry.publish(name, "1.0.0", package(name))
    assert add("a.one@1.0.0").code == 0
    before = (tmp_path / "fhirkit.lock").read_bytes()
    done = add("b.two@1.0.0", "--locked")
    assert (done.code, "not in fhirkit.lock" in done.err) == (6, True)
    assert add("--locked", "--cache", "fresh").out == "a.one@1.0.0\n"
    assert (tmp_path / "fhirkit.lock").read_bytes() == before
    assert cached(tmp_path) == ["a.one#1.0.0"]


def test_remove_takes_it_out_of_cache_and_lock(
    add: Add, fhirkit: Run, registry: FakeRegistry, tmp_path: Path
) -> None:
    registry.publish("a.one", "1.0.0", package("a.one", needs={"b.two": "1.0.0"}))
    registry.publish("b.two", "1.0.0", package("b.two"))
    assert add("a.one@1.0.0", "b.two@1.0.0").code == 0
    done = fhirkit("package", "remove", "b.two@1.0.0")
    assert (done.code, "stays in fhirkit.lock" in done.err) == (0, True)
    assert lock(tmp_path)["requested"] == ["a.one@1.0.0"]
    assert fhirkit("package", "remove", "a.one@1.0.0").code == 0
    assert lock(tmp_path) == {"lock": 1, "requested": [], "packages": []}
    assert cached(tmp_path) == []
    assert fhirkit("package", "remove", "a.one@1.0.0").code == 2


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", "{", '{"lock": 2}', '{"lock": 1, "packages": [{"name": "../x", "version": "1"}]}',
        '{"lock": 1, "requested": ["a.one"]}', '{"lock": 1, "more": 1}',
        '{"lock": 1, "packages": [{"name": "a.one", "version": "1.0.0"}]}',
    ],
)  # fmt: skip
def test_a_lock_file_that_is_none(fhirkit: Run, tmp_path: Path, text: str) -> None:
    (tmp_path / "fhirkit.lock").write_text(text)
    (tmp_path / "a.tgz").write_bytes(package("a.one"))
    done = fhirkit("package", "add", "a.tgz")
    assert done.code in (1, 2)
    assert "fhirkit.lock" in done.err
    assert (tmp_path / "fhirkit.lock").read_text() == text

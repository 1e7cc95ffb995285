"""`fhirkit doctor`: what is fine, what is worth knowing, what is wrong; and no secrets."""

from __future__ import annotations

import json
import os
import re
import shutil
import ssl
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from fhirkit.cli import checkups, reach
from fhirkit.cli.doctor import command as doctor_command
from fhirkit.definitions import embedded


def doctor(
    folder: Path, *arguments: str, **variables: str
) -> tuple[int, dict[str, list[dict[str, str]]], str]:
    environment = {
        name: value for name, value in os.environ.items() if "proxy" not in name.lower()
    } | {"HOME": str(folder / "home"), "XDG_CACHE_HOME": str(folder / "cache"), **variables}
    done = subprocess.run(
        [sys.executable, "-m", "fhirkit.cli.main", "doctor", "--json", *arguments],
        cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert "Traceback" not in done.stderr
    found: dict[str, list[dict[str, str]]] = {}
    for row in json.loads(done.stdout):
        found.setdefault(row["subject"], []).append(row)
    return done.returncode, found, done.stdout + done.stderr


def test_a_good_installation_is_well(tmp_path: Path) -> None:
    code, found, _ = doctor(tmp_path)
    assert code == 0, found
    assert found["fhirkit"][0]["state"] == "ok"
    assert "FHIR 4.0.1" in found["definitions"][0]["message"]
    assert found["settings"][0]["message"] == "none in this folder"
    assert found["packages"][0]["message"].startswith("0 in ")


def test_settings_that_cannot_be_read_are_wrong(tmp_path: Path) -> None:
    (tmp_path / "fhirkit.toml").write_text("includes = []\n")
    code, found, _ = doctor(tmp_path)
    assert code == 1
    assert found["settings"][0]["state"] == "wrong"
    assert "fhirkit.toml" in found["settings"][0]["message"]


def test_a_locked_package_that_is_not_there_is_wrong(tmp_path: Path) -> None:
    package = {"name": "made.up", "version": "1.0.0", "sha256": "0" * 64, "dependencies": {}}
    lock = {"lock": 1, "requested": ["made.up@1.0.0"], "packages": [package]}
    (tmp_path / "fhirkit.lock").write_text(json.dumps(lock))
    code, found, _ = doctor(tmp_path)
    assert code == 1
    (row,) = [row for row in found["packages"] if row["state"] == "wrong"]
    assert row["advice"] == "fhirkit package add --locked"
    # The same package with another content than the lock holds is wrong, too.
    inner = tmp_path / "home/.fhir/packages/made.up#1.0.0/package"
    inner.mkdir(parents=True)
    (inner / "package.json").write_text('{"name": "made.up", "version": "1.0.0"}')
    code, found, _ = doctor(tmp_path)
    assert code == 1
    (row,) = [row for row in found["packages"] if row["state"] == "wrong"]
    assert "not what fhirkit.lock holds" in row["message"]


def test_proxies_are_told_without_their_secrets(tmp_path: Path) -> None:
    proxy = "http://canarius:s3cret@proxy.example.org:3128"
    code, found, output = doctor(tmp_path, HTTPS_PROXY=proxy, no_proxy="localhost")
    assert code == 0
    assert len(found["proxies"]) == 2
    assert "proxy.example.org" in found["proxies"][0]["message"]
    assert "canarius" not in output
    assert "s3cret" not in output


@pytest.mark.parametrize(
    "proxy",
    [
        "canarius:s3cr@et@proxy.example.org:3128", "socks5://canarius@[::1]:1",
        "http://canarius:s3cret@", "http://canarius:s3cret@[bad",
        "http://canarius:s3c/ret@proxy.example.org", "http://",
    ],
)  # fmt: skip
def test_a_proxy_however_it_is_written_keeps_its_secret(proxy: str) -> None:
    (found,) = reach.proxies({"https_proxy": proxy})
    told = json.dumps(found.to_dict())
    assert not re.search("canarius|s3c|et@|ret", told.replace("to take", "")), told


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
def test_certificates_that_cannot_be_used_are_wrong(tmp_path: Path, name: str) -> None:
    (tmp_path / "text.pem").write_text("no certificate")
    (tmp_path / "empty").mkdir()
    for value in ("absent.pem", "text.pem", "empty"):
        code, found, _ = doctor(tmp_path, **{name: str(tmp_path / value)})
        assert code == 1, value
        assert found["certificates"][0]["state"] == "wrong"
        assert value in found["certificates"][0]["message"]


def test_certificates_for_other_tools_are_told_to_be_theirs() -> None:
    (found, *_) = reach.certificates({"REQUESTS_CA_BUNDLE": "/nowhere.pem"})
    assert (found.state, "--ca-bundle" in found.message) == ("note", True)
    assert found.message.startswith("REQUESTS_CA_BUNDLE is set")


def test_an_empty_store_of_the_system_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    paths = ssl.get_default_verify_paths()
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: paths._replace(capath=None))
    monkeypatch.setattr(
        ssl, "create_default_context", lambda: ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    )
    (found,) = reach.certificates({})
    assert (found.state, found.advice) == ("note", "apt install ca-certificates")


def tree(folder: Path, config: str) -> None:
    (folder / ".fhirkit").mkdir(exist_ok=True)
    (folder / ".fhirkit/config.toml").write_text(config)


def test_remotes_are_looked_at_without_asking_them(tmp_path: Path) -> None:
    tree(tmp_path, '[remotes.open]\nurl = "http://127.0.0.1:9/r4"\n')
    code, found, _ = doctor(tmp_path)
    assert (code, found["remotes"][0]["state"]) == (0, "ok")
    tree(tmp_path, "[remotes.open\n")
    code, found, _ = doctor(tmp_path)
    assert (code, found["remotes"][0]["state"]) == (1, "wrong")


def test_where_secrets_of_remotes_are_kept_is_looked_at(tmp_path: Path) -> None:
    start = '[remotes.a]\nurl = "https://fhir.example.org/r4"\n'
    tree(tmp_path, f'{start}auth = {{ kind = "bearer", secret = "env:MADE_UP" }}\n')
    code, found, _ = doctor(tmp_path)
    assert (code, found["remotes"][0]["state"]) == (0, "note")
    assert "MADE_UP" in found["remotes"][0]["message"]
    code, found, output = doctor(tmp_path, MADE_UP="canarius")
    assert (code, found["remotes"][0]["state"]) == (0, "ok")
    assert "canarius" not in output

    tree(tmp_path, f'{start}auth = {{ kind = "bearer", secret = "file:token" }}\n')
    (tmp_path / "token").write_text("canarius")
    (tmp_path / "token").chmod(0o644)
    code, found, output = doctor(tmp_path)
    assert (code, found["remotes"][0]["state"]) == (1, "wrong")
    assert "chmod 600" in found["remotes"][0]["advice"]
    assert "canarius" not in output

    # A command may ask for a password or a key, so it is not run.
    tree(tmp_path, f'{start}auth = {{ kind = "bearer", secret = "cmd:touch run" }}\n')
    code, _, _ = doctor(tmp_path)
    assert code == 0
    assert not (tmp_path / "run").exists()

    tree(tmp_path, f'{start}ca_bundle = "absent.pem"\n')
    code, found, _ = doctor(tmp_path)
    assert (code, found["remotes"][0]["state"]) == (1, "wrong")


def test_packages_that_cannot_be_used_are_wrong(tmp_path: Path) -> None:
    cache = tmp_path / "home/.fhir/packages"
    (cache / "made.up#1.0.0/package").mkdir(parents=True)
    (cache / "other#2.0.0/package").mkdir(parents=True)
    (cache / "other#2.0.0/package/package.json").write_text('{"name": "x", "version": "2.0.0"}')
    (cache / "good#1.0.0/package").mkdir(parents=True)
    (cache / "good#1.0.0/package/package.json").write_text('{"name": "good", "version": "1.0.0"}')
    (cache / "good#1.0.0.lock").write_text("")
    code, found, _ = doctor(tmp_path)
    wrong = [row["message"] for row in found["packages"] if row["state"] == "wrong"]
    assert code == 1
    assert len(wrong) == 3
    assert any("another FHIR tool is unpacking it" in text for text in wrong)


def test_a_damaged_cache_is_worth_knowing(tmp_path: Path) -> None:
    folder = tmp_path / "cache/fhirkit"
    folder.mkdir(parents=True)
    (folder / "outcomes.sqlite").write_bytes(b"no database" * 100)
    code, found, _ = doctor(tmp_path)
    assert code == 0
    (row,) = [row for row in found["cache"] if row["state"] == "note"]
    assert row["advice"] == f"rm {folder}/outcomes.sqlite"


def test_settings_of_the_user_that_cannot_be_read_are_wrong(tmp_path: Path) -> None:
    folder = tmp_path / "config/fhirkit"
    folder.mkdir(parents=True)
    (folder / "config.toml").write_text("x = [")
    code, found, _ = doctor(tmp_path, XDG_CONFIG_HOME=str(tmp_path / "config"))
    assert code == 1
    assert "config.toml" in found["packages"][0]["message"]


@pytest.mark.parametrize(
    "program",
    ["exit 1", "echo no version", "echo 'Apache Maven 3.9.9'"],
    ids=["fails", "odd", "good"],
)
def test_maven_is_run(tmp_path: Path, program: str) -> None:
    from fhirkit.core.errors import UsageError

    maven = tmp_path / "mvn"
    maven.write_text(f"#!/bin/sh\n{program}\n")
    maven.chmod(0o755)
    if "Apache" in program:
        assert reach._runs(maven).message == f"3.9.9, {maven}"
    else:
        with pytest.raises(UsageError, match="does not run"):
            reach._runs(maven)


def test_an_old_libxml2_is_wrong_however_new_lxml_is(monkeypatch: pytest.MonkeyPatch) -> None:
    from lxml import etree

    assert not [one for one in checkups.versions() if one.subject == "libxml2"]
    monkeypatch.setattr(etree, "LIBXML_VERSION", (2, 9, 14))
    (found,) = [one for one in checkups.versions() if one.subject == "libxml2"]
    assert found.state == "wrong"
    assert "2.9.14" in found.message


def test_no_connection_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> None:
        raise AssertionError("a connection")

    monkeypatch.setattr("socket.socket.connect", refused)
    monkeypatch.setattr("socket.getaddrinfo", refused)
    monkeypatch.chdir(tmp_path)
    tree(tmp_path, '[remotes.a]\nurl = "https://fhir.example.org/r4"\n')
    assert CliRunner().invoke(doctor_command, []).exit_code == 0


def test_without_java_only_the_server_is_missed(tmp_path: Path) -> None:
    code, found, _ = doctor(tmp_path, PATH=str(tmp_path), JAVA_HOME="")
    assert code == 0
    assert found["server"][0]["state"] == "note"
    assert "nothing else does" in found["server"][0]["message"]


@pytest.mark.parametrize(
    ("present", "states"), [("2.6.2", ["wrong"]), ("2.6.3", []), ("2.10", []), ("3.0.0rc1", [])]
)
def test_versions_with_known_holes(
    monkeypatch: pytest.MonkeyPatch, present: str, states: list[str]
) -> None:
    import importlib.metadata

    real = importlib.metadata.version
    monkeypatch.setattr(
        importlib.metadata, "version", lambda name: present if name == "urllib3" else real(name)
    )
    found = [one for one in checkups.versions() if one.subject == "urllib3"]
    assert [one.state for one in found] == states
    assert all("CVE-2026-21441" in one.message for one in found)


def test_damaged_definitions_are_wrong(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "r4.sqlite"
    shutil.copy(embedded.R4_DATABASE, path)
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2)
        file.write(b"\xff" * 200_000)
    real = embedded.connect
    monkeypatch.setattr(embedded, "connect", lambda: real(path))
    (found,) = checkups.definitions()
    assert found.state == "wrong"


def test_as_text_each_subject_has_a_line(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "fhirkit.cli.main", "doctor"],
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert "ok     definitions: FHIR 4.0.1" in done.stdout
    assert done.stderr == ""


@pytest.mark.parametrize(("found", "state"), [(object(), "ok"), (None, "note")])
def test_native_code_that_is_missing_is_worth_knowing(
    found: object, state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fhirkit.validate.gate.library.library", lambda: found)
    told = [one for one in checkups.versions() if one.subject == "native gate"]
    assert [one.state for one in told] == [state]
    assert bool(told[0].advice) == (state == "note")

"""Starting: what is asked for, what is missing, and that a failure leaves nothing behind."""

from __future__ import annotations

import socket
import stat
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from fhirkit import server
from fhirkit.core.errors import Blocked, FhirkitError, Unreachable, UsageError
from fhirkit.server import processes


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


def test_a_server_starts_is_found_and_stops(machine: Any) -> None:
    info = machine.start(memory=True)
    assert info.url == f"http://127.0.0.1:{info.port}/fhir"
    assert (info.phase, info.data) == ("running", None)
    assert server.find(machine.home) == [info]
    assert f"--port={info.port}" in processes.command_line(info.pid)
    assert not server.stop(info, home=machine.home)
    assert server.find(machine.home) == []
    assert not server.stop(info, home=machine.home), "stopping twice is fine"
    assert machine.told.phases[0].startswith("preparing")
    assert machine.told.phases[-1].startswith("ready")


def test_the_server_is_built_once(machine: Any) -> None:
    for _ in range(2):
        server.stop(machine.start(memory=True), home=machine.home)
    assert machine.maven_calls == 1


def test_starting_again_is_the_same_server(machine: Any) -> None:
    first = machine.start()
    again = machine.start(port=first.port)
    assert again == first
    assert machine.told.phases[-1] == f"already running on port {first.port}"


def test_two_starts_at_once_give_one_server(machine: Any) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    found: list[server.ServerInfo] = []
    threads = [
        Thread(target=lambda: found.append(machine.start(port=port, memory=True))) for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 2
    assert found[0] == found[1]
    assert machine.maven_calls == 1


def test_another_wish_on_a_running_port_is_not_ignored(machine: Any, tmp_path: Path) -> None:
    info = machine.start()
    with pytest.raises(Blocked, match="not its data in memory"):
        machine.start(port=info.port, memory=True)
    with pytest.raises(Blocked, match=r"not its data in .*other"):
        machine.start(port=info.port, data=tmp_path / "other")


def test_data_has_one_server(machine: Any, tmp_path: Path) -> None:
    info = machine.start(data=tmp_path / "db")
    assert machine.start(data=tmp_path / "db") == info, "any port: the one that has it"
    other_port = info.port + 1 if info.port < 65000 else info.port - 1
    with pytest.raises(Blocked, match=f"in use by the server on port {info.port}"):
        machine.start(port=other_port, data=tmp_path / "x/../db")
    assert server.find(machine.home, data=tmp_path / "db") == [info]
    assert server.find(machine.home, data=tmp_path) == []


def test_the_database_and_the_log_are_private(machine: Any) -> None:
    info = machine.start()
    assert info.data.is_relative_to(machine.home)
    assert stat.S_IMODE(info.data.stat().st_mode) == 0o700
    assert stat.S_IMODE(info.log.stat().st_mode) == 0o600


def test_memory_and_data_exclude_each_other(machine: Any, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="in memory"):
        machine.start(memory=True, data=tmp_path)


@pytest.mark.parametrize("place", ["a;b", "file/below", "file"])
def test_an_impossible_data_folder_is_named(machine: Any, tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match=place):
        machine.start(data=tmp_path / place)
    assert machine.maven_calls == 0


def test_a_taken_port_is_named_at_once(machine: Any, taken: int) -> None:
    with pytest.raises(Blocked, match=f"port {taken} on 127.0.0.1 is taken"):
        machine.start(port=taken)
    assert machine.maven_calls == 0


def test_a_port_taken_meanwhile_is_told_by_java(machine: Any) -> None:
    machine.behave(java="port")
    with pytest.raises(Blocked, match="is taken"):
        machine.start()


def test_no_java(machine: Any) -> None:
    (machine.bin / "java").unlink()
    with pytest.raises(UsageError, match="no Java") as raised:
        machine.start()
    assert "openjdk-17" in raised.value.advice


def test_a_java_that_does_not_run_is_named(machine: Any) -> None:
    machine.behave(java="broken")
    with pytest.raises(UsageError, match=f"no Java that runs .*{machine.bin}"):
        machine.start()


@pytest.mark.parametrize(("release", "said"), [("11", "Java 11"), ("1.8", "Java 8")])
def test_an_old_java_is_told_with_its_release(machine: Any, release: str, said: str) -> None:
    machine.behave(release=release)
    with pytest.raises(UsageError, match=f"is {said}, .* needs Java 17"):
        machine.start()


def test_java_home_comes_first_unless_it_is_too_old(machine: Any, tmp_path: Path) -> None:
    old = tmp_path / "old"
    (old / "bin").mkdir(parents=True)
    (old / "bin/java").write_text("#!/bin/sh\necho '  java.specification.version = 11'\n")
    (old / "bin/java").chmod(0o755)
    info = machine.start(environment={**machine.environment, "JAVA_HOME": str(old)})
    assert str(machine.bin) in processes.command_line(info.pid)


def test_no_maven_and_no_compiler_matter_only_the_first_time(machine: Any) -> None:
    maven, compiler = machine.bin / "mvn", machine.bin / "javac"
    source = maven.read_bytes()
    maven.unlink()
    with pytest.raises(UsageError, match="Maven"):
        machine.start()
    maven.write_bytes(source)
    maven.chmod(0o755)
    compiler.unlink()
    with pytest.raises(UsageError, match="without a compiler"):
        machine.start()
    compiler.write_text("")
    server.stop(machine.start(), home=machine.home)
    maven.unlink()
    compiler.unlink()
    assert machine.start().phase == "running"


def test_java_that_ends_at_once_is_told_with_log_and_cause(machine: Any) -> None:
    machine.behave(java="exit")
    with pytest.raises(Unreachable, match="Java ended with code 1") as raised:
        machine.start()
    assert "server.log" in raised.value.message
    assert "Caused by: the reason, in words" in raised.value.message
    assert server.find(machine.home) == []


def test_java_that_never_answers_is_ended(machine: Any) -> None:
    machine.behave(java="never")
    with pytest.raises(Unreachable, match=r"not ready after 0\.5 s"):
        machine.start(timeout=0.5)
    assert machine.running() == []
    assert list(machine.home.glob("*/state.json")) == []


def test_what_interrupts_a_start_ends_java(machine: Any) -> None:
    machine.behave(java="never")

    class Impatient(server.Progress):
        def detail(self, text: str) -> None:
            if machine.running() and text.endswith(" s"):
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        machine.start(progress=Impatient())
    assert machine.running() == []
    assert list(machine.home.glob("*/state.json")) == []
    machine.behave()
    assert machine.start().phase == "running"


def test_a_home_that_cannot_be_used_is_named(machine: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FhirkitError, match="file"):
        machine.start(home=tmp_path / "file")


def test_a_cache_that_cannot_be_used_is_named(machine: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FhirkitError, match="file"):
        machine.start(cache=tmp_path / "file")

"""A process that has fhirkit loaded and forks it for each command: fast, and safe to kill.

Reads one JSON object a line (see `Runner.run`), answers with the child's pid, and when it has
ended with its status and largest memory.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import hooks

from fhirkit.cli import main as command_line


def preload() -> None:
    """Everything that a command imports, so that a fork has it."""
    import fhirkit.cli.pull
    import fhirkit.cli.push
    import fhirkit.cli.status
    import fhirkit.remote.access
    import fhirkit.remote.oauth
    import fhirkit.remote.registry
    import fhirkit.sync.session  # noqa: F401


def child(order: dict[str, Any]) -> int:
    os.chdir(order["folder"])
    for name, number in (("out", 1), ("err", 2)):
        handle = os.open(order[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(handle, number)
        os.close(handle)
    sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", closefd=False)  # noqa: SIM115
    os.environ.update(order["environment"])
    hooks.hurry(order["late"])
    counter = hooks.install(order["hook"])
    code = command_line.run(command_line.cli, order["words"])
    sys.stdout.flush()
    sys.stderr.flush()
    if order["counts"]:
        with open(order["counts"], "w") as out:  # noqa: PTH123
            json.dump(counter, out)
    return code


def main() -> None:
    preload()
    for line in sys.stdin:
        order = json.loads(line)
        pid = os.fork()
        if pid == 0:
            code = 70
            try:
                code = child(order)
            finally:
                os._exit(code)
        print(json.dumps({"pid": pid}), flush=True)
        _, status, usage = os.wait4(pid, 0)
        code = -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
        print(json.dumps({"code": code, "memory": usage.ru_maxrss // 1024}), flush=True)


if __name__ == "__main__":
    main()

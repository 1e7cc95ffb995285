"""One contestant of scripts/bench/validate: goes through all texts once for each line it is sent.

Answers with CPU seconds, wall seconds and peak memory in MB. Runs in any environment.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

Action = Callable[[bytes], object]


def contestant(name: str) -> Action:
    """What is to be done with each text."""
    return {
        "orjson.loads": _orjson,
        "fhirkit": _fhirkit,
        "fhirkit (shape)": _shape,
        "fhir.resources": _fhir_resources,
        "fhirkit-rs": _fhirkit_rs,
        "pyrofile": _pyrofile,
    }[name]()


def _orjson() -> Action:
    import orjson

    return orjson.loads


def _fhirkit() -> Action:
    from fhirkit import Validator

    return Validator().validate


def _shape() -> Action:
    from fhirkit import Validator
    from fhirkit.validate import Options

    return Validator(options=Options(shape_only=True)).validate


def _fhir_resources() -> Action:
    import orjson
    from fhir.resources.R4B import get_fhir_model_class

    def check(text: bytes) -> object:
        try:
            return get_fhir_model_class(orjson.loads(text)["resourceType"]).model_validate_json(
                text
            )
        except (ValueError, KeyError):
            return None

    return check


def _fhirkit_rs() -> Action:
    import fhirkit

    def check(text: bytes) -> object:
        try:
            return fhirkit.validate(text)  # type: ignore[attr-defined]  # another package's name
        except ValueError:
            return None

    return check


def _pyrofile() -> Action:
    from pyrofile_validator import Validator  # type: ignore[import-not-found]

    validator = Validator()
    return lambda text: validator.validate_resource(json.loads(text))


def main() -> None:
    """Warm up, then measure on request."""
    name, path = sys.argv[1:]
    texts = [json.loads(line).encode() for line in Path(path).read_bytes().splitlines()]
    try:
        action = contestant(name)
        for text in texts:
            action(text)
        for text in texts:
            action(text)
    except Exception as problem:  # noqa: BLE001  # whatever a rival does: it is left out
        print(f"{type(problem).__name__}: {problem}".partition("\n")[0], flush=True)
        return
    print("ready", flush=True)
    scale = 1 << 20 if sys.platform == "darwin" else 1 << 10
    for _ in sys.stdin:
        cpu, wall = time.process_time(), time.perf_counter()
        for text in texts:
            action(text)
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / scale
        print(cpu, wall, peak, flush=True)


if __name__ == "__main__":
    main()

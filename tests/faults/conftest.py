"""The fixtures live in `harness`, which the tests against a real server use as well."""

from harness import fhirkit, server, tree

__all__ = ["fhirkit", "server", "tree"]

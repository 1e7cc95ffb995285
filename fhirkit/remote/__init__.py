"""Speaking FHIR over HTTP, and nothing else does (https://hl7.org/fhir/R4/http.html).

``Client`` has one method an interaction; ``Transport`` below it owns time, size and retries.
"""

from fhirkit.remote.client import Client
from fhirkit.remote.transport import Policy, Transport

__all__ = ["Client", "Policy", "Transport"]

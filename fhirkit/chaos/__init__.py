"""A FHIR server that fails on purpose, for trying sync clients (docs/chaos.md).

``ChaosServer`` keeps resources in memory and answers on this machine alone; ``Behaviour`` says what
kind of server it is, ``Schedule`` which requests meet which fault.
"""

from fhirkit.chaos.behaviour import PROFILES, Behaviour
from fhirkit.chaos.schedule import Schedule, read_schedule
from fhirkit.chaos.service import ChaosServer

__all__ = ["PROFILES", "Behaviour", "ChaosServer", "Schedule", "read_schedule"]

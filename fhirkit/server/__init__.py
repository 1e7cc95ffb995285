"""A local HAPI FHIR R4 server from Maven artefacts: start, find and stop it.

from fhirkit import server
info = server.start(port=0, memory=True)
...                       # info.url is the FHIR base URL
server.stop(info)
"""

from fhirkit.server.instances import ServerInfo, find
from fhirkit.server.lifecycle import DEFAULT_PORT, is_ours, start, stop, wait
from fhirkit.server.progress import Progress

__all__ = ["DEFAULT_PORT", "Progress", "ServerInfo", "find", "is_ours", "start", "stop", "wait"]

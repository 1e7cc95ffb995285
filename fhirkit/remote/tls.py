"""Who is trusted, and as whom we come: one TLS context for every https connection.

TLS 1.2 at least, the host's name checked, no way to switch either off. Certificates come from the
operating system's store (where hospitals put their own), or from one named file and then from
nowhere else.
"""

from __future__ import annotations

import ssl
import sys
from dataclasses import dataclass
from pathlib import Path

from fhirkit.core.errors import UsageError
from fhirkit.remote.secret import read_private


@dataclass(frozen=True, slots=True)
class Tls:
    """``ca_bundle``: certificates to trust. ``client_cert`` and ``client_key``: PEM files that
    show the server who we are (mutual TLS); the key may be in the certificate's file.
    """

    ca_bundle: str | None = None
    client_cert: str | None = None
    client_key: str | None = None

    def context(self) -> ssl.SSLContext:
        """The context; ``UsageError`` for a file that is missing, open to others or no PEM."""
        context = self._trust()
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if self.client_cert is not None:
            self._identify(context, Path(self.client_cert))
        elif self.client_key is not None:
            raise UsageError("--client-key needs --client-cert as well")
        return context

    def _trust(self) -> ssl.SSLContext:
        if self.ca_bundle is None:
            import truststore

            context: ssl.SSLContext = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            if _store_is_empty():
                # A slim container: without this, no server at all would be trusted.
                import certifi

                context.load_verify_locations(certifi.where())
            return context
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        path = Path(self.ca_bundle)
        try:
            if path.is_dir():
                context.load_verify_locations(capath=path)
            else:
                context.load_verify_locations(cafile=path)
        except OSError as problem:
            said = problem.strerror if not isinstance(problem, ssl.SSLError) else "no PEM in it"
            raise UsageError(f"--ca-bundle {path}: cannot be read ({said})") from None
        return context

    def _identify(self, context: ssl.SSLContext, certificate: Path) -> None:
        key = Path(self.client_key) if self.client_key is not None else certificate
        read_private(key, "the client certificate's key")
        try:
            context.load_cert_chain(certificate, key, password=_no_password)
        except ssl.SSLError:
            raise UsageError(
                f"{certificate} and {key.name} are not a certificate and its key in PEM form",
                advice="give the certificate first in its file, and an unlocked key",
            ) from None
        except OSError as problem:
            raise UsageError(f"{certificate}: cannot be read ({problem.strerror})") from None


def _store_is_empty() -> bool:
    """Whether the operating system keeps its certificates in files, and there are none."""
    if not sys.platform.startswith("linux"):
        return False
    usual = ssl.get_default_verify_paths()
    folder = Path(usual.capath) if usual.capath else None
    if folder is not None and any(folder.glob("*.[0-9]")):
        return False
    plain = ssl.create_default_context()
    return not plain.cert_store_stats()["x509_ca"]


def _no_password() -> str:
    """Keeps OpenSSL from asking on the terminal; an empty password opens no locked key."""
    return ""

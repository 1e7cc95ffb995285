"""Signed client assertions (https://hl7.org/fhir/smart-app-launch/client-confidential-asymmetric.html).

PyJWT signs; which keys are strong enough and what the assertion says is decided here. PyJWT is
an extra and loaded on first use.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fhirkit.core.errors import InvalidInput, UsageError

if TYPE_CHECKING:
    from fhirkit.remote.secret import Secret

#: The algorithms that SMART names for this; nothing else is ever signed with.
ALGORITHMS = ("RS384", "ES384")
#: Seconds an assertion is good for. SMART allows 300; less leaves room for a clock that is ahead.
LIFETIME = 240
_LEAST_BITS = 2048
_CURVE = "secp384r1"


class Signer:
    """A private key with the client it stands for. The key is checked when it is made."""

    def __init__(
        self,
        key: Secret,
        *,
        client_id: str,
        key_id: str | None = None,
        algorithm: str | None = None,
        jwks_url: str | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._key, self.algorithm = _private_key(key, algorithm)
        self.client_id = client_id
        self._headers: dict[str, Any] = {"typ": "JWT"}
        if key_id is not None:
            self._headers["kid"] = key_id
        if jwks_url is not None:
            self._headers["jku"] = jwks_url
        self._clock = clock

    def __repr__(self) -> str:
        return f"Signer({self.algorithm}, …)"

    def assertion(self, audience: str) -> str:
        """A new assertion for the token endpoint ``audience``; each has a ``jti`` of its own."""
        import jwt

        now = int(self._clock())
        claims = {
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": audience,
            "iat": now,
            "exp": now + LIFETIME,
            "jti": new_jti(),
        }
        return jwt.encode(claims, self._key, algorithm=self.algorithm, headers=self._headers)


def new_jti() -> str:
    """An id that no assertion had before: 122 bits from the system, so forks do not share it."""
    return str(uuid.uuid4())


def _private_key(secret: Secret, algorithm: str | None) -> tuple[Any, str]:
    """The key as cryptography's object, and its algorithm; ``UsageError`` for a weak or wrong
    one.
    """
    if algorithm is not None and algorithm not in ALGORITHMS:
        raise UsageError(f"the algorithm must be one of {', '.join(ALGORITHMS)}")
    try:
        import jwt  # noqa: F401  # what signs must be there as well
        from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
        from cryptography.hazmat.primitives.serialization import load_pem_private_key
    except ImportError:
        raise UsageError(
            "SMART Backend Services needs PyJWT with its cryptography",
            advice="pip install 'fhirkit[smart]'",
        ) from None
    text = secret.reveal().strip()
    if text.startswith("{"):
        key: Any = _from_jwk(text)
    else:
        _refuse_other_pem(text)
        try:
            key = load_pem_private_key(text.encode(), password=None)
        except TypeError:
            raise UsageError(
                "the private key is locked by a password",
                advice="give it unlocked by cmd:, for example cmd:openssl pkey -in key.pem …",
            ) from None
        except Exception:  # noqa: BLE001  # cryptography raises several, some with the key's bytes in them
            raise UsageError("the private key cannot be read as PEM") from None
    if isinstance(key, RSAPrivateKey):
        found = "RS384"
        if key.key_size < _LEAST_BITS:
            raise UsageError(
                f"the RSA key has {key.key_size} bits, expected at least {_LEAST_BITS}",
                advice="make a new key and give its public half to the server",
            )
    elif isinstance(key, EllipticCurvePrivateKey):
        found = "ES384"
        if key.curve.name != _CURVE:
            raise UsageError(
                f"the key lies on the curve {key.curve.name}, and ES384 needs P-384",
                advice="make a new key and give its public half to the server",
            )
    else:
        raise UsageError("the private key is neither RSA nor of an elliptic curve")
    if algorithm not in (None, found):
        raise UsageError(f"the key signs with {found}, and {algorithm} was asked for")
    return key, found


def _refuse_other_pem(text: str) -> None:
    if "PRIVATE KEY-----" in text:
        return
    if "PUBLIC KEY-----" in text or "BEGIN CERTIFICATE" in text or text.startswith("ssh-"):
        raise UsageError(
            "a public key was given, expected the private one",
            advice="the public half belongs to the server, the private one here",
        )
    raise UsageError(
        "the secret is not a private key in PEM or JWK form",
        advice="a client secret goes with --auth client-credentials",
    )


def _from_jwk(text: str) -> Any:
    import jwt

    algorithm = _jwk_algorithm(text)
    try:
        return jwt.PyJWK.from_json(text, algorithm=algorithm).key
    except Exception:  # noqa: BLE001  # whatever it was, its text may hold the key
        raise UsageError("the private key cannot be read as a JWK") from None


def _jwk_algorithm(text: str) -> str:
    from fhirkit.core.jsonio import loads

    try:
        table = loads(text)
    except InvalidInput:
        raise UsageError("the private key cannot be read as a JWK") from None
    kind = table.get("kty") if isinstance(table, dict) else None
    if kind == "oct":
        raise UsageError("a shared secret was given, expected a private key")
    if kind not in ("RSA", "EC"):
        raise UsageError("the JWK is neither RSA nor EC")
    if "d" not in table:
        raise UsageError(
            "a public key was given, expected the private one",
            advice="the public half belongs to the server, the private one here",
        )
    if kind == "EC" and table.get("crv") != "P-384":
        raise UsageError("the JWK's curve is not P-384, which ES384 needs")
    return "RS384" if kind == "RSA" else "ES384"

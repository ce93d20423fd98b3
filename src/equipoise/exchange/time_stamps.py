"""Time stamps of a third party over seals (RFC 3161): a witness whom nobody here can rewrite.

The service signs the SHA-256 of a seal's root (64 hex characters, ASCII) with its own clock. Which
authorities are believed is the sponsor's choice: their root certificates are given each time.
"""

import datetime as dt
from collections.abc import Sequence
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from cryptography.x509 import Certificate, load_pem_x509_certificates
from msgspec import Struct

from equipoise.problems import Refused, problem

SECONDS = 30
_QUERY = {"Content-Type": "application/timestamp-query"}
_LARGEST = 1 << 20


class TimeStamp(Struct, frozen=True):
    """When (UTC, the service's clock) a seal was there, and the service's signed answer (DER)."""

    at: dt.datetime
    token: bytes


def load_authorities(pem: bytes) -> list[Certificate]:
    """The root certificates of a PEM file.

    Raises:
        Refused: there is none in it.
    """
    try:
        return load_pem_x509_certificates(pem)
    except ValueError as error:
        raise Refused([problem("EQ-X911", detail=str(error))]) from error


def ask_time_stamp(root: str, *, url: str, authorities: Sequence[Certificate]) -> TimeStamp:
    """Ask a service for a time stamp over a seal, and believe it only after checking it.

    Raises:
        Refused: the service does not answer, or with something else than a stamp of this seal.
    """
    from rfc3161_client import TimestampRequestBuilder  # noqa: PLC0415 - the extra `stamp`

    asked = TimestampRequestBuilder().data(root.encode()).build()
    if not url.startswith(("http://", "https://")):
        raise Refused([problem("EQ-X910", url, url=url, detail="http or https")])
    try:
        with urlopen(Request(url, asked.as_bytes(), _QUERY), timeout=SECONDS) as answer:  # noqa: S310
            token: bytes = answer.read(_LARGEST)
    except (OSError, ValueError) as error:
        if isinstance(error, HTTPError):
            error.close()  # it is an answer too, with its connection
        raise Refused([problem("EQ-X910", url, url=url, detail=str(error))]) from error
    return check_time_stamp(root, token, authorities=authorities, nonce=asked.nonce)


def check_time_stamp(
    root: str, token: bytes, *, authorities: Sequence[Certificate], nonce: int | None = None
) -> TimeStamp:
    """The time stamp in a service's answer, if it is over this seal and of these authorities.

    Raises:
        Refused: it is not.
    """
    from rfc3161_client import (  # noqa: PLC0415
        VerificationError,
        VerifierBuilder,
        decode_timestamp_response,
    )

    builder = VerifierBuilder(roots=list(authorities), nonce=nonce)
    try:
        response = decode_timestamp_response(token)
        builder.build().verify_message(response, root.encode())
    except (VerificationError, ValueError) as error:
        raise Refused([problem("EQ-X911", root, detail=str(error))]) from error
    return TimeStamp(response.tst_info.gen_time, token)

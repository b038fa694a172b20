"""AS2 (RFC 4130) with pyas2lib: sign and encrypt, decrypt and confirm, take the confirmation.

Measured and not shipped: it is under the GPL. Its `oscrypto` does not read versions of OpenSSL
whose last number has two digits, such as 3.0.17, and then refuses to load; here it is told how.
"""

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any, Final
from unittest.mock import patch

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID

_PASSWORD: Final = "bench"  # noqa: S105 - of keys made for one measurement
_RSA_BITS: Final = 2048
_DAY: Final = timedelta(days=1)
_OLD_VERSION: Final = r"\b(\d\.\d\.\d[a-z]*)\b"
_ANY_VERSION: Final = r"\b(\d+\.\d+\.\d+[a-z]*)\b"


def _library() -> Any:  # noqa: ANN401 - a module that may not be here
    search = re.search

    def found(pattern: Any, *more: Any) -> Any:  # noqa: ANN401 - as re.search
        return search(_ANY_VERSION if pattern == _OLD_VERSION else pattern, *more)

    with patch.object(re, "search", found):
        return import_module("pyas2lib.as2")


def _key(name: str) -> tuple[bytes, bytes]:
    """Return an RSA key with its certificate as PKCS #12, and the certificate."""
    key = rsa.generate_private_key(65537, _RSA_BITS)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(subject, subject, key.public_key(), 1, now - _DAY, now + 30 * _DAY)
    ).sign(key, hashes.SHA256())
    both = pkcs12.serialize_key_and_certificates(
        name.encode(),
        key,
        certificate,
        None,
        serialization.BestAvailableEncryption(_PASSWORD.encode()),
    )
    return both, certificate.public_bytes(serialization.Encoding.PEM)


def works(fields: Mapping[str, Any]) -> dict[str, Callable[[], object]]:
    """Return what each end does with a record: RSA 2048, SHA-256, AES-256-CBC, a signed MDN."""
    as2 = _library()
    ends = {}
    for name in ("LA", "VN"):
        pair, certificate = _key(name)
        own = as2.Organization(
            as2_name=name,
            sign_key=pair,
            sign_key_pass=_PASSWORD,
            decrypt_key=pair,
            decrypt_key_pass=_PASSWORD,
        )
        partner = as2.Partner(
            as2_name=name,
            verify_cert=certificate,
            encrypt_cert=certificate,
            validate_certs=False,
            sign=True,
            encrypt=True,
            enc_alg="aes_256_cbc",
            mdn_mode=as2.SYNCHRONOUS_MDN,
            mdn_digest_alg="sha256",
        )
        ends[name] = own, partner
    payload = json.dumps(fields).encode()

    def send() -> Any:  # noqa: ANN401 - the library's own message
        message = as2.Message(ends["LA"][0], ends["VN"][1])
        message.build(payload, filename="record.json", content_type="application/json")
        return message

    sent = send()
    raw = sent.headers_str + b"\r\n" + sent.content

    def receive() -> Any:  # noqa: ANN401 - the library's own MDN
        message = as2.Message()
        status, error, mdn = message.parse(
            raw,
            find_org_cb=lambda _: ends["VN"][0],
            find_partner_cb=lambda _: ends["LA"][1],
        )
        if status != "processed" or payload not in message.content:
            raise TypeError(f"AS2 does not take its own message: {error}")
        return mdn

    answer = receive()
    answered = answer.headers_str + b"\r\n" + answer.content

    def confirm() -> object:
        status, _ = as2.Mdn().parse(answered, find_message_cb=lambda *_: sent)
        if status != "processed":
            raise TypeError("AS2 does not take its own MDN")
        return status

    return {
        "sign and encrypt": send,
        "decrypt, verify, sign an MDN": receive,
        "verify the MDN": confirm,
    }

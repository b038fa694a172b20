"""A schema registry over HTTP, by the API of Confluent's, which others speak too.

Only schemas go there and come back: no record, no message, nothing of a person.
"""

import http.client
import json
import ssl
from typing import Any, Final
from urllib.parse import quote, urlsplit

from xref.errors import ConfigError, UnavailableError
from xref.limits import REGISTRY_ANSWER_BYTES_MAX

_TYPE: Final = "application/vnd.schemaregistry.v1+json"
_COMPATIBILITY: Final = "FULL_TRANSITIVE"
_OK: Final = 200
_NOT_FOUND: Final = 404
_CONFLICT: Final = 409
_UNPROCESSABLE: Final = 422


class HttpRegistry:
    """The registry at a URL; it holds no connection open."""

    def __init__(self, url: str, timeout_seconds: float = 10) -> None:
        """Name the registry, up to where `/subjects` follows; raises `ConfigError` for no URL."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ConfigError("registry: no http or https address; correct --registry")
        if parts.username or parts.password:
            raise ConfigError("registry: no password in an address; put a TLS front before it")
        self._host, self._secure = parts.netloc, parts.scheme == "https"
        self._path = parts.path.rstrip("/")
        self._timeout_seconds = timeout_seconds

    def fits(self, subject: str, schema: bytes) -> bool:
        """Return whether a schema is compatible with all that is registered under a subject."""
        versions = f"/subjects/{quote(subject, safe='')}/versions"
        status, _ = self._ask("GET", versions)
        if status == _NOT_FOUND:
            return True
        self._hold(subject)
        path = f"/compatibility{versions}/latest"
        status, said = self._ask("POST", path, {"schema": schema.decode()})
        if status != _OK:
            raise UnavailableError(
                f"registry: it answered {status} to a question; ask its operator"
            )
        return said.get("is_compatible") is True

    def register(self, subject: str, schema: bytes) -> int:
        """Return the number of a schema, registered now or before."""
        path = f"/subjects/{quote(subject, safe='')}/versions"
        status, said = self._ask("POST", path, {"schema": schema.decode()})
        if status in (_CONFLICT, _UNPROCESSABLE):
            raise ConfigError(f"registry: refuses {subject} ({status}); compare what it has")
        number = said.get("id")
        if status != _OK or type(number) is not int:
            raise UnavailableError(f"registry: it answered {status} to a schema; ask its operator")
        self._hold(subject)
        return number

    def schema(self, schema_id: int) -> bytes | None:
        """Return the text under a number, None where there is none."""
        status, said = self._ask("GET", f"/schemas/ids/{schema_id}")
        if status == _NOT_FOUND:
            return None
        text = said.get("schema")
        if status != _OK or not isinstance(text, str):
            raise UnavailableError(f"registry: it answered {status} to a number; ask its operator")
        return text.encode()

    def _hold(self, subject: str) -> None:
        """Have the registry itself refuse what would break a version."""
        path = f"/config/{quote(subject, safe='')}"
        status, _ = self._ask("PUT", path, {"compatibility": _COMPATIBILITY})
        if status != _OK:
            raise UnavailableError(f"registry: it does not hold {subject} to {_COMPATIBILITY}")

    def _ask(self, verb: str, path: str, body: object = None) -> tuple[int, dict[str, Any]]:
        """Return status and members of the answer; of a list or an empty one, none."""
        kind = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
        connection = kind(self._host, timeout=self._timeout_seconds)
        headers = {"Accept": _TYPE, **({"Content-Type": _TYPE} if body is not None else {})}
        text = None if body is None else json.dumps(body).encode()
        try:
            connection.request(verb, self._path + path, text, headers)
            answer = connection.getresponse()
            said = answer.read(REGISTRY_ANSWER_BYTES_MAX + 1)
            members = json.loads(said) if len(said) <= REGISTRY_ANSWER_BYTES_MAX else None
        except (OSError, http.client.HTTPException, ssl.SSLError, ValueError) as error:
            message = f"registry: no answer from {self._host} ({type(error).__name__}); try again"
            raise UnavailableError(message) from error
        finally:
            connection.close()
        return answer.status, members if isinstance(members, dict) else {}

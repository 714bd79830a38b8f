"""Where the load goes, and what the server there says of itself when it is asked."""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass
from urllib.parse import urlsplit

from garagebench.errors import GarageError
from garagebench.probe.process import OK, Counts, parse_counts

#: Seconds for a reply to what is asked besides the load.
PATIENCE_S = 10.0


class LoadError(GarageError):
    """No load can be put on the server; the text says why."""


@dataclass(frozen=True)
class Endpoint:
    """A server over plain HTTP. prefix: what stands before the paths of the API, without a slash at its end."""

    host: str
    port: int
    prefix: str = ""

    @property
    def authority(self) -> str:
        """What the header `Host` says."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def url(self) -> str:
        """The URL that it was parsed from, in its shortest form."""
        return f"http://{self.authority}{self.prefix}"

    def check_garage(self) -> None:
        """Raise LoadError where nothing answers, or what does is no garage: it would get load that it never asked for."""
        status, body = self._get("/garage")
        if status == OK and count_spaces(body) is not None:
            return
        what = f"{status}, but no spaces" if status == OK else status
        raise LoadError(f"{self.url} is no garage: /garage answered {what}")

    def ask(self, path: str) -> bytes | None:
        """Return the body of a GET, or None unless the answer is 200. Raises LoadError where nothing answers."""
        status, body = self._get(path)
        return body if status == OK else None

    def read_spaces(self) -> tuple[int, int] | None:
        """Return how many spaces are free and how many are taken; None where it does not say."""
        return count_spaces(self.ask("/garage") or b"")

    def read_counts(self) -> Counts | None:
        """Return what it has counted; None where it does not say."""
        counts = parse_counts((self.ask("/metrics") or b"").decode(errors="replace"))
        return counts if counts.replies else None

    def find_vehicle(self) -> str:
        """Return the vehicle to park: `small`, or the first that the server knows where it knows no `small`."""
        try:
            schemas = json.loads(self.ask("/openapi.json") or b"")["components"]["schemas"]
            vehicles = list(map(str, schemas["Vehicle"]["properties"]["vehicle"]["enum"]))
        except (ValueError, LookupError, TypeError):
            return "small"
        return vehicles[0] if vehicles and "small" not in vehicles else "small"

    def _get(self, path: str) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection(self.host, self.port, timeout=PATIENCE_S)
        try:
            connection.request("GET", self.prefix + path, headers={"Host": self.authority})
            reply = connection.getresponse()
            return reply.status, reply.read()
        except (OSError, UnicodeError, http.client.HTTPException) as error:
            raise LoadError(f"{self.url} does not answer: {error}") from None
        finally:
            connection.close()


def count_spaces(body: bytes) -> tuple[int, int] | None:
    """Return how many spaces are free and how many are taken by an answer of /garage; None where it is none."""
    try:
        kinds = json.loads(body)["kinds"].values()
        return sum(kind["free"] for kind in kinds), sum(kind["taken"] for kind in kinds)
    except (ValueError, LookupError, TypeError, AttributeError):
        return None


def parse_url(url: str) -> Endpoint:
    """Return the endpoint that the URL names. Raises LoadError."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise LoadError(f"{url!r} is no URL: {error}") from None
    if parts.scheme != "http" or not host:
        raise LoadError(f"{url!r}: the load goes to plain HTTP, as in http://127.0.0.1:8000")
    if parts.query or parts.fragment or parts.username:
        raise LoadError(f"{url!r}: neither a query, nor an anchor, nor a user name is understood")
    return Endpoint(host, 80 if port is None else port, parts.path.rstrip("/"))

"""The API in each framework, behind one service object; `make_app` embeds it in a Tornado process.

What is promised of a space: it is taken only when the whole request has come and its connection is open, and at once
the reply is written. Written means that the operating system has taken all of it. Where that fails because the client
has gone, the space is given back and counted (`garagebench_given_back_total`). What the system has taken and the
client does not fetch cannot be known: that space stays taken. So it is with all servers but granian, which does not say
when the system has taken a reply, nor that the client has gone: there, written means handed to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from garagebench.server.limits import Limits
from garagebench.server.service import Reply, Service

if TYPE_CHECKING:
    from tornado.web import Application

__all__ = ["Limits", "Reply", "Service", "make_app"]


def make_app(service: Service) -> Application:
    """Return a Tornado application that answers for the service, to be run in a Tornado process of one's own.

    The limits are those of the HTTPServer that it is given to: `on_tornado.make_server` sets safe ones.
    """
    from garagebench.server.on_tornado import make_app

    return make_app(service)

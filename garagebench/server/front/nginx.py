"""nginx: the configuration that is written for it, and its process."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from garagebench.errors import Unavailable
from garagebench.server import problems
from garagebench.server.limits import Limits
from garagebench.server.problems import HttpProblem
from garagebench.system.parent_death import die_with_parent

#: Where nginx is besides the PATH: that of a user who is not root lacks the directories of the system's programs.
PLACES = ("/usr/sbin", "/usr/local/sbin", "/usr/local/nginx/sbin")

#: How long an idle connection to a server is kept. The servers keep theirs longer: so none is closed while a request
#: is on its way, which nginx would have to answer with 502.
UPSTREAM_IDLE_S = 60


#: What nginx refuses itself: the status as it calls it, the problem, and its detail.
_REFUSALS: Sequence[tuple[int, HttpProblem, str]] = (
    (400, problems.MALFORMED, "nginx does not understand the request"),
    (404, problems.NO_SUCH_PATH, "no such path"),
    (405, problems.METHOD_NOT_ALLOWED, "nginx does not take this method"),
    (408, problems.TOO_SLOW, "the request did not come in time"),
    (413, problems.TOO_LARGE, "too large: of a body at most {body_bytes} bytes are read"),
    (414, HttpProblem(414, "URI too long"), "the first line is at most {header_bytes} bytes"),
    (494, problems.HEADERS_TOO_LARGE, "a header is at most {header_bytes} bytes"),
    (500, problems.INTERNAL, "nginx failed; its log says how"),
    (
        502,
        HttpProblem(502, "Bad gateway"),
        "no reply: whether the request was carried out is unknown",
    ),
    (503, problems.UNAVAILABLE, "no server takes requests"),
    (504, HttpProblem(504, "Gateway timeout"), "no reply: it may be carried out yet"),
)


class Upstreams(NamedTuple):
    """Ports on 127.0.0.1: of the servers that /park goes to, and those of /unpark. The rest goes to the first."""

    park: Sequence[int]
    unpark: Sequence[int]


def find_nginx(path: str | None = None) -> str:
    """Return the program; Unavailable where there is none. path: to be searched instead of the PATH and PLACES."""
    if path is None:
        path = os.pathsep.join([os.environ.get("PATH", os.defpath), *PLACES])
    program = shutil.which("nginx", path=path)
    if program is None:
        raise Unavailable("nginx is not installed: apt-get install nginx-light")
    return program


def find_room() -> str:
    """Return where nginx's directory can be: its workers must find their way there, and are not root where we are."""
    room = Path(tempfile.gettempdir()).resolve()
    is_open = all(one.stat().st_mode & stat.S_IXOTH for one in (room, *room.parents))
    return str(room) if is_open or os.geteuid() else "/tmp"  # noqa: S108  what is made in it has a name of its own


class Nginx:
    """A running nginx in a process group of its own, so that Ctrl-C does not reach it.

    It has a copy of the listening socket that it is given, as long as it lives.
    """

    name = "nginx"

    def __init__(
        self, listener: socket.socket, upstreams: Upstreams, limits: Limits, directory: Path
    ) -> None:
        directory.chmod(0o711)  # its workers, which are not root, must find their way through
        file = directory / "nginx.conf"
        self._closing = directory / "closing"
        address = format_address(listener)
        file.write_text(format_configuration(address, upstreams, limits, directory))
        number = listener.fileno()
        self._process = subprocess.Popen(
            # Until it has read its configuration it writes to that log, on stderr only what is wrong.
            [
                find_nginx(),
                "-p",
                str(directory),
                "-c",
                str(file),
                "-e",
                str(directory / "start.log"),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            env={**os.environ, "NGINX": f"{number};"},  # how it hands sockets to its successor
            pass_fds=[number],
            process_group=0,
            preexec_fn=lambda: die_with_parent(signal.SIGQUIT),  # noqa: PLW1509  there are no threads yet
        )

    @property
    def code(self) -> int | None:
        """How it ended: an exit code, or a signal as a negative number; None while it runs."""
        return self._process.poll()

    def let_go(self) -> None:
        """Let it end each connection with its next reply, so that none is ended when a request is on its way."""
        self._closing.touch()

    def drain(self) -> None:
        """Let it take no more connections, answer what it has, and end."""
        self._process.send_signal(signal.SIGQUIT)

    def kill(self) -> None:
        """End whatever is left of it; its workers outlive a master that was killed."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


def format_address(listener: socket.socket) -> str:
    """Return the address as nginx writes it."""
    host, port = listener.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def count_processes(upstreams: Upstreams) -> int:
    """Return how many processes nginx has to serve with: to relay a request costs as much as to answer a quick one."""
    servers = len({*upstreams.park, *upstreams.unpark})
    return min(len(os.sched_getaffinity(0)), servers)


def format_configuration(
    address: str, upstreams: Upstreams, limits: Limits, directory: Path
) -> str:
    """Return the configuration. A request that was sent is not sent again: it may have been carried out."""
    connections = 2 * limits.connections + 64  # one to the client and one to the server
    _, most_files = resource.getrlimit(resource.RLIMIT_NOFILE)
    files = connections + 64
    if most_files != resource.RLIM_INFINITY:
        files = min(files, most_files)
    return _TEMPLATE.format(
        address=address,
        directory=directory,
        processes=count_processes(upstreams),
        files=files,
        connections=connections,
        kept=limits.connections,
        park=_format_servers(upstreams.park),
        unpark=_format_servers(upstreams.unpark),
        other=_format_servers(upstreams.park[:1]),
        backlog=limits.backlog,
        header=_format_time(limits.header_timeout_s),
        body=_format_time(limits.body_timeout_s),
        idle=_format_time(limits.idle_timeout_s),
        drain=_format_time(limits.drain_s),
        upstream_idle_s=UPSTREAM_IDLE_S,
        header_bytes=limits.header_bytes,
        body_bytes=limits.body_bytes,
        refusals="\n".join(_format_refusal(limits, *refusal) for refusal in _REFUSALS),
    )


def _format_servers(ports: Sequence[int]) -> str:
    return " ".join(f"server 127.0.0.1:{port} max_fails=0;" for port in ports)


def _format_time(seconds: float) -> str:
    return f"{max(1, round(1000 * seconds))}ms"


def _format_refusal(limits: Limits, code: int, problem: HttpProblem, detail: str) -> str:
    text = detail.format(body_bytes=limits.body_bytes, header_bytes=limits.header_bytes)
    document = problem.document(text).decode()
    return (
        f"        error_page {code} ={problem.status} /.nginx/{code};\n"
        f"        location = /.nginx/{code} {{ internal; return {problem.status} '{document}'; }}"
    )


_TEMPLATE = """\
daemon off;
pid "{directory}/nginx.pid";
error_log stderr error;
worker_processes {processes};
worker_rlimit_nofile {files};
worker_shutdown_timeout {drain};
events {{ worker_connections {connections}; }}
http {{
    access_log off;
    server_tokens off;
    default_type {problem_type};

    # Bodies and replies stay in memory; only a body in absurdly many chunks goes to a file.
    client_body_temp_path "{directory}/body";
    proxy_temp_path "{directory}/proxy";
    fastcgi_temp_path "{directory}/fastcgi";
    uwsgi_temp_path "{directory}/uwsgi";
    scgi_temp_path "{directory}/scgi";
    client_body_buffer_size 32k;
    client_max_body_size {body_bytes};
    client_header_buffer_size 1k;
    large_client_header_buffers 4 {header_bytes};

    client_header_timeout {header};
    client_body_timeout {body};
    send_timeout {body};
    keepalive_timeout {idle};
    keepalive_requests 1000000;
    reset_timedout_connection on;

    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_set_header Host $host;
    proxy_next_upstream off;
    proxy_request_buffering on;
    proxy_buffers 16 8k;
    proxy_max_temp_file_size 0;
    proxy_connect_timeout 5s;

    upstream park {{ {park} keepalive {kept}; keepalive_requests 1000000; keepalive_timeout {upstream_idle_s}s; }}
    upstream unpark {{ {unpark} keepalive {kept}; keepalive_requests 1000000; keepalive_timeout {upstream_idle_s}s; }}
    upstream other {{ {other} keepalive 16; keepalive_timeout {upstream_idle_s}s; }}

    # When it is about to end: the same servers, and then the connection goes.
    map $request_uri $group {{
        ~^/park([?]|$) park;
        ~^/unpark([?]|$) unpark;
        default other;
    }}

    server {{
        listen {address} backlog={backlog};
        server_name garagebench;
        if (-f "{directory}/closing") {{ rewrite ^ /.nginx/closing last; }}
        location = /.nginx/closing {{
            internal;
            keepalive_timeout 0;
            proxy_pass http://$group$request_uri;
        }}
        location = /park {{ proxy_pass http://park; }}
        location = /unpark {{ proxy_pass http://unpark; }}
        location / {{ proxy_pass http://other; }}
{refusals}
    }}
}}
""".replace("{problem_type}", problems.CONTENT_TYPE)

"""An HTTP server on loopback that answers as a test sets it, and keeps the requests it received."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Reply = Callable[[BaseHTTPRequestHandler], None]

DRIPPED_BYTES = 1_000
"""At a byte every 50 ms this takes 50 s; a body is announced as a hundred times larger."""

DRIPPING_HEADERS = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n"


class ScriptedServer(ThreadingHTTPServer):
    """Calls `answer` for each GET and POST. `release` is set at the end: replies that block wait on it."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer: Reply = reply()
        self.requests: list[tuple[str, dict[str, str]]] = []
        """The path with its query, and the headers."""
        self.bodies: list[bytes] = []
        """Of the POST requests."""
        self.dripped = 0
        self.release = threading.Event()
        self.url = f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, *_: object) -> None:
        """A client that leaves is no error of the server."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: ScriptedServer

    def do_GET(self) -> None:
        self.server.requests.append((self.path, dict(self.headers)))
        self.server.answer(self)

    def do_POST(self) -> None:
        self.server.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.do_GET()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def scripted_server() -> Iterator[ScriptedServer]:
    """A running server, stopped in the end."""
    with ScriptedServer() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.release.set()
            server.shutdown()
            thread.join(5)


def reply(status: int = 200, body: bytes = b"", **headers: str) -> Reply:
    """Sends a whole response. An underscore in a header's name becomes a hyphen."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        if status != 304:
            handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        with suppress(OSError):  # the client may have closed the connection
            handler.wfile.write(body)

    return answer


def drip_after(before: bytes, unit: bytes = b"x") -> Reply:
    """Sends `before`, then a unit every 50 ms until the client is gone; counts them in `dripped`."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        server: ScriptedServer = handler.server  # type: ignore[assignment]
        with suppress(OSError):
            handler.wfile.write(before)
            while server.dripped < DRIPPED_BYTES and not server.release.wait(0.05):
                handler.wfile.write(unit)
                handler.wfile.flush()
                server.dripped += 1
        handler.close_connection = True

    return answer


def drip(what: str) -> Reply:
    """Sends the `headers` or the `body` one byte at a time."""
    return drip_after(DRIPPING_HEADERS + (b"\r\n" if what == "body" else b""))

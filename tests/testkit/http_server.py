"""An HTTP server on loopback that answers as a test sets it, and keeps the requests it received."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Reply = Callable[[BaseHTTPRequestHandler], None]


class ScriptedServer(ThreadingHTTPServer):
    """Calls `answer` for each GET. `release` is set at the end: replies that block wait on it."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer: Reply = reply()
        self.requests: list[tuple[str, dict[str, str]]] = []
        """The path with its query, and the headers."""
        self.release = threading.Event()
        self.url = f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: ScriptedServer

    def do_GET(self) -> None:
        self.server.requests.append((self.path, dict(self.headers)))
        self.server.answer(self)

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


def drip(what: str) -> Reply:
    """Sends the `headers` or the `body` one byte at a time, without end."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "1000000")
        if what == "body":
            handler.end_headers()
        else:
            handler.flush_headers()
        try:
            while not handler.server.release.wait(0.01):  # type: ignore[attr-defined]
                handler.wfile.write(b"x")
                handler.wfile.flush()
        except OSError:
            handler.close_connection = True

    return answer

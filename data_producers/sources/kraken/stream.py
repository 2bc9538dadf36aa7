"""The socket to Kraken: connect, subscribe, and hand on every frame as it comes in."""

import json
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import websocket

from data_producers.runtime import ConnectionLost
from data_producers.sources.kraken.dialect import MAX_BUFFERED_BYTES, subscriptions
from foundation.process import Runtime

CONNECT_SECONDS = 5.0
STOP_LOOK_SECONDS = 0.5
"""How long a quiet socket is waited on before looking whether the process is to stop."""


class _BoundedBuffer(websocket._abnf.frame_buffer):
    """Receives no frame above the limit: its length is announced before its content comes."""

    def recv_length(self) -> None:
        super().recv_length()
        if self.length is not None and self.length > MAX_BUFFERED_BYTES:
            raise websocket.WebSocketPayloadException(f"a frame of {self.length} bytes")


@contextmanager
def connected(url: str) -> Iterator[Any]:
    """An open websocket, closed in the end. Raises `ConnectionLost`."""
    # UTF-8 is checked where frames are parsed: there a bad frame costs one frame, here it would cost the connection.
    socket: Any = websocket.WebSocket(enable_multithread=False, skip_utf8_validation=True)
    socket.frame_buffer = _BoundedBuffer(socket._recv, True)
    try:
        try:
            socket.connect(url, timeout=CONNECT_SECONDS)
        except (websocket.WebSocketException, OSError) as error:
            raise ConnectionLost("unreachable", f"{url}: {error}") from None
        yield socket
        socket.close(timeout=1)
    finally:
        # `close` leaves the descriptor open when the other side was the first to close.
        socket.shutdown()


def stream_frames(
    url: str, pairs: tuple[str, ...], silence_seconds: float, runtime: Runtime, requests: deque[dict[str, Any]]
) -> Iterator[bytes]:
    """Every data frame of a subscribed socket, until the process is to stop. Sends what is put into `requests`.

    Raises `ConnectionLost` when the venue closes the socket (close codes 1001 and 1006 are daily business), when it
    breaks, and when nothing at all has come for `silence_seconds`: heartbeats come every second on a healthy one.
    """
    with connected(url) as socket:
        try:
            for request in subscriptions(pairs):
                socket.send(json.dumps(request))
            socket.settimeout(min(STOP_LOOK_SECONDS, silence_seconds))
            for frame in _frames(socket, silence_seconds, runtime):
                yield frame
                while requests:
                    socket.send(json.dumps(requests.popleft()))
        except (websocket.WebSocketException, OSError) as error:
            raise ConnectionLost("closed", str(error) or type(error).__name__) from None


def _frames(socket: Any, silence_seconds: float, runtime: Runtime) -> Iterator[bytes]:
    heard_at = runtime.monotonic()
    while not runtime.stop.is_set():
        try:
            opcode, frame = socket.recv_data_frame(control_frame=True)
        except websocket.WebSocketTimeoutException:
            if runtime.monotonic() - heard_at > silence_seconds:
                raise ConnectionLost("silence", f"nothing heard for {silence_seconds:g} s") from None
            continue
        if opcode == websocket.ABNF.OPCODE_CLOSE:
            code = int.from_bytes(frame.data[:2], "big") if len(frame.data) >= 2 else 1005
            raise ConnectionLost("closed", f"code {code} {frame.data[2:].decode(errors='replace')}".strip())
        if opcode in (websocket.ABNF.OPCODE_TEXT, websocket.ABNF.OPCODE_BINARY):
            yield frame.data
        # After the frame has been dealt with: a wait for room in the sink is no silence of the venue.
        heard_at = runtime.monotonic()

"""The WebSocket to Kraken: connects, subscribes and yields every frame as it arrives."""

import json
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import websocket

from data_producers.runtime import ConnectionLost
from data_producers.sources.kraken.dialect import MAX_BUFFERED_BYTES, subscriptions
from foundation.process import Runtime

_CONNECT_SECONDS = 5.0
STOP_CHECK_SECONDS = 0.5
"""How long a receive waits before it checks whether a stop is requested."""


class _BoundedBuffer(websocket._abnf.frame_buffer):
    """Rejects a frame above the limit by its announced length, before receiving it."""

    def recv_length(self) -> None:
        super().recv_length()
        if self.length is not None and self.length > MAX_BUFFERED_BYTES:
            raise websocket.WebSocketPayloadException(f"a frame of {self.length} bytes")


@contextmanager
def _connected(url: str) -> Iterator[Any]:
    """An open WebSocket, closed at the end of the block. Raises `ConnectionLost`."""
    # UTF-8 is checked when a frame is parsed: here invalid UTF-8 would cost the connection instead of one frame.
    socket: Any = websocket.WebSocket(enable_multithread=False, skip_utf8_validation=True)
    socket.frame_buffer = _BoundedBuffer(socket._recv, True)
    try:
        try:
            socket.connect(url, timeout=_CONNECT_SECONDS)
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
    """Yields every data frame of a subscribed socket until a stop is requested. Sends what is added to `requests`.

    Raises `ConnectionLost` when the venue closes the socket (codes 1001 and 1006 occur daily), when the connection
    breaks, and when nothing arrived for `silence_seconds`: a healthy socket has a heartbeat every second.
    """
    with _connected(url) as socket:
        try:
            for request in subscriptions(pairs):
                socket.send(json.dumps(request))
            socket.settimeout(min(STOP_CHECK_SECONDS, silence_seconds))
            for frame in _frames(socket, silence_seconds, runtime):
                yield frame
                while requests:
                    socket.send(json.dumps(requests.popleft()))
        except (websocket.WebSocketException, OSError) as error:
            raise ConnectionLost("closed", str(error) or type(error).__name__) from None


def _frames(socket: Any, silence_seconds: float, runtime: Runtime) -> Iterator[bytes]:
    received_at = runtime.monotonic()
    while not runtime.stop.is_set():
        try:
            opcode, frame = socket.recv_data_frame(control_frame=True)
        except websocket.WebSocketTimeoutException:
            if runtime.monotonic() - received_at > silence_seconds:
                raise ConnectionLost("silence", f"nothing received for {silence_seconds:g} s") from None
            continue
        if opcode == websocket.ABNF.OPCODE_CLOSE:
            code = int.from_bytes(frame.data[:2], "big") if len(frame.data) >= 2 else 1005
            raise ConnectionLost("closed", f"code {code} {frame.data[2:].decode(errors='replace')}".strip())
        if opcode in (websocket.ABNF.OPCODE_TEXT, websocket.ABNF.OPCODE_BINARY):
            yield frame.data
        # After the frame was processed: waiting for room in the sink does not count as silence.
        received_at = runtime.monotonic()

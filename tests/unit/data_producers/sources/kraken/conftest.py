"""A venue on loopback that a test scripts down to the bytes of a frame."""

import base64
import hashlib
import json
import socket
import struct
import threading
from contextlib import suppress

import pytest

from foundation.process import Runtime

TEXT, CLOSE, PING, PONG = 1, 8, 9, 10


class Connection:
    """The venue's side of one websocket."""

    def __init__(self, wire: socket.socket) -> None:
        self.wire = wire
        self.received: list[dict] = []

    def shake_hands(self) -> None:
        request = b""
        while b"\r\n\r\n" not in request:
            request += self.wire.recv(4096)
        key = next(
            line.split(b": ")[1] for line in request.split(b"\r\n") if line.lower().startswith(b"sec-websocket-k")
        )
        accept = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
        self.wire.sendall(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
        )

    def read(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            part = self.wire.recv(size - len(data))
            if not part:
                raise ConnectionError("the client is gone")
            data += part
        return data

    def receive(self, opcode: int = TEXT) -> dict | None:
        """The client's next frame of a kind: a text, read as JSON, or a control frame, as None."""
        while True:
            first, second = self.read(2)
            size = second & 0x7F
            if size == 126:
                (size,) = struct.unpack("!H", self.read(2))
            mask = self.read(4)
            data = bytes(byte ^ mask[index % 4] for index, byte in enumerate(self.read(size)))
            if first & 0xF == opcode:
                if opcode != TEXT:
                    return None
                self.received.append(json.loads(data))
                return self.received[-1]

    def sync(self) -> None:
        """Waits until the client has processed all frames: it answers a ping in its turn."""
        self.frame(b"sync", PING)
        self.receive(PONG)

    def frame(self, payload: bytes, opcode: int = TEXT, *, fin: bool = True, size: int | None = None) -> None:
        """Sends one frame; `size` may lie about the payload's length."""
        size = len(payload) if size is None else size
        head = bytes([(0x80 if fin else 0) | opcode])
        if size < 126:
            head += bytes([size])
        elif size < 65536:
            head += b"\x7e" + struct.pack("!H", size)
        else:
            head += b"\x7f" + struct.pack("!Q", size)
        self.wire.sendall(head + payload)

    def send(self, *frames: dict | str) -> None:
        for frame in frames:
            self.frame((frame if isinstance(frame, str) else json.dumps(frame)).encode())

    def close(self, code: int, reason: str = "") -> None:
        self.frame(struct.pack("!H", code) + reason.encode(), CLOSE)

    def acknowledge(self) -> None:
        """Receives both subscriptions and acknowledges every symbol."""
        for _ in range(2):
            request = self.receive()
            for symbol in request["params"]["symbol"]:
                result = {"channel": request["params"]["channel"], "snapshot": True, "symbol": symbol}
                self.send({"method": "subscribe", "req_id": request["req_id"], "result": result, "success": True})


class Venue:
    """Runs `scripts`, one for each connection in turn, and keeps the connections."""

    def __init__(self, *scripts) -> None:
        self.connections: list[Connection] = []
        self._scripts = scripts
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"ws://127.0.0.1:{self._listener.getsockname()[1]}/v2"
        self.errors: list[BaseException] = []
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        for script in self._scripts:
            with suppress(OSError):
                wire, _ = self._listener.accept()
                with wire:
                    connection = Connection(wire)
                    self.connections.append(connection)
                    connection.shake_hands()
                    try:
                        script(connection)
                    except OSError:
                        raise
                    except Exception as error:  # noqa: BLE001 - shown by the fixture
                        self.errors.append(error)

    def shut(self) -> None:
        self._listener.close()
        self._thread.join(5)
        assert self.errors == []


@pytest.fixture
def venue():
    """Makes a venue of scripts: `venue(script, script)`."""
    opened: list[Venue] = []

    def open_venue(*scripts) -> Venue:
        opened.append(Venue(*scripts))
        return opened[-1]

    yield open_venue
    for each in opened:
        each.shut()


@pytest.fixture
def runtime():
    """A runtime whose pauses take no time, and the list of them. It stops after fifty, so that every test ends."""
    pauses: list[float] = []
    stop = threading.Event()

    def pause(seconds: float) -> bool:
        pauses.append(seconds)
        if len(pauses) >= 50:
            stop.set()
        return stop.is_set()

    return Runtime(stop=stop, jitter=lambda: 1.0, pause=pause), pauses

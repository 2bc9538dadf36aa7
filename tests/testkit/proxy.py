"""A TCP proxy on loopback that breaks its connections on request: cut, refused, or stalled."""

import asyncio
import socket
import struct
import threading
import time
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, TypeVar

from foundation.ports import HOST

_CHUNK_BYTES = 64 * 1024
_T = TypeVar("_T")


def _reset(writer: asyncio.StreamWriter) -> None:
    """Ends a connection as a crash does: the other side sees a reset."""
    if writer.is_closing():
        return
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


class FaultProxy:
    """Forwards every connection on `port` to `target_port`, from `start` to `stop`, or as a context manager.

    Runs in a thread; its methods block until done and may be called from any other thread.
    """

    def __init__(self, port: int, target_port: int) -> None:
        self.port = port
        self.target_port = target_port
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"proxy-{port}", daemon=True)
        self._writers: set[asyncio.StreamWriter] = set()
        self._pumps: set[asyncio.Task[None]] = set()
        self._refusing = False
        self.accepted_at = 0.0
        """When the first connection was accepted after `start` or `accept` (epoch seconds); 0 while there is none."""

    def __enter__(self) -> "FaultProxy":
        self.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.stop()

    def start(self) -> None:
        """Listens. Raises `OSError` when the port is taken."""
        self._thread.start()
        self._run(self._listen())

    def stop(self) -> None:
        """Cuts every connection and stops listening."""
        self._run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def cut(self) -> int:
        """Resets every open connection on both sides and returns their number; new ones are accepted at once."""
        return self._run(self._cut())

    def refuse(self) -> None:
        """Cuts every connection, and resets each new one until `accept`."""
        self._refusing = True
        self.cut()

    def accept(self) -> None:
        """Ends `refuse`."""
        self.accepted_at = 0.0
        self._refusing = False

    def stall(self) -> None:
        """Forwards nothing in either direction; connections stay open, and new ones are accepted."""
        self._run(self._set_flowing(False))

    def resume(self) -> None:
        """Ends a stall: the data held back is forwarded."""
        self._run(self._set_flowing(True))

    @property
    def connections(self) -> int:
        """Number of open connections."""
        return len(self._writers) // 2

    def _run(self, work: Coroutine[Any, Any, _T]) -> _T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    async def _listen(self) -> None:
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._server = await asyncio.start_server(self._serve, HOST, self.port)

    async def _close(self) -> None:
        self._server.close()
        await self._cut()
        self._flowing.set()
        for pump in list(self._pumps):
            pump.cancel()
        await asyncio.gather(*self._pumps, return_exceptions=True)

    async def _cut(self) -> int:
        count = len(self._writers) // 2
        for writer in list(self._writers):
            _reset(writer)
        return count

    async def _set_flowing(self, flowing: bool) -> None:
        if flowing:
            self._flowing.set()
        else:
            self._flowing.clear()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._pumps.add(task)
            task.add_done_callback(self._pumps.discard)
        if self._refusing:
            _reset(writer)
            return
        self.accepted_at = self.accepted_at or time.time()
        try:
            await self._flowing.wait()
            far_reader, far_writer = await asyncio.open_connection(HOST, self.target_port)
        except OSError:
            _reset(writer)
            return
        self._writers |= {writer, far_writer}
        try:
            await asyncio.gather(self._pump(reader, far_writer), self._pump(far_reader, writer))
        except OSError:
            pass  # one side has failed; the other is ended below
        finally:
            self._writers -= {writer, far_writer}
            writer.transport.abort()
            far_writer.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while chunk := await reader.read(_CHUNK_BYTES):
            await self._flowing.wait()
            writer.write(chunk)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()

"""A TCP proxy on loopback that can break what goes through it: connections cut, or left open with nothing moving."""

import asyncio
import socket
import struct
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

HOST = "127.0.0.1"
CHUNK_BYTES = 64 * 1024
T = TypeVar("T")


def _reset(writer: asyncio.StreamWriter) -> None:
    """Ends a connection as a crash does: the other side sees a reset, no orderly end."""
    if writer.is_closing():
        return
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


class FaultProxy:
    """Forwards every connection on `port` to `target_port`, from `start` to `stop`. Runs in a thread of its own.

    `cut` and `stall` may be called from any thread.
    """

    def __init__(self, port: int, target_port: int) -> None:
        self.port = port
        self.target_port = target_port
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"proxy-{port}", daemon=True)
        self._writers: set[asyncio.StreamWriter] = set()
        self._pumps: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Listens. Raises `OSError` when the port is taken."""
        self._thread.start()
        self._run(self._listen())

    def stop(self) -> None:
        """Cuts everything and listens no more."""
        self._run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def cut(self) -> int:
        """Resets every open connection on both sides; new ones are taken at once. How many were open."""
        return self._run(self._cut())

    def stall(self) -> None:
        """From now on nothing is forwarded, in no direction; connections stay open, and new ones are accepted."""
        self._run(self._set_flowing(False))

    def resume(self) -> None:
        """Ends a stall: what was held back goes on its way."""
        self._run(self._set_flowing(True))

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return len(self._writers) // 2

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
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
            pass  # one side is gone: so is the other, below
        finally:
            self._writers -= {writer, far_writer}
            writer.transport.abort()
            far_writer.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while chunk := await reader.read(CHUNK_BYTES):
            await self._flowing.wait()
            writer.write(chunk)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()

"""The exchange's WebSocket server: client sessions and the hub that sends ticks to subscribers."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import cast

from aiohttp import WSMsgType, web

from simulator import protocol
from simulator.faults import Faults
from simulator.market import SimulatedTrade, Tick
from simulator.protocol import Request, System
from simulator.world import SimulatedWorld

log = logging.getLogger(__name__)

QUEUE_FRAMES = 20_000
"""Send-queue limit per client. A client that falls further behind is disconnected."""

GARBAGE = '{"channel":"ticker","type":"update","data":[{"symbol":"BTC/USD","bid":'
ChannelSymbol = tuple[str, str]
"""(channel, symbol)"""


@dataclass(eq=False)
class ClientSession:
    """One client's connection: its subscriptions and its send queue."""

    connection_id: int
    abort: Callable[[], None]
    """Aborts the connection without a close frame, which a client that does not read would not receive."""
    queue: "asyncio.Queue[str | None]"
    subscriptions: dict[ChannelSymbol, Request] = field(default_factory=dict)
    close_with: tuple[int, bytes] = (1000, b"")
    closing: bool = False

    def send(self, frame: str) -> None:
        """Queues a frame. Ends the session if the queue is full."""
        if self.closing:
            return
        try:
            self.queue.put_nowait(frame)
        except asyncio.QueueFull:
            log.warning("client reads too slowly, disconnecting", extra={"connection_id": self.connection_id})
            self.closing = True
            self.abort()

    def close(self, code: int, message: bytes) -> None:
        """Closes the session and discards its queued frames."""
        self.closing = True
        self.close_with = (code, message)
        while not self.queue.empty():
            self.queue.get_nowait()
        self.queue.put_nowait(None)


class Hub:
    """All client sessions and the frames sent to them. Synchronous, so sessions are consistent with the world at any
    await."""

    def __init__(
        self,
        world: SimulatedWorld,
        faults: Faults,
        count_event: Callable[[str], None],
        queue_frames: int = QUEUE_FRAMES,
    ) -> None:
        self.world = world
        self.faults = faults
        self.system: System = "online"
        self._count_event = count_event
        self._queue_frames = queue_frames
        self._sessions: dict[ClientSession, None] = {}
        self._listeners: dict[ChannelSymbol, dict[ClientSession, Request]] = {}
        self._trades: dict[str, list[SimulatedTrade]] = {}
        self._connection_ids = count(world.now_us() * 4096)

    @property
    def sessions(self) -> int:
        """The number of connected clients."""
        return len(self._sessions)

    def join(self, abort: Callable[[], None]) -> ClientSession:
        """Adds a session and queues its status frame."""
        session = ClientSession(next(self._connection_ids), abort, asyncio.Queue(self._queue_frames))
        self._sessions[session] = None
        self._count_event("connection")
        session.send(protocol.status_frame(session.connection_id, self.system))
        return session

    def leave(self, session: ClientSession) -> None:
        """Removes a session."""
        self._sessions.pop(session, None)
        for subscription in session.subscriptions:
            self._listeners[subscription].pop(session, None)

    def publish(self, tick: Tick) -> None:
        """Sends a tick's ticker to its subscribers; its trades are sent by the next `flush`."""
        symbol = tick.pair.symbol
        if tick.trades and self._listeners.get(("trade", symbol)):
            self._trades.setdefault(symbol, []).extend(tick.trades)
        frame = None
        for session, request in self._listeners.get(("ticker", symbol), {}).items():
            if not tick.is_trading and request.event_trigger == "trades":
                continue
            if frame is None:
                ticker = self.world.books[symbol].ticker()
                if ticker is None or ("ticker", symbol) in self.faults.silent:
                    return
                frame = protocol.ticker_frame("update", ticker)
                self._count_event("ticker")
            session.send(frame)

    def flush(self) -> None:
        """Sends the trades since the last call, one frame per pair. Call it before awaiting anything."""
        for symbol, trades in self._trades.items():
            sent = self.faults.trades_to_send(symbol, trades)
            if sent and ("trade", symbol) not in self.faults.silent:
                frame = protocol.trade_frame("update", self.world.pairs[symbol], sent)
                for session in self._listeners.get(("trade", symbol), {}):
                    session.send(frame)
        self._trades.clear()

    def broadcast(self, frame: str) -> None:
        """Sends one frame to every session."""
        for session in self._sessions:
            session.send(frame)

    def close_all(self, code: int, message: bytes) -> None:
        """Closes every session."""
        for session in list(self._sessions):
            session.close(code, message)

    def cut_all(self) -> None:
        """Aborts every connection without a close frame."""
        for session in list(self._sessions):
            session.closing = True
            session.abort()

    def set_system(self, system: System) -> None:
        """Sets the engine's state and sends it to every session."""
        self.system = system
        for session in self._sessions:
            session.send(protocol.status_frame(session.connection_id, system))

    def resend_snapshots(self) -> None:
        """Sends the snapshots of all subscriptions again."""
        for subscription, listeners in self._listeners.items():
            for session in listeners:
                self._send_snapshot(session, *subscription)

    def answer(self, session: ClientSession, text: str) -> None:
        """Handles one client request and queues the replies."""
        in_us = self.world.now_us()
        try:
            request = protocol.parse_request(text)
            if self.faults.rejects_message():
                raise protocol.RejectedRequest(protocol.MESSAGE_RATE_ERROR, request.method, request.req_id)
        except protocol.RejectedRequest as rejected:
            self._reject(session, rejected.error, rejected.method, rejected.req_id, None, in_us)
            return
        if request.method == "ping":
            session.send(protocol.pong_frame(request.req_id, in_us, self.world.now_us()))
        elif request.channel == "instrument":
            self._answer_symbol(session, request, "", in_us)
        else:
            for symbol in request.symbols:
                self._answer_symbol(session, request, symbol, in_us)

    def _answer_symbol(self, session: ClientSession, request: Request, symbol: str, in_us: int) -> None:
        subscription = (request.channel, symbol)
        subscribed = subscription in session.subscriptions
        error = None
        if symbol and (symbol not in self.world.pairs or symbol in self.faults.rejected):
            error = protocol.NOT_SUPPORTED_ERROR
        elif request.method == "subscribe" and subscribed:
            error = protocol.ALREADY_SUBSCRIBED_ERROR
        elif request.method == "unsubscribe" and not subscribed:
            error = protocol.NOT_SUBSCRIBED_ERROR
        if error is not None:
            self._reject(session, error, request.method, request.req_id, symbol or None, in_us)
            return
        session.send(protocol.ack_frame(request, symbol or None, in_us, self.world.now_us()))
        if request.method == "subscribe":
            session.subscriptions[subscription] = request
            self._listeners.setdefault(subscription, {})[session] = request
            if request.snapshot and subscription not in self.faults.silent:
                self._send_snapshot(session, *subscription)
        else:
            del session.subscriptions[subscription]
            del self._listeners[subscription][session]

    def _reject(
        self, session: ClientSession, error: str, method: str | None, req_id: int | None, symbol: str | None, in_us: int
    ) -> None:
        self._count_event("refusal")
        session.send(protocol.error_frame(error, method, req_id, symbol, in_us, self.world.now_us()))

    def _send_snapshot(self, session: ClientSession, channel: str, symbol: str) -> None:
        if channel == "instrument":
            session.send(protocol.instrument_frame(tuple(self.world.pairs.values())))
            return
        book = self.world.books[symbol]
        ticker = book.ticker()
        if ticker is None:
            return
        if channel == "ticker":
            session.send(protocol.ticker_frame("snapshot", ticker))
        else:
            lost_ids = self.faults.lost_ids.get(symbol, ())
            newest = [trade for trade in book.trades[-protocol.TRADE_SNAPSHOT_SIZE :] if trade.trade_id not in lost_ids]
            session.send(protocol.trade_frame("snapshot", book.pair, newest))


async def serve_websocket(request: web.Request, hub: Hub, heartbeat_seconds: float) -> web.WebSocketResponse:
    """Serves Kraken v2 to one client until either side closes."""
    socket = web.WebSocketResponse(compress=False, max_msg_size=1_000_000)
    await socket.prepare(request)
    transport = request.transport
    if transport is None:
        return socket
    session = hub.join(transport.abort)
    writer = asyncio.create_task(_write_frames(socket, session, heartbeat_seconds))
    try:
        async for message in socket:
            if message.type == WSMsgType.TEXT:
                hub.answer(session, message.data)
            elif message.type == WSMsgType.BINARY:
                hub.answer(session, cast(bytes, message.data).decode(errors="replace"))
            if session.closing:
                break
    finally:
        hub.leave(session)
        if not session.closing:
            session.close(1000, b"")
        await writer
    return socket


async def _write_frames(socket: web.WebSocketResponse, session: ClientSession, heartbeat_seconds: float) -> None:
    """Sends queued frames, a heartbeat after each silent `heartbeat_seconds`, and the close frame at the end."""
    try:
        while not socket.closed:
            try:
                async with asyncio.timeout(heartbeat_seconds):
                    frame = await session.queue.get()
            except TimeoutError:
                if session.subscriptions:
                    await socket.send_str(protocol.HEARTBEAT)
                continue
            if frame is None:
                break
            await socket.send_str(frame)
    except ConnectionError:
        session.closing = True
        return
    code, message = session.close_with
    await socket.close(code=code, message=message)

"""
One process of the gateway: sockets on one side, `protocol` and `keeper` on the other.

Nothing here decides what a frame means. A connection costs its few slots; what watches over all of them
(logins that do not come, frames that do not end, silence) is one sweep each second. Questions to the
database are asked in threads: while it is away who asks is sent off without an answer, to come again, and
who is logged in goes on.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import ssl
from collections import Counter, deque
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from math import ceil
from pathlib import Path
from typing import Final

import psycopg

from voltrail.errors import AccessError
from voltrail.gateway import live
from voltrail.gateway.folder import Folder
from voltrail.gateway.keeper import Keeper
from voltrail.gateway.limits import DEFAULT, Limits, network_of
from voltrail.gateway.protocol import Activation, Login, PlatformLogin, Question, Reply, Session, Turn
from voltrail.registry.admission import Admission
from voltrail.telematics.gbt32960.cutting import Cutter
from voltrail.telematics.gbt32960.layout import EDITIONS, layout

SWEEP_S: Final = 1.0
BACKLOG: Final = 4096
PLATFORMS_S: Final = 5  # how often it is asked whether a platform has ended
REMEMBERED_S: Final = 10.0  # how long a refused VIN is not asked for again
REMEMBERED: Final = 10_000
AWAY_S: Final = 1.0  # how long nothing is asked of a database that did not answer
LAST_S: Final = 2.0  # for connections to end, when the process does
TLS_HANDSHAKE_S: Final = 15.0

_log = logging.getLogger(__name__)


class Connection(asyncio.Protocol):
    """A socket and its session."""

    __slots__ = (
        "address",
        "closing_since",
        "ended",
        "heard_at",
        "opened_at",
        "paused",
        "placed",
        "plain",
        "server",
        "session",
        "tokens",
        "tokens_at",
        "transport",
        "unfinished_since",
    )

    def __init__(self, server: Server) -> None:
        self.server = server
        self.session = Session()
        self.transport: asyncio.Transport
        self.address = ""
        self.opened_at = self.heard_at = self.tokens_at = server.loop.time()
        self.unfinished_since: float | None = None
        self.closing_since: float | None = None
        self.ended = False  # whether the peer has sent all it will
        self.tokens = 0.0
        self.plain = False  # whether what comes next is taken together with that of others
        self.placed: bytes | None = None  # under which VIN it is found; a platform's is empty
        self.paused = (
            0  # how many reasons there are not to read: a question, a full disk, a full socket, haste
        )

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection on, if there is room for it."""
        self.transport = transport  # type: ignore[assignment]
        peer = transport.get_extra_info("peername")
        self.address = network_of(str(peer[0])) if peer else ""
        self.tokens = self.server.limits.terminal_burst
        refused = self.server.welcome(self)
        if refused:
            self.server.refused[refused] += 1
            self.transport.abort()

    def connection_lost(self, _error: Exception | None) -> None:
        """Forget it."""
        self.server.take_together()
        self.server.forget(self)

    def data_received(self, data: bytes) -> None:
        """Read, and do what follows."""
        server = self.server
        self.heard_at = server.loop.time()
        if self.plain:
            server.gather(self, data)
        elif self.closing_since is None:
            self.follow(self.session.receive(data, server.cutter, datetime.now(UTC)))

    def pause_writing(self) -> None:
        """Read no more from who does not read."""
        self.pause()

    def resume_writing(self) -> None:
        """Read again."""
        self.resume()

    def eof_received(self) -> bool:
        """Close once what is waiting has been answered: half an open connection is none."""
        self.server.take_together()
        self.ended = True
        if self.closing_since is None:
            self.close()
        return not self.transport.is_closing()

    def follow(self, turn: Turn) -> None:
        """Do what follows from bytes or from a reply."""
        server, session = self.server, self.session
        if turn.kept or turn.answers:
            server.keeper.keep(
                turn.source, turn.kept, turn.frames, self, b"".join(turn.answers), self.heard_at
            )
        if turn.refused:
            server.refused.update(turn.refused)
        if session.unfinished == 0 or turn.kept:
            self.unfinished_since = None
        if session.unfinished and self.unfinished_since is None:
            self.unfinished_since = self.heard_at
        if turn.took_over is not None:
            server.take_over(turn.took_over, self)
        if self.placed is not None and not session.logged_in:
            server.leave(self)
        elif session.platform is not None and self.placed is None:
            server.place_platform(self)
        self.plain = session.is_plain and self.closing_since is None and not turn.close
        if turn.close:
            self.close()
            return
        if turn.ask is not None:
            self.pause()
            server.ask(turn.ask, self)
        if turn.frames:
            self.spend(turn.frames)
        if server.keeper.full:
            server.pause_all()

    def spend(self, frames: int) -> None:
        """Take what was read from what may be read; read on when there is some again."""
        limits, now = self.server.limits, self.server.loop.time()
        rate, burst = limits.terminal_rate, limits.terminal_burst
        if self.session.platform is not None:
            rate, burst = limits.platform_rate, limits.platform_burst
        self.tokens = min(self.tokens + (now - self.tokens_at) * rate, burst) - frames
        self.tokens_at = now
        if self.tokens < 0:
            self.server.refused["gateway.flood"] += 1
            self.pause()
            self.server.loop.call_later(-self.tokens / rate, self.resume)

    def answer(self, data: bytes, since: float) -> None:
        """Send what has become durable its answer."""
        if not self.transport.is_closing():
            self.transport.write(data)
            self.server.answered(since)

    def pause(self) -> None:
        """Do not read, for one more reason."""
        self.paused += 1
        if self.paused == 1 and self.closing_since is None and not self.transport.is_closing():
            self.transport.pause_reading()

    def resume(self) -> None:
        """Read again, if this was the last reason not to."""
        self.paused -= 1
        if self.paused == 0 and self.closing_since is None and not self.transport.is_closing():
            self.heard_at = self.server.loop.time()
            self.transport.resume_reading()

    def close(self) -> None:
        """Close, after the answers that are on their way to the disk."""
        self.server.take_together()
        if self.closing_since is None:
            self.closing_since, self.plain = self.server.loop.time(), False
            if not self.transport.is_closing():
                self.transport.pause_reading()
            self.server.keeper.keep(0, [], 0, _Close(self), b"\0", self.heard_at)


class _Close:
    """What stands behind the last answers of a connection, so that it is closed after them."""

    __slots__ = ("connection",)

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def answer(self, _data: bytes, _since: float) -> None:
        """
        Close what we send, and read on without looking until the peer closes too, or a sweep ends it.

        A socket that is closed with something unread takes back answers that are on their way.
        """
        transport = self.connection.transport
        if transport.is_closing():
            return
        if self.connection.ended or not transport.can_write_eof():
            transport.close()
        else:
            transport.write_eof()
            transport.resume_reading()


class _Nobody:
    """Who sent what needs no answer."""

    def answer(self, _data: bytes, _since: float) -> None:
        """Say nothing."""


_NOBODY: Final = _Nobody()


class Server:
    """The sockets of one process."""

    def __init__(self, folder: Folder, admission: Admission, process: int, limits: Limits = DEFAULT) -> None:
        self.loop = asyncio.get_running_loop()
        self.limits = limits
        self.cutter = Cutter()
        self.keeper = Keeper(folder.segments, process, self.loop)
        self.keeper.on_room = self._resume_all
        self.refused: Counter[str] = Counter()
        self._folder, self._process, self._admission = folder, process, admission
        self._gathered: list[tuple[Connection, bytes]] = []
        self._connections: set[Connection] = set()
        self._per_address: Counter[str] = Counter()
        self._vehicles: dict[bytes, Connection] = {}
        self._platforms: set[Connection] = set()
        self._stopped: list[Connection] = []
        self._unknown: dict[Login, tuple[float, str]] = {}
        self._failed: dict[str, deque[float]] = {}
        self._away_until = 0.0
        self._asked: set[asyncio.Task[None]] = set()
        self._began_at = datetime.now(UTC)
        self._rates: deque[int] = deque(maxlen=live.KEPT)
        self._answers = 0
        self._waited: deque[Counter[int]] = deque([Counter()], maxlen=60)
        self._frames_before = 0
        self._gone: asyncio.Future[None] | None = None
        self._peers: list[Path] = []
        self._told: socket.socket | None = None

    # ------------------------------------------------------------------ connections

    def welcome(self, connection: Connection) -> str | None:
        """Take a connection on; return the rule by which there is no room for it."""
        if len(self._connections) >= self.limits.connections:
            return "gateway.connections"
        if connection.address and self._per_address[connection.address] >= self.limits.per_address:
            return "gateway.per_address"
        self._connections.add(connection)
        if connection.address:
            self._per_address[connection.address] += 1
        if self.keeper.full:
            connection.pause()
            self._stopped.append(connection)
        return None

    def forget(self, connection: Connection) -> None:
        """Let go of a connection that has ended."""
        if connection in self._connections:
            self._connections.remove(connection)
            if connection.address:
                self._per_address[connection.address] -= 1
                if not self._per_address[connection.address]:
                    del self._per_address[connection.address]
        if self._gone is not None and not self._connections and not self._gone.done():
            self._gone.set_result(None)
        self.leave(connection)

    def place_platform(self, connection: Connection) -> None:
        """Remember that a platform is logged in."""
        connection.placed = b""
        self._platforms.add(connection)

    def leave(self, connection: Connection) -> None:
        """Forget who was logged in on a connection."""
        vin, connection.placed = connection.placed, None
        self._platforms.discard(connection)
        if vin and self._vehicles.get(vin) is connection:
            del self._vehicles[vin]

    def take_over(self, vin: bytes, connection: Connection) -> None:
        """Close the connection on which this vehicle was logged in before, here or in another process."""
        self._close_older(vin, connection)
        self._vehicles[vin] = connection
        connection.placed = vin
        for peer in self._peers:
            if self._told is not None:
                with suppress(OSError):  # a process that is being started again has nobody logged in
                    self._told.sendto(vin, str(peer))

    def _close_older(self, vin: bytes, connection: Connection | None) -> None:
        older = self._vehicles.pop(vin, None)
        if older is not None and older is not connection:
            self.refused["gateway.taken_over"] += 1
            older.close()

    def pause_all(self) -> None:
        """Read nobody until there is room."""
        if not self._stopped:
            self._stopped = list(self._connections)
            for connection in self._stopped:
                connection.pause()

    def _resume_all(self) -> None:
        if self._stopped and not self.keeper.full:
            stopped, self._stopped = self._stopped, []
            for connection in stopped:
                connection.resume()

    # ------------------------------------------------------------------ the usual case

    def gather(self, connection: Connection, data: bytes) -> None:
        """
        Keep what a terminal sent until all have been read that have something now.

        Nearly all of it is one report each. Looked at together it costs a fraction of what each would.
        """
        if not self._gathered:
            self.loop.call_soon(self.take_together)
        self._gathered.append((connection, data))

    def take_together(self) -> None:
        """Take what was gathered: sound reports at once, and what is anything else as it came, by itself."""
        if not self._gathered:
            return
        gathered, self._gathered = self._gathered, []
        vins = [one.session.vin or b"" for one, _ in gathered]
        data, counts = self.cutter.sound([read for _, read in gathered], vins)
        kept, others = [data], []
        if not all(counts):
            unsound = {one for (one, _), count in zip(gathered, counts, strict=True) if not count}
            others = [(one, read) for one, read in gathered if one in unsound]
            together = zip(gathered, counts, strict=True)
            counts = [0 if one in unsound else count for (one, _), count in together]
            kept = [read for (_, read), count in zip(gathered, counts, strict=True) if count]
        if kept:
            self.keeper.keep(0, kept, sum(counts), _NOBODY, b"", 0.0)
        for (one, _), count in zip(gathered, counts, strict=True):
            one.tokens -= count
            if one.tokens < 0:
                one.spend(0)
        for one, read in others:
            if one.closing_since is None:
                one.follow(one.session.receive(read, self.cutter, datetime.now(UTC)))
        if self.keeper.full:
            self.pause_all()

    def answered(self, since: float) -> None:
        """Count an answer, and how long it took."""
        self._answers += 1
        self._waited[-1][round((self.loop.time() - since) * 1000)] += 1

    # ------------------------------------------------------------------ questions

    def ask(self, question: Question, connection: Connection) -> None:
        """Ask the database, and tell the connection what it says."""
        task = self.loop.create_task(self._ask(question, connection))
        self._asked.add(task)
        task.add_done_callback(self._asked.discard)

    async def _ask(self, question: Question, connection: Connection) -> None:
        reply: Reply | None = self._known(question, connection.address)
        try:
            if reply is None:
                if self.loop.time() < self._away_until:
                    raise psycopg.OperationalError
                reply = await asyncio.to_thread(ask, self._admission, question)
        except psycopg.Error:
            self._away_until = max(self._away_until, self.loop.time() + AWAY_S)
            self.refused["gateway.database"] += 1
            connection.close()
            return
        if isinstance(reply, str) and reply != "gateway.attempts":
            self._remember(question, connection.address, reply)
        if connection.transport.is_closing() or connection.closing_since is not None:
            return
        connection.follow(connection.session.told(reply, self.cutter, datetime.now(UTC)))
        connection.resume()

    def _known(self, question: Question, address: str) -> str | None:
        """Return by which rule something is refused without asking, None if it must be asked."""
        now = self.loop.time()
        failed = self._failed.get(address)
        while failed and now - failed[0] > self.limits.failed_within_s:
            failed.popleft()
        if isinstance(question, PlatformLogin):
            return "gateway.attempts" if failed and len(failed) >= self.limits.failed_logins else None
        until, rule = self._unknown.get(question, (0.0, "")) if isinstance(question, Login) else (0.0, "")
        return rule if now < until else None

    def _remember(self, question: Question, address: str, rule: str) -> None:
        now = self.loop.time()
        if isinstance(question, PlatformLogin):
            self._failed.setdefault(address, deque(maxlen=self.limits.failed_logins)).append(now)
            return
        if isinstance(question, Login):
            if len(self._unknown) >= REMEMBERED:
                self._unknown.clear()
            if self._unknown.get(question, (0.0, ""))[0] < now:
                self._unknown[question] = (now + REMEMBERED_S, rule)

    # ------------------------------------------------------------------ each second

    def sweep(self) -> None:
        """Close whoever keeps the others waiting."""
        now, limits = self.loop.time(), self.limits
        for connection in list(self._connections):
            why = None
            if connection.closing_since is not None:
                if now - connection.closing_since > limits.closing_s and not self.keeper.failing:
                    connection.transport.abort()
                continue
            if connection.paused:  # it is we who do not read; but a peer that does not read its answers goes
                unread = connection.transport.get_write_buffer_size()
                if unread and now - connection.heard_at > limits.unfinished_s:
                    self.refused["gateway.unread"] += 1
                    connection.transport.abort()
                continue
            if not connection.session.logged_in and now - connection.opened_at > limits.login_s:
                why = "gateway.login_late"
            elif (
                connection.unfinished_since is not None
                and now - connection.unfinished_since > limits.unfinished_s
            ):
                why = "gateway.slow"
            elif now - connection.heard_at > limits.idle_s:
                why = "gateway.idle"
            if why is not None:
                self.refused[why] += 1
                connection.close()
        for address in [one for one, at in self._failed.items() if now - at[-1] > limits.failed_within_s]:
            del self._failed[address]

    async def end_platforms(self) -> None:
        """Close the connections of platforms that have ended."""
        logged_in = {one.session.source: one for one in self._platforms}
        if not logged_in:
            return
        with suppress(psycopg.Error):
            ended = await asyncio.to_thread(self._admission.ended, sorted(logged_in))
            for connection in [one for one in self._platforms if one.session.source in ended]:
                self.refused["gateway.platform_ended"] += 1
                connection.close()

    def say(self) -> None:
        """Say what is so now."""
        keeper = self.keeper
        self._rates.append(keeper.frames - self._frames_before)
        self._frames_before = keeper.frames
        waited: Counter[int] = sum(self._waited, Counter())
        self._waited.append(Counter())
        seen = self.cutter.seen
        with suppress(OSError):  # a full disk is told of by what is not kept
            live.tell(
                self._folder,
                live.Said(
                    process=os.getpid(),
                    began_at=self._began_at,
                    at=datetime.now(UTC),
                    connections=len(self._connections),
                    vehicles=len(self._vehicles),
                    platforms=len(self._platforms),
                    frames=keeper.frames,
                    bytes=keeper.bytes,
                    answers=self._answers,
                    waiting_bytes=keeper.waiting_bytes,
                    rates=tuple(self._rates),
                    answer_ms=(_quantile(waited, 0.5), _quantile(waited, 0.99)) if waited else None,
                    refused=dict(self.refused),
                    editions={
                        str(edition): int(counts.sum())
                        for edition, counts in zip(EDITIONS, seen, strict=True)
                        if counts.any()
                    },
                    commands=_commands(seen.sum(axis=0).tolist()),
                ),
            )

    # ------------------------------------------------------------------ running

    async def run(
        self,
        listening: socket.socket,
        stop: asyncio.Event,
        *,
        tls: ssl.SSLContext | None = None,
        mailbox: Path | None = None,
        ready: Callable[[], object] = lambda: None,
    ) -> None:
        """
        Serve until `stop` is set, then make durable and answer what has come, and close.

        `ready` is called when connections are taken.
        `mailbox` is the socket by which the processes of a gateway tell each other who has logged in.
        """
        if mailbox is not None:
            self._open(mailbox)
        acceptor = await self.loop.create_server(
            lambda: Connection(self),
            sock=listening,
            ssl=tls,
            backlog=BACKLOG,
            ssl_handshake_timeout=TLS_HANDSHAKE_S if tls else None,
        )
        ready()
        seconds = 0
        try:
            while not stop.is_set():
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), SWEEP_S)
                seconds += 1
                if mailbox is not None:
                    self._peers = [one for one in mailbox.parent.glob("*.sock") if one != mailbox]
                self.sweep()
                self.say()
                await self.keeper.rotate()
                if seconds % PLATFORMS_S == 0:
                    await self.end_platforms()
        finally:
            acceptor.close()
            for connection in list(self._connections):
                connection.close()
            await self.keeper.end()
            with suppress(TimeoutError):  # for the last answers to go out
                await asyncio.wait_for(self._all_gone(), LAST_S)
            for connection in list(self._connections):
                connection.transport.abort()
            live.leave(self._folder, os.getpid())
            if self._told is not None:
                self.loop.remove_reader(self._told.fileno())
                self._told.close()

    async def _all_gone(self) -> None:
        self._gone = self.loop.create_future()
        if self._connections:
            await self._gone

    def _open(self, mailbox: Path) -> None:
        mailbox.unlink(missing_ok=True)
        self._told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._told.setblocking(False)
        self._told.bind(str(mailbox))
        self.loop.add_reader(self._told.fileno(), self._hear)

    def _hear(self) -> None:
        """Close those who have logged in elsewhere."""
        with suppress(BlockingIOError):
            while self._told is not None:
                self._close_older(self._told.recv(32), None)


def ask(admission: Admission, question: Question) -> Reply:
    """Return what the database says to a question, or the rule by which it refuses."""
    try:
        if isinstance(question, Login):
            return admission.terminal(question.vin, question.iccid)
        if isinstance(question, Activation):
            return admission.activate(question.vin, question.chip_id, question.public_key)
        return admission.platform(question.name, question.password) or "gateway.platform"
    except AccessError as refused:
        return refused.rule


def listen(host: str, port: int, *, shared: bool) -> socket.socket:
    """Return a bound socket; `shared` by processes, among which the system spreads connections."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if shared:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        bound.bind((host, port))
    except OSError:
        bound.close()
        raise
    bound.setblocking(False)
    return bound


def _quantile(counts: Counter[int], share: float) -> float:
    """Return the least value that this share of all does not exceed."""
    left = ceil(counts.total() * share)
    for value in sorted(counts):
        left -= counts[value]
        if left <= 0:
            return float(value)
    return 0.0


def _commands(counts: list[int]) -> dict[str, int]:
    named: dict[str, int] = {}
    known = {number: body.name for edition in EDITIONS for number, body in layout(edition).commands.items()}
    for command, count in enumerate(counts):
        if count:
            name = known.get(command, "other")
            named[name] = named.get(name, 0) + count
    return named

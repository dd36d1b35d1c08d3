"""
The rules of a connection, without its socket: bytes in, and what follows from them out.

    bytes ──► Session.receive ──► Turn: frames to keep, answers to give once they are durable,
                   ▲                    a question for the database, whether to close
                   └── Session.told ◄── its reply; what came meanwhile is read then

An answer repeats the command with what became of it, keeps the time of what it answers, and drops the rest.
Terminals get none to a report that was taken, platforms do. What is refused is answered, counted by its
rule, and not kept. A platform's login is never kept: it holds the password.
Sources: GB/T 32960.3-2016 and -2025, 5.2, 6.3.2, annex B.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, NamedTuple

from voltrail.errors import FrameError
from voltrail.registry.admission import Platform, Terminal
from voltrail.telematics.gbt32960.cutting import Cutter
from voltrail.telematics.gbt32960.frame import (
    FRAME_BYTES,
    HEADER_BYTES,
    TIME_BYTES,
    Frame,
    Reading,
    check,
    read_frame,
)
from voltrail.telematics.gbt32960.layout import COMMAND, PLAIN, STARTS, Edition
from voltrail.telematics.gbt32960.sealing import PublicKey, read_key, verify
from voltrail.telematics.gbt32960.stream import Refused
from voltrail.telematics.gbt32960.writing import make_frame, raw_of

VEHICLE_LOGIN, REPORT, REISSUED, VEHICLE_LOGOUT = 1, 2, 3, 4
PLATFORM_LOGIN, PLATFORM_LOGOUT, HEARTBEAT, CALIBRATION = 5, 6, 7, 8
ACTIVATION, ACTIVATION_ANSWER = 9, 10

TAKEN, ERROR, REPEATED, UNKNOWN_VIN, BAD_SIGNATURE, BAD_STRUCTURE = 1, 2, 3, 4, 5, 6
LAST_ACK_2016: Final = REPEATED  # the edition of 2016 says ERROR for all that the later one names

MAX_RUBBISH: Final = 16  # what was no frame, before a connection is closed
MAX_STRANGE_BYTES: Final = 32 << 10  # of who has not logged in: to look for frames in rubbish takes time
FORGIVEN_BY: Final = 100  # good frames, for one of them

_ACKS: Final = {
    "gateway.iccid": REPEATED,
    "gateway.activated": REPEATED,
    "gateway.vin_unknown": UNKNOWN_VIN,
    "gateway.signature": BAD_SIGNATURE,
    "gateway.unsigned": BAD_SIGNATURE,
    "gateway.structure": BAD_STRUCTURE,
}


class Login(NamedTuple):
    """A terminal asks to be let in; `iccid` is None where it cannot be read."""

    vin: str
    iccid: str | None


class PlatformLogin(NamedTuple):
    """A platform asks to be let in."""

    name: str
    password: str


class Activation(NamedTuple):
    """A terminal asks that its key be kept; its signature held."""

    vin: str
    chip_id: str
    public_key: bytes


Question = Login | PlatformLogin | Activation
Reply = Terminal | Platform | bool | str  # what was found; or the rule by which it is refused


class Turn:
    """What follows from some bytes. `refused` are the rules of what was not taken, each as often."""

    __slots__ = ("answers", "ask", "close", "frames", "kept", "refused", "source", "took_over")

    def __init__(self) -> None:
        self.kept: list[bytes] = []
        self.source = 0  # of what is kept: who is logged in may have left behind it
        self.frames = 0
        self.answers: list[bytes] = []
        self.ask: Question | None = None
        self.refused: list[str] = []
        self.close = False
        self.took_over: bytes | None = None  # a VIN that logged in here, and must be closed elsewhere


class Session:
    """One connection. `vin` is set while a terminal is logged in, `platform` while a platform is."""

    __slots__ = ("_asked", "_key", "_rest", "_rubbish", "activated", "platform", "vin")

    def __init__(self) -> None:
        self.vin: bytes | None = None
        self.platform: Platform | None = None
        self._asked: bytes | None = None  # the frame whose question is open
        self._key: bytes | None = None
        self._rest = b""
        self._rubbish = 0.0

    @property
    def logged_in(self) -> bool:
        """Whether somebody is."""
        return self.vin is not None or self.platform is not None

    @property
    def source(self) -> int:
        """The number under which frames are kept."""
        return 0 if self.platform is None else self.platform.number

    @property
    def is_plain(self) -> bool:
        """Whether a terminal is logged in of which nothing is awaited but reports, and none has begun."""
        return self.vin is not None and not (self._key or self._asked or self._rest or self._rubbish)

    @property
    def unfinished(self) -> int:
        """How many bytes of a frame have come whose end has not."""
        return len(self._rest)

    def receive(self, data: bytes, cutter: Cutter, now: datetime) -> Turn:
        """Return what follows from bytes that have come; while a question is open they wait for its reply."""
        turn = Turn()
        if self._rest:
            data = self._rest + data
        if self._asked is not None:
            self._rest = data
            return turn
        self._read(data, cutter, now, turn)
        return turn

    def told(self, reply: Reply, cutter: Cutter, now: datetime) -> Turn:
        """Return what follows from the reply to the open question, and from what came meanwhile."""
        turn, asked = Turn(), self._asked
        self._asked = None
        if asked is None:
            return turn
        if asked[2] == ACTIVATION:
            self._activated(asked, reply, turn)
        elif isinstance(reply, Terminal):
            self.vin, self._key = asked[4:21], reply.public_key
            turn.took_over = self.vin
            self._take(asked, turn)
        elif isinstance(reply, Platform):
            self.platform = reply
            turn.answers.append(answer(asked, TAKEN))
        else:
            self._refuse(asked, str(reply), turn)
            turn.close = True
        rest, self._rest = self._rest, b""
        if rest and not turn.close:
            self._read(rest, cutter, now, turn)
        return turn

    def _read(self, data: bytes, cutter: Cutter, now: datetime, turn: Turn) -> None:
        if not self.logged_in and len(data) > MAX_STRANGE_BYTES:
            data, behind = data[:MAX_STRANGE_BYTES], data[MAX_STRANGE_BYTES:]
            self._read(data, cutter, now, turn)
            if self._asked is not None:
                self._rest += behind
            else:
                turn.refused.append("gateway.not_logged_in")
                turn.close = True
            return
        cut = cutter.cut(data)
        self._rest = data[cut.rest :] if cut.rest < len(data) else b""
        if cut.sound and cut.frames and not cut.refused and self._is_ours(data, cut.frames):
            # The usual case: reports and nothing else, from who is logged in.
            turn.kept.append(data if cut.rest == len(data) else data[: cut.rest])
            turn.frames += len(cut.frames)
            turn.source = self.source
            if self.platform is not None:
                turn.answers.append(cutter.answers(data, len(cut.frames)))
            self._rubbish = max(self._rubbish - len(cut.frames) / FORGIVEN_BY, 0)
            return
        refused = {one.start: one for one in cut.refused}
        for start, stop in sorted([*cut.frames, *([one.start, one.stop] for one in cut.refused)]):
            if start in refused:
                self._refuse_rubbish(data, refused[start], turn)
            else:
                self._take_up(data[start:stop], now, turn)
                self._rubbish = max(self._rubbish - 1 / FORGIVEN_BY, 0)
            if self._asked is not None:
                self._rest = data[stop:]
            if self._asked is not None or turn.close:
                return

    def _refuse_rubbish(self, data: bytes, refused: Refused, turn: Turn) -> None:
        turn.refused.append(refused.rule)
        self._answer_damaged(data, refused, turn)
        self._rubbish += 1
        turn.close = not self.logged_in or self._rubbish > MAX_RUBBISH

    def _is_ours(self, data: bytes, frames: list[list[int]]) -> bool:
        if self.platform is not None:
            return True
        vin = self.vin
        return (
            vin is not None and self._key is None and all(data[at + 4 : at + 21] == vin for at, _ in frames)
        )

    def _take_up(self, frame: bytes, now: datetime, turn: Turn) -> None:
        """Do what the rules say of one whole frame."""
        command = frame[2]
        if frame[3] != COMMAND:
            turn.refused.append("gateway.answer")  # we command nobody, so nobody answers us
        elif command == PLATFORM_LOGIN:
            self._log_in_platform(frame, turn)
        elif command == ACTIVATION and frame[0] == ord("$"):
            self._activate(frame, turn)
        elif command == VEHICLE_LOGIN:
            self._log_in_vehicle(frame, turn)
        elif not self.logged_in:
            self._refuse(frame, "gateway.not_logged_in", turn)
        elif command == HEARTBEAT:
            turn.answers.append(_framed(frame, TAKEN, b""))
        elif command == CALIBRATION:
            turn.answers.append(_clock(frame, now))
        elif command == PLATFORM_LOGOUT and self.platform is not None:
            turn.answers.append(answer(frame, TAKEN))
            self.platform = None
        elif command in (REPORT, REISSUED, VEHICLE_LOGOUT):
            self._take_report(frame, turn)
        else:
            self._refuse(frame, "gateway.command", turn)

    def _take_report(self, frame: bytes, turn: Turn) -> None:
        why = self._why_not(frame)
        if why is not None:
            self._refuse(frame, why, turn)
            return
        leaves = frame[2] == VEHICLE_LOGOUT
        self._take(frame, turn, told=leaves or self.platform is not None)
        if leaves and self.platform is None:
            self.vin = self._key = None

    def _why_not(self, frame: bytes) -> str | None:
        """Return the rule against a report or logout of who is logged in, None if it can be kept."""
        if self.platform is None and frame[4:21] != self.vin:
            return "gateway.other_vin"
        if frame[21] == PLAIN and _time(frame) is None:
            return "gateway.structure"
        if self._key is None or frame[2] == VEHICLE_LOGOUT or frame[21] != PLAIN:
            return None
        return _why_not_signed(frame, self._key)

    def _log_in_vehicle(self, frame: bytes, turn: Turn) -> None:
        read = _read_plain(frame)
        vin = _plain_text(frame[4:21])
        if vin is None or (frame[21] == PLAIN and read is None):
            self._refuse(frame, "gateway.structure", turn)
        elif self.platform is not None:
            self._take(frame, turn)
        elif self.vin not in (None, frame[4:21]):
            self._refuse(frame, "gateway.other_vin", turn)
        else:
            self._ask(frame, Login(vin, _plain_text(_raw(read, "iccid"))), turn)

    def _log_in_platform(self, frame: bytes, turn: Turn) -> None:
        read = _read_plain(frame)
        if self.vin is not None:
            self._refuse(frame, "gateway.command", turn)
        elif read is None:
            self._refuse(frame, "gateway.structure", turn)
        else:
            name, password = _plain_text(_raw(read, "username")), _plain_text(_raw(read, "password"))
            self._ask(frame, PlatformLogin(name or "", password or ""), turn)

    def _activate(self, frame: bytes, turn: Turn) -> None:
        read = _read_plain(frame)
        vin, chip = _plain_text(_raw(read, "vin")), _plain_text(_raw(read, "chip_id"))
        if self.platform is not None or self.vin not in (None, frame[4:21]):
            self._refuse(frame, "gateway.command", turn)
        elif read is None or chip is None or vin is None or vin != _plain_text(frame[4:21]):
            self._refuse(frame, "gateway.structure", turn)
        elif (why := _why_not_signed(frame, _raw(read, "public_key"))) is not None:
            self._refuse(frame, why, turn)
        else:
            self._ask(frame, Activation(vin, chip, _raw(read, "public_key")), turn)

    def _activated(self, frame: bytes, reply: Reply, turn: Turn) -> None:
        why = reply if isinstance(reply, str) else None
        if why not in (None, "gateway.chip", "gateway.activated"):
            self._refuse(frame, str(why), turn)
            turn.close = True
            return
        if why is None:
            turn.kept.append(frame)
            turn.frames += 1
            self._key = _raw(_read_plain(frame), "public_key") if self.vin is not None else None
        else:
            turn.refused.append(why)
        told = {None: (1, 0), "gateway.chip": (2, 1), "gateway.activated": (2, 2)}[why]
        record = dict(zip(("activation_status", "info"), told, strict=True))
        ack = TAKEN if why is None else _ACKS.get(why, ERROR)
        vin = frame[4:21].decode("ascii")
        turn.answers.append(make_frame(2025, ACTIVATION_ANSWER, vin, record, ack=ack))

    def _ask(self, frame: bytes, question: Question, turn: Turn) -> None:
        self._asked, turn.ask = frame, question

    def _take(self, frame: bytes, turn: Turn, *, told: bool = True) -> None:
        turn.kept.append(frame)
        turn.frames += 1
        turn.source = self.source
        if told:
            turn.answers.append(answer(frame, TAKEN))

    def _refuse(self, frame: bytes, rule: str, turn: Turn) -> None:
        turn.refused.append(rule)
        turn.answers.append(answer(frame, _ACKS.get(rule, ERROR)))

    def _answer_damaged(self, data: bytes, refused: Refused, turn: Turn) -> None:
        """Have a report sent again whose check does not hold, if it is told by its header."""
        damaged = data[refused.start : refused.stop]
        if (
            refused.rule == "frame.bcc"
            and self.logged_in
            and len(damaged) >= FRAME_BYTES + TIME_BYTES
            and damaged[2] in (REPORT, REISSUED)
            and damaged[3] == COMMAND
        ):
            turn.answers.append(answer(damaged, ERROR))


def answer(frame: bytes, ack: int) -> bytes:
    """Return the answer to a frame: its command and time, and what became of it."""
    edition = STARTS[frame[:2]]
    timed = frame[21] == PLAIN and len(frame) >= FRAME_BYTES + TIME_BYTES
    told = frame[HEADER_BYTES : HEADER_BYTES + TIME_BYTES] if timed else b""
    return _framed(frame, ERROR if edition == 2016 and ack > LAST_ACK_2016 else ack, told)


def _framed(frame: bytes, ack: int, unit: bytes) -> bytes:
    told = frame[:3] + bytes([ack]) + frame[4:21] + bytes([PLAIN, 0, len(unit)]) + unit + b"\0"
    return told[:-1] + bytes([check(told)])


def _clock(frame: bytes, now: datetime) -> bytes:
    """Return the answer to a terminal that asks for the time."""
    edition: Edition = STARTS[frame[:2]]
    told = make_frame(edition, CALIBRATION, "", {"time": now}, ack=TAKEN)
    return _framed(frame, TAKEN, told[HEADER_BYTES:-1])


def _time(frame: bytes) -> datetime | None:
    """Return the time at the begin of a plain unit, None where there is none of the calendar."""
    if len(frame) < FRAME_BYTES + TIME_BYTES:
        return None
    held = frame[HEADER_BYTES : HEADER_BYTES + TIME_BYTES]
    try:
        return datetime(2000 + held[0], *held[1:]) if held[0] < 100 else None  # noqa: DTZ001 - is it a time?
    except ValueError:
        return None


def _read_plain(frame: bytes) -> Frame | None:
    """Return a plain frame read, None for one that does not have all its layout says, or no time."""
    if frame[21] != PLAIN:
        return None
    read = read_frame(frame)
    return None if read.troubles or read.time is None else read


def _raw(read: Frame | None, name: str) -> Any:
    held = None if read is None else read.record.get(name)
    return held.raw if isinstance(held, Reading) else b""


def _plain_text(held: bytes) -> str | None:
    """Return text without what pads it; None where there is none, or characters that nobody can type."""
    text = held.rstrip(b"\0 ").decode("ascii", "replace").strip()
    return text if text and text.isascii() and text.isprintable() else None


def _why_not_signed(frame: bytes, key: bytes) -> str | None:
    """Return the rule against the signature of a report or activation, None if it holds."""
    signature = next((item for item in read_frame(frame).items if item.name == "signature"), None)
    if signature is None:
        return "gateway.unsigned"
    try:
        public: PublicKey = read_key(key, raw_of(signature.record)["algorithm"])
        verify(frame, public)
    except FrameError:
        return "gateway.signature"
    return None

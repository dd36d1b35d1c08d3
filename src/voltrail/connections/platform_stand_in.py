"""
A stand-in for the national platform behind the contract of the adapter `http`, for tests and for trying.

It is no copy of the platform, whose interface is not public. It does what any such service must: it is
idempotent by the batch's key, keeps what it took durably, gives receipts, refuses with a reason what lacks
something or came before, and takes corrections only of what it holds. On loopback alone. It can be told to
fail in the ways in which networks and services do.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, Literal, get_args

import msgspec

from voltrail.client.signatures import verify_signature
from voltrail.codes import parse
from voltrail.connections.stand_in import Answer, Request, Service, open_store
from voltrail.errors import VerificationError, VoltrailError
from voltrail.regimes import RULES
from voltrail.registry.batches import FORMAT

SHOWN: Final = 100

Fault = Literal["down", "slow", "busy", "lost", "broken", "half"]
"""
What happens to one request: `down`: the line is cut before anything is taken; `busy`: 429, again in a second;
`half`: every second item is put off. And after all was taken: `slow`: the answer comes too late; `lost`: the
line is cut; `broken`: the answer does not read.
"""
FAULTS: Final[tuple[Fault, ...]] = get_args(Fault)

# What must be there, where a source lists the data: the reporting-duties of the regime, `data_items`.
REQUIRED: Final = {
    "o73-02": ("vin", "codes"),
    "o73-02-sale": ("vin",),
    "t18-07": ("vin", "codes", "certificate_date"),
    "t18-08": ("to",),
}

_TABLES: Final = """
create table if not exists batch (key text primary key, digest text not null);
create table if not exists decided (
    key text not null, entry integer not null, state text not null, said text not null,
    primary key (key, entry));
create table if not exists held (
    number integer primary key autoincrement, log text not null, organisation text not null,
    rule text not null, entry integer not null, key text not null, corrects text, event text,
    unique (log, organisation, rule, entry));
"""


class _Item(msgspec.Struct):
    log: str
    index: int
    do: Literal["submit", "correct", "withdraw"]
    corrects: str | None
    received_at: str
    event: dict[str, Any] | None


class _Batch(msgspec.Struct, forbid_unknown_fields=True):
    format: str
    batch: str
    organisation: str
    rule: str
    items: list[_Item]


class Held(msgspec.Struct, frozen=True):
    """What the stand-in holds under one receipt."""

    receipt: str
    organisation: str
    rule: str
    entry: int
    corrects: str | None
    event: dict[str, Any] | None


class Store:
    """What was taken: one SQLite file. Threads take turns; each batch is one transaction, synced."""

    def __init__(self, path: Path) -> None:
        self._turn = threading.Lock()
        self._connection = open_store(path, _TABLES)

    def close(self) -> None:
        """Close the file."""
        with self._turn:
            self._connection.close()

    def held(self) -> list[Held]:
        """Return all that is held, the first one first."""
        with self._turn:
            rows = self._connection.execute(
                "select number, organisation, rule, entry, corrects, event from held order by number"
            ).fetchall()
        return [
            Held(_receipt(number), organisation, rule, entry, corrects, event and json.loads(event))
            for number, organisation, rule, entry, corrects, event in rows
        ]

    def take(self, batch: _Batch, body: bytes, *, half: bool) -> list[dict[str, Any]] | None:
        """Return the answer to a batch, decided now or before; None for another batch under the same key."""
        digest = sha256(body).hexdigest()
        with self._turn:
            self._connection.execute("begin immediate")
            try:
                self._connection.execute("insert or ignore into batch values (?, ?)", (batch.batch, digest))
                (kept,) = self._connection.execute(
                    "select digest from batch where key = ?", (batch.batch,)
                ).fetchone()
                answer = None
                if kept == digest:
                    answer = [
                        {"index": one.index, "state": "later"}
                        if half and place % 2
                        else self._decide(batch, one)
                        for place, one in enumerate(batch.items)
                    ]
                self._connection.execute("commit")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("rollback")
                raise
        return answer

    def _decide(self, batch: _Batch, item: _Item) -> dict[str, Any]:
        before = self._connection.execute(
            "select state, said from decided where key = ? and entry = ?", (batch.batch, item.index)
        ).fetchone()
        if before is None:
            reason = _wrong_with(batch.rule, item) or self._refused(batch, item)
            before = ("refused", reason) if reason else ("accepted", self._hold(batch, item))
            self._connection.execute(
                "insert into decided values (?, ?, ?, ?)", (batch.batch, item.index, *before)
            )
        state, said = before
        return {"index": item.index, "state": state, "receipt" if state == "accepted" else "reason": said}

    def _refused(self, batch: _Batch, item: _Item) -> str | None:
        """Return why an item does not fit what is held; None where it does."""
        of = (item.log, batch.organisation, batch.rule)
        row = self._connection.execute(
            "select number from held where log = ? and organisation = ? and rule = ? and entry = ?",
            (*of, item.index),
        ).fetchone()
        if row is not None:
            return f"重复报送：已受理，回执号 {_receipt(row[0])}。It is held already under that receipt."
        if item.do == "submit":
            return None
        row = self._connection.execute(
            "select event from held where number = ? and organisation = ? and rule = ?",
            (_number(item.corrects), batch.organisation, batch.rule),
        ).fetchone()
        if row is None or row[0] is None:
            return "未找到被更正的记录。There is no such receipt to correct."
        return None

    def _hold(self, batch: _Batch, item: _Item) -> str:
        event = None if item.event is None else json.dumps(item.event, ensure_ascii=False)
        number = self._connection.execute(
            "insert into held (log, organisation, rule, entry, key, corrects, event)"
            " values (?, ?, ?, ?, ?, ?, ?)",
            (item.log, batch.organisation, batch.rule, item.index, batch.batch, item.corrects, event),
        ).lastrowid
        return _receipt(number or 0)


def _receipt(number: int) -> str:
    return f"STANDIN-{number:08}"


def _number(receipt: str | None) -> int:
    text = (receipt or "").removeprefix("STANDIN-")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 18 else -1


def _wrong_with(rule: str, item: _Item) -> str | None:
    """Return what an item itself lacks; None where nothing."""
    if not any(one.id == rule and one.to == "platform" for one in RULES.all):
        return f"未知的报送事项 {rule}。There is no such duty."
    if item.do == "withdraw":
        return None
    event = item.event or {}
    needed = ("kind", "occurred_at", *REQUIRED.get(rule, ()))
    if missing := [name for name in needed if event.get(name) in (None, "", [])]:
        return f"缺少必填项：{'、'.join(missing)}。Required members are missing."
    codes = [event["code"]] if isinstance(event.get("code"), str) else []
    codes += [one for one in event.get("codes") or () if isinstance(one, str)]
    for code in codes:
        try:
            fits = not parse(code).text.startswith("NC-")
        except VoltrailError:
            fits = False
        if not fits:
            return f"电池编码 {code} 不符合 GB/T 34014。This is no code of GB/T 34014."
    return None


class StandIn(Service):
    """The service: `url` takes batches; `plan` says what goes wrong with the next requests, one by one."""

    def __init__(
        self, store: Path, secret: str | None = None, port: int = 0, faults: Iterable[Fault] = ()
    ) -> None:
        self.store, self.secret = Store(store), secret
        self.seen: list[str] = []  # the keys that came, in order
        super().__init__(port, faults, Answer(200, {"items": [{"index": "x"}]}))
        self.url = f"{self.address}/batches"

    def close(self) -> None:
        """Stop serving, and close the store."""
        super().close()
        self.store.close()

    def shown(self) -> Any:
        """Return what is held, the last hundred."""
        held = self.store.held()
        return {"held": len(held), "last": held[-SHOWN:]}

    def take(self, request: Request, fault: str | None) -> Answer:
        """Take a batch."""
        try:
            if self.secret is not None:
                verify_signature(self.secret, request.headers, request.body)
            batch = msgspec.json.decode(request.body, type=_Batch)
        except (VerificationError, msgspec.MsgspecError) as error:
            return Answer(400, {"error": str(error)})
        if batch.format != FORMAT or batch.batch != request.headers.get("webhook-id"):
            return Answer(400, {"error": f"This is no {FORMAT} under its own id."})
        self.seen.append(batch.batch)
        answer = self.store.take(batch, request.body, half=fault == "half")
        if answer is None:
            return Answer(409, {"error": "Another batch came under this id."})
        return Answer(200, {"items": answer})

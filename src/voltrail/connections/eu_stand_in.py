"""
A stand-in for the EU registry of product passports, for tests and for trying.

It is no copy of the registry, whose interface was not read. It does what is known of it: it takes entries as
RegisterProductDPP of EN 18222 has them, gives each a unique id and knows it again, refuses what lacks a
member, and holds who answers, the hash of the content, where the back-up is, and until when the proof holds.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, Literal, get_args

import msgspec

from voltrail.connections.stand_in import Answer, Request, Service, open_store

Fault = Literal["down", "slow", "busy", "error", "lost", "broken"]
FAULTS: Final[tuple[Fault, ...]] = get_args(Fault)
PATH: Final = "/v1/registerDPP"
SHOWN: Final = 100
_TABLES: Final = """
create table if not exists asked (key text primary key, digest text not null, status integer, said text);
create table if not exists held (
    number integer primary key autoincrement, passport text not null unique, entry text not null);
"""


class Entry(msgspec.Struct):
    """An entry of the registry: what EN 18222 asks for, and what proves the content."""

    uniqueProductIdentifier: str  # noqa: N815 - EN 18222 has these names
    digitalProductPassportId: str  # noqa: N815
    uniqueEconomicOperatorIdentifier: str  # noqa: N815
    dppApiEndpoint: str  # noqa: N815
    status: Literal["active", "inactive", "archived", "withdrawn"]
    backupUniqueEconomicOperatorIdentifier: str | None = None  # noqa: N815
    backupUrl: str | None = None  # noqa: N815
    contentHash: str | None = None  # noqa: N815
    contentUrl: str | None = None  # noqa: N815
    provedAt: datetime | None = None  # noqa: N815
    proofValidUntil: datetime | None = None  # noqa: N815


class StandIn(Service):
    """The service: `address` is what `--eu-registry` names; `plan` says what goes wrong next."""

    def __init__(
        self, store: Path, token: str | None = None, port: int = 0, faults: Iterable[Fault] = ()
    ) -> None:
        self._token, self._turn = token, threading.Lock()
        self._connection = open_store(store, _TABLES)
        super().__init__(port, faults, Answer(200, {"registration": 1}))

    def close(self) -> None:
        """Stop serving, and close the store."""
        super().close()
        self.close_store()

    def close_store(self) -> None:
        """Close the file in which everything is kept."""
        with self._turn:
            self._connection.close()

    def held(self) -> dict[str, dict[str, Any]]:
        """Return the entries that are held, by the id of their registration."""
        with self._turn:
            rows = self._connection.execute("select number, entry from held order by number").fetchall()
        return {_named(number): msgspec.json.decode(entry) for number, entry in rows}

    def shown(self) -> Any:
        """Return how many entries are held, and the last hundred."""
        held = self.held()
        return {"held": len(held), "last": dict(list(held.items())[-SHOWN:])}

    def take(self, request: Request, fault: str | None) -> Answer:  # noqa: ARG002 - all faults are the service's
        """Register an entry or change one; a request that came before is answered as before."""
        headers = {name.lower(): value for name, value in request.headers.items()}
        if self._token is not None and headers.get("authorization") != f"Bearer {self._token}":
            return Answer(401, {"error": "The token is wrong."})
        key, digest = headers.get("idempotency-key", ""), sha256(request.path.encode() + request.body)
        if not key:
            return Answer(400, {"error": "A request needs an Idempotency-Key."})
        with self._turn:
            self._connection.execute("begin immediate")
            try:
                answer = self._asked(key, digest.hexdigest(), request)
                self._connection.execute("commit")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("rollback")
                raise
        return answer

    def _asked(self, key: str, digest: str, request: Request) -> Answer:
        before = self._connection.execute("select digest, status, said from asked where key = ?", (key,))
        found = before.fetchone()
        if found is not None and found[0] != digest:
            return Answer(409, {"error": "Another request came under this key."})
        if found is not None:
            return Answer(found[1], msgspec.json.decode(found[2]))
        answer = self._decide(request)
        said = msgspec.json.encode(answer.body).decode()
        self._connection.execute("insert into asked values (?, ?, ?, ?)", (key, digest, answer.status, said))
        return answer

    def _decide(self, request: Request) -> Answer:
        try:
            entry = msgspec.json.decode(request.body, type=Entry)
        except msgspec.MsgspecError as error:
            return Answer(400, {"error": str(error)})
        if wrong := _wrong_with(entry):
            return Answer(400, {"error": wrong})
        named = request.path.removeprefix(PATH).removeprefix("/")
        if not request.path.startswith(PATH) or (request.method == "PUT") != bool(named):
            return Answer(404, {"error": f"There is {PATH} to register, and {PATH}/ID to change."})
        row = self._connection.execute(
            "select number from held where passport = ?", (entry.digitalProductPassportId,)
        ).fetchone()
        if not named:
            if row is not None:
                return Answer(409, {"error": f"It is registered already: {_named(row[0])}."})
            number = self._connection.execute(
                "insert into held (passport, entry) values (?, ?)",
                (entry.digitalProductPassportId, request.body.decode()),
            ).lastrowid
            return Answer(201, {"registrationId": _named(number or 0)})
        if row is None or _named(row[0]) != named:
            return Answer(404, {"error": f"There is no registration {named[:80]} of this passport."})
        self._connection.execute(
            "update held set entry = ? where number = ?", (request.body.decode(), row[0])
        )
        return Answer(200, {"registrationId": named})


def _named(number: int) -> str:
    return f"EU-STANDIN-{number:08}"


def _wrong_with(entry: Entry) -> str | None:
    """Return what an entry lacks; None where nothing."""
    for name in ("uniqueProductIdentifier", "digitalProductPassportId", "uniqueEconomicOperatorIdentifier"):
        if not getattr(entry, name).strip():
            return f"{name} is empty."
    if entry.status == "withdrawn":
        return None
    if entry.contentHash is None or not entry.contentHash.startswith("sha256:"):
        return "contentHash is missing."
    if entry.provedAt is None:
        return "provedAt is missing."
    if entry.status == "active" and entry.proofValidUntil is None:
        return "proofValidUntil is missing."
    return None

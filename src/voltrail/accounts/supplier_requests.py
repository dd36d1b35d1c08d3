"""
What makers ask of their suppliers, and what these answer.

A request names data points of a part that one or several models of its maker have. Who has its token
answers it, without an account; of tokens only hashes are kept. Nothing is asked twice of a part: what is open
is joined, and what was accepted for another model is offered. An answer counts as accepted when the record
has it (`answer_accepted`), whoever put it there; no flag that anybody sends decides.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, Literal

import msgspec

from voltrail.accounts import trail
from voltrail.accounts.attempts import count_attempt, forget_attempts
from voltrail.accounts.person import digest_of
from voltrail.accounts.trail import Actor
from voltrail.database.database import Connection
from voltrail.errors import AccessError, NotFound, UsageError
from voltrail.events import answers, decode, split
from voltrail.events.kinds import AnswerAccepted
from voltrail.events.points import POINTS
from voltrail.lifecycle import Model, effective_events
from voltrail.organisations.identifiers import check_organisation
from voltrail.passport.answering import Draft
from voltrail.passport.completeness import Asking
from voltrail.regimes.deadlines import CHINA
from voltrail.registry.lookup import Lookup
from voltrail.registry.registry import Registry

PREFIX: Final = "answer_"
MAX_OPEN: Final = 500  # requests of one maker
MAX_MODELS: Final = 50
MAX_DAYS: Final = 366
MAX_REVISIONS: Final = 50
MAX_FILES: Final = 20
MAX_FILES_BYTES: Final = 64 << 20  # of one request
_LONGEST: Final = 100
_REQUESTS: Final = """
select r.id, maker, part, supplier, contact, note, points, due, asked_by, asked_at, withdrawn_at, draft
from supplier_request r where """
_LOCK: Final = 9  # of a maker's requests, beside those of grants and owners

State = Literal["asked", "answered", "returned", "accepted", "withdrawn"]
OPEN: Final = frozenset({"asked", "answered", "returned"})


class Sent(msgspec.Struct, frozen=True):
    """An answer as it was sent, and what became of it; `reason` says why it was returned."""

    revision: int
    answer: str
    algorithm: str
    public_key: str
    signature: str
    supplier_id: str | None
    sent_at: datetime
    accepted_at: datetime | None
    returned_at: datetime | None
    reason: str | None

    @property
    def read(self) -> answers.Answer:
        """What it says."""
        return answers.read(self.answer)


class Request(msgspec.Struct, frozen=True):
    """A request: `models` with the points that each takes, `sent` the answers, the last first."""

    id: int
    maker: str
    part: str
    supplier: str
    contact: str
    note: str | None
    points: list[str]
    due: date
    asked_by: str
    asked_at: datetime
    withdrawn_at: datetime | None
    draft: Draft
    models: dict[str, list[str]]
    sent: list[Sent]
    files: dict[str, str]  # name by digest

    @property
    def last(self) -> Sent | None:
        """The last answer."""
        return self.sent[0] if self.sent else None

    @property
    def state(self) -> State:
        """Where it stands."""
        if self.last is not None and self.last.accepted_at is not None:
            return "accepted"
        if self.withdrawn_at is not None:
            return "withdrawn"
        if self.last is None:
            return "asked"
        return "returned" if self.last.returned_at is not None else "answered"

    @property
    def revision(self) -> int:
        """The number that the next answer has."""
        return self.last.revision + 1 if self.last is not None else 1

    def is_overdue(self, day: date) -> bool:
        """Return whether the supplier should have answered."""
        return self.state in {"asked", "returned"} and self.due < day


class Asked(msgspec.Struct, frozen=True):
    """What is asked: of whom, how to reach them, which points of which part, for which models, until when."""

    models: tuple[str, ...]
    part: str
    supplier: str
    contact: str
    points: tuple[str, ...]
    due: date
    note: str | None = None


class Opened(msgspec.Struct, frozen=True):
    """
    What came of asking: a new request with the token of its link, which is shown this once; for points that
    are asked already the request that was joined; for those that were answered the one that offers them.
    """

    request: int | None
    token: str | None
    joined: dict[str, int]
    offered: dict[str, int]


class SupplierRequests:
    """The requests of one registry; threads and servers may share it."""

    def __init__(self, registry: Registry) -> None:
        self._registry, self._database = registry, registry.database

    # -------------------------------------------------------------- the maker

    def ask(self, actor: Actor, asked: Asked) -> Opened:
        """
        Ask a supplier for what nobody has asked of the part yet. Raises UsageError, AccessError.

        What is asked already is joined, and what was accepted for another model is offered for these.
        """
        maker = actor.organisation or ""
        self._check(maker, asked)
        with self._alone(maker) as connection:
            standing = [one for one in self._of(connection, maker) if one.part == asked.part]
            joined = _where(asked.points, standing, OPEN)
            offered = _where([one for one in asked.points if one not in joined], standing, {"accepted"})
            for point, number in (joined | offered).items():
                for model in asked.models:
                    _link(connection, number, model, [point])
            new = [one for one in asked.points if one not in joined and one not in offered]
            opened: tuple[int | None, str | None] = (None, None)
            if new:
                opened = self._open(connection, actor, asked, new)
            said = f"{opened[0] or 'none'}: {', '.join(new) or '-'} of {asked.part} from {asked.supplier}"
            trail.note(connection, "supplier.asked", actor, said)
        return Opened(*opened, joined, offered)

    def _check(self, maker: str, asked: Asked) -> None:
        today = datetime.now(CHINA).date()
        for name in ("part", "supplier", "contact"):
            if not 1 <= len(getattr(asked, name)) <= 256 or not getattr(asked, name).isprintable():
                message = f"The {name} has 1 to 256 characters that are seen."
                raise UsageError("supplier.named", message, "Fill in part, supplier and contact.")
        if asked.note is not None and (len(asked.note) > 1_000 or "\0" in asked.note):
            raise UsageError(
                "supplier.note",
                "The note has more than 1,000 characters, or one that is none.",
                "Shorten it.",
            )
        if not today <= asked.due <= today + timedelta(days=MAX_DAYS):
            message = f"The deadline {asked.due} is past, or more than a year ahead."
            raise UsageError("supplier.due", message, "Choose a day from today on, within a year.")
        if not 1 <= len(asked.points) <= answers.MAX_POINTS:
            raise UsageError("supplier.points", "No data point is chosen, or too many.", "Choose 1 to 100.")
        for point in asked.points:
            if point not in POINTS or POINTS[point].by != "declared":
                message = f"{point[:60]!r} is no data point that a maker declares."
                raise UsageError("supplier.points", message, "docs/points.md lists them.")
        if not 1 <= len(asked.models) <= MAX_MODELS:
            message = f"A request is for 1 to {MAX_MODELS} models."
            raise UsageError("supplier.models", message, "Name the models that have the part.")
        for model in asked.models:
            known = self._registry.declared(model)
            if known is None or known.maker != maker:
                message = f"Your organisation has not declared a model {model[:60]}."
                raise AccessError("supplier.model", message, "Declare it first, or check its id.")

    def _open(
        self, connection: Connection, actor: Actor, asked: Asked, points: Sequence[str]
    ) -> tuple[int, str]:
        (count,) = connection.execute(
            "select count(*) from supplier_request r where maker = %s and withdrawn_at is null and not exists"
            " (select from supplier_answer a where a.request_id = r.id and accepted_at is not null)",
            (actor.organisation,),
        ).fetchone() or (0,)
        if count >= MAX_OPEN:
            message = f"{count} requests of yours are open."
            raise UsageError("supplier.many", message, "Withdraw those that nobody will answer.")
        token = _token()
        (number,) = connection.execute(
            "insert into supplier_request"
            " (maker, part, supplier, contact, note, points, due, asked_by, digest)"
            " values (%s, %s, %s, %s, %s, %s, %s, %s, %s) returning id",
            (
                actor.organisation,
                asked.part,
                asked.supplier,
                asked.contact,
                asked.note,
                list(points),
                asked.due,
                actor.login or actor.address,
                digest_of(token),
            ),
        ).fetchone() or (0,)
        for model in asked.models:
            _link(connection, number, model, points)
        return number, token

    def new_link(self, actor: Actor, number: int) -> str:
        """Return a new token for a request; the one before ends at once."""
        with self._alone(actor.organisation) as connection:
            self._mine(connection, actor.organisation, number)
            token = _token()
            connection.execute(
                "update supplier_request set digest = %s where id = %s", (digest_of(token), number)
            )
            trail.note(connection, "supplier.link_made", actor, str(number))
        return token

    def withdraw(self, actor: Actor, number: int) -> None:
        """End a request; its link then says so."""
        with self._alone(actor.organisation) as connection:
            if self._mine(connection, actor.organisation, number).state not in OPEN:
                raise _closed()
            connection.execute("update supplier_request set withdrawn_at = now() where id = %s", (number,))
            trail.note(connection, "supplier.withdrawn", actor, str(number))

    def send_back(self, actor: Actor, number: int, revision: int, reason: str) -> None:
        """Return an answer, with a reason that the supplier is shown. Raises UsageError, NotFound."""
        if not 1 <= len(reason) <= 1_000 or "\0" in reason:
            message = "The reason has 1 to 1,000 characters."
            raise UsageError("supplier.reason", message, "Say what is to be changed.")
        with self._alone(actor.organisation) as connection:
            request = self._mine(connection, actor.organisation, number)
            if request.state != "answered" or request.last is None or request.last.revision != revision:
                raise _closed()
            connection.execute(
                "update supplier_answer set returned_at = now(), reason = %s"
                " where request_id = %s and revision = %s",
                (reason, number, revision),
            )
            said = f"{number}: revision {revision}"
            trail.note(connection, "supplier.answer_returned", actor, said)

    def lines(self, maker: str, number: int, at: datetime) -> list[bytes]:
        """
        Return the lines that put the last answer of a request on record, for each model that lacks it.

        Raises UsageError when there is none to be accepted.
        """
        with self._database.pool.connection() as connection:
            request = self._mine(connection, maker, number)
            sent, left = request.last, self._left(connection, request)
        if sent is None or request.state not in {"answered", "accepted"} or not left:
            raise _closed()
        return [_line(sent, model, points, at) for model, points in left.items()]

    def left(self, request: Request) -> dict[str, list[str]]:
        """Return the models of a request whose record lacks its last answer, with what each takes of it."""
        with self._database.pool.connection() as connection:
            return self._left(connection, request)

    def _left(self, connection: Connection, request: Request) -> dict[str, list[str]]:
        if request.last is None:
            return {}
        said = request.last.read.values
        found = {}
        for model, points in request.models.items():
            there = self._taken(connection, model, request.last.answer)
            lacking = [point for point in points if point in said and point not in there]
            if lacking:
                found[model] = lacking
        return found

    def _taken(self, connection: Connection, model: str, answer: str) -> frozenset[str]:
        """Return the points that a model's record takes from an answer."""
        subject = f"model:{model}"
        chain = Lookup(connection, self._registry.authorities, None, None).chain(subject)
        return frozenset(
            point
            for one in effective_events(chain, subject)
            if isinstance(one.event, AnswerAccepted) and one.event.answer == answer
            for point in one.event.points
        )

    def settle(self, number: int) -> None:
        """Note that the last answer of a request is accepted, once a model of it has it on record."""
        with self._database.pool.connection() as connection, connection.transaction():
            request = _read(connection, "r.id = %(of)s for update of r", number)[0]
            if request.state == "answered" and request.last is not None:
                for model in request.models:
                    if self._taken(connection, model, request.last.answer):
                        connection.execute(
                            "update supplier_answer set accepted_at = now()"
                            " where request_id = %s and revision = %s",
                            (number, request.last.revision),
                        )
                        return

    def of_maker(self, maker: str) -> list[Request]:
        """Return a maker's requests, the last first: all that are open, and of the others the newest."""
        with self._database.pool.connection() as connection:
            found = self._of(connection, maker)
        for one in found:
            if one.state == "answered":
                self.settle(one.id)
        with self._database.pool.connection() as connection:
            return self._of(connection, maker)

    def mine(self, maker: str, number: int) -> Request:
        """Return one request of a maker. Raises NotFound."""
        with self._database.pool.connection() as connection:
            request = self._mine(connection, maker, number)
        if request.state != "answered":
            return request
        self.settle(number)
        with self._database.pool.connection() as connection:
            return self._mine(connection, maker, number)

    def of_model(self, model: Model) -> dict[str, Asking]:
        """Return how each point of a model stands with a supplier, where it does."""
        found: dict[str, Asking] = {}
        with self._database.pool.connection() as connection:
            requests = _read(
                connection,
                "r.maker = %(maker)s and r.id in"
                " (select request_id from supplier_request_model where model_id = %(of)s) order by r.id",
                model.model_id,
                maker=model.maker,
            )
            for one in requests:
                state = one.state
                if state == "accepted":
                    for point in self._left(connection, one).get(model.model_id, ()):
                        found[point] = Asking(one.id, one.supplier, one.due, "offered")
                elif state in OPEN:
                    for point in one.models[model.model_id]:
                        found[point] = Asking(one.id, one.supplier, one.due, state)  # type: ignore[arg-type]
        return found

    def counts(self, maker: str, day: date) -> tuple[int, int]:
        """Return how many answers wait for a maker's review, and how many requests are overdue."""
        with self._database.pool.connection() as connection:
            (waiting, overdue) = connection.execute(
                "select count(*) filter (where a.revision is not null and returned_at is null),"
                " count(*) filter (where due < %(day)s and (a.revision is null or returned_at is not null))"
                " from supplier_request r left join lateral (select * from supplier_answer"
                " where request_id = r.id order by revision desc limit 1) a on true"
                " where maker = %(maker)s and withdrawn_at is null and a.accepted_at is null",
                {"maker": maker, "day": day},
            ).fetchone() or (0, 0)
        return waiting, overdue

    def _mine(self, connection: Connection, maker: str | None, number: int) -> Request:
        found = _read(connection, "r.id = %(of)s and r.maker = %(maker)s", number, maker=maker)
        if not found:
            raise NotFound(
                "supplier.unknown", "Your organisation has made no such request.", "See /requests."
            )
        return found[0]

    def _of(self, connection: Connection, maker: str) -> list[Request]:
        return _read(connection, "r.maker = %(of)s order by r.id desc limit 1000", maker)

    @contextmanager
    def _alone(self, maker: str | None) -> Iterator[Connection]:
        """Give a transaction in which nobody else changes a maker's requests."""
        with self._database.pool.connection() as connection, connection.transaction():
            connection.execute("select pg_advisory_xact_lock(hashtextextended(%s, %s))", (maker, _LOCK))
            yield connection

    # ------------------------------------------------------------ the supplier

    def show(self, token: str, address: str) -> Request:
        """Return the request of a token. Guessing is counted per address. Raises AccessError."""
        guesser = f"answer {address}"
        with self._database.pool.connection() as connection:
            count_attempt(connection, guesser, address)
            request = self.by_token(token.strip())
            if request is None:
                trail.note(connection, "supplier.link_failed", Actor(address=address))
                raise no_link()
            forget_attempts(connection, guesser, address)
        return request

    def by_token(self, token: str) -> Request | None:
        """Return the request of a token, or None when it is none, or another was made."""
        if not token.startswith(PREFIX) or len(token) > _LONGEST or not token.isascii():
            return None
        with self._database.pool.connection() as connection:
            found = _read(connection, "r.digest = %(of)s", digest_of(token))
        return found[0] if found else None

    def save(self, request: Request, draft: Draft) -> None:
        """Keep what a supplier typed, right or wrong. Raises UsageError for a request that is closed."""
        with self._database.pool.connection() as connection, connection.transaction():
            self._open_one(connection, request.id)
            connection.execute(
                "update supplier_request set draft = %s where id = %s",
                (msgspec.json.encode(draft), request.id),
            )

    def keep_file(self, request: Request, name: str, content: bytes) -> str:
        """Keep a file that comes with an answer; return its SHA-256 in hex. Raises UsageError."""
        with self._database.pool.connection() as connection, connection.transaction():
            self._open_one(connection, request.id)
            (number, size) = connection.execute(
                "select count(*), coalesce(sum(bytes), 0) from supplier_document where request_id = %s",
                (request.id,),
            ).fetchone() or (0, 0)
            if number >= MAX_FILES or size + len(content) > MAX_FILES_BYTES:
                message = f"A request takes {MAX_FILES} files, together {MAX_FILES_BYTES >> 20} MiB."
                raise UsageError("answer.files", message, "Put several documents into one zip file.")
            digest = self._registry.documents.keep(content)
            connection.execute(
                "insert into supplier_document (request_id, digest, name, bytes) values (%s, %s, %s, %s)"
                " on conflict do nothing",
                (request.id, digest, _shown(name) or digest[:16], len(content)),
            )
        return digest

    def send(
        self,
        request: Request,
        text: str,
        algorithm: str,
        public_key: str,
        signature: str,
        organisation: str | None,
        address: str,
    ) -> int:
        """
        Take an answer that its supplier signed; return its revision. Raises UsageError, EventError.

        `organisation` is the one on record whose key it is, where the supplier says so.
        """
        answer = answers.read(text)
        if not answers.holds(text, algorithm, public_key, signature):
            message = "The signature is not that of this key over this answer."
            raise UsageError(
                "answer.signature", message, "Sign the text as the page shows it, and send both."
            )
        supplier_id = self._whose(organisation, public_key)
        with self._database.pool.connection() as connection, connection.transaction():
            standing = self._open_one(connection, request.id)
            _check_fits(answer, standing, self._registry.origin)
            sent = Sent(
                answer.revision, text, algorithm, public_key, signature, supplier_id,
                datetime.now(UTC), None, None, None,
            )  # fmt: skip
            model, points = next(iter(standing.models)), list(answer.values)
            line = _line(sent, model, points, sent.sent_at)
            split(line)
            decode(line)  # so that what is accepted later is an event
            connection.execute(
                "insert into supplier_answer"
                " (request_id, revision, answer, algorithm, public_key, signature, supplier_id)"
                " values (%s, %s, %s, %s, %s, %s, %s)",
                (request.id, answer.revision, text, algorithm, public_key, signature, supplier_id),
            )
            said = f"{request.id}: revision {answer.revision}, {len(points)} points"
            trail.note(connection, "supplier.answered", Actor(address=address), said)
        return answer.revision

    def _whose(self, organisation: str | None, public_key: str) -> str | None:
        """Return the organisation whose key on record an answer is signed with."""
        if organisation is None:
            return None
        check_organisation(organisation)
        with self._database.pool.connection() as connection:
            known = Lookup(connection, self._registry.authorities, None, None).organisation(organisation)
        keys = known.keys if known is not None else ()
        if not any(key.public_key == public_key and key.revoked is None for key in keys):
            raise UsageError(
                "answer.key",
                f"The record knows no such key of {organisation[:60]} that counts.",
                "Choose a key of that organisation, or have one made for this answer.",
            )
        return organisation

    def _open_one(self, connection: Connection, number: int) -> Request:
        """Return a request that can be answered, held until the transaction ends. Raises UsageError."""
        request = _read(connection, "r.id = %(of)s for update of r", number)[0]
        if request.state not in {"asked", "returned"}:
            raise _closed()
        if request.revision > MAX_REVISIONS:
            raise UsageError(
                "answer.many", "There are too many revisions.", "Ask the maker for a new request."
            )
        return request


def _check_fits(answer: answers.Answer, request: Request, origin: str) -> None:
    """Raise UsageError unless an answer is one to this very request, the next, and of what was asked."""
    expected = {
        "registry": origin,
        "request": str(request.id),
        "asked_by": request.maker,
        "part": request.part,
        "revision": request.revision,
    }
    for name, value in expected.items():
        if (given := getattr(answer, name)) != value:
            message = f"The answer says {name} {str(given)[:80]!r}, and this is {str(value)[:80]!r}."
            raise UsageError("answer.other", message, "Sign the text that this request gives.")
    now, at = datetime.now(UTC), datetime.fromisoformat(answer.answered_at)
    if not request.asked_at - timedelta(minutes=5) <= at <= now + timedelta(minutes=5):
        message = f"answered_at {answer.answered_at} is before it was asked, or lies ahead."
        raise UsageError(
            "answer.time", message, "Sign the text that this request gives, and check the clock."
        )
    for one in answer.points:
        if one.point not in request.points:
            message = f"Nobody asked for the data point {one.point}."
            raise UsageError("answer.not_asked", message, f"Asked are: {', '.join(request.points)}.")
        if one.document is not None and one.document not in request.files:
            message = f"The document of {one.point} is not here."
            raise UsageError("answer.document", message, "Send the file first, then the answer.")


def _line(sent: Sent, model: str, points: Collection[str], at: datetime) -> bytes:
    """Return the line by which a model takes points from an answer."""
    answer = sent.read
    said = answer.values
    members: dict[str, Any] = {
        "kind": "answer_accepted",
        "occurred_at": at.isoformat(timespec="seconds"),
        "model_id": model,
        "part": answer.part,
        "supplier_name": answer.supplier,
        "supplier_id": sent.supplier_id,
        "points": {point: said[point] for point in points},
        "answer": sent.answer,
        "algorithm": sent.algorithm,
        "public_key": sent.public_key,
        "signature": sent.signature,
    }
    return msgspec.json.encode({name: value for name, value in members.items() if value is not None})


def _where(points: Sequence[str], requests: Sequence[Request], states: Collection[str]) -> dict[str, int]:
    """Return for each point the newest request in one of these states that has it, accepted ones answered."""
    found = {}
    for point in points:
        for one in requests:
            has = one.last.read.values if one.state == "accepted" and one.last is not None else one.points
            if one.state in states and point in has:
                found[point] = one.id
                break
    return found


def _link(connection: Connection, number: int, model: str, points: Sequence[str]) -> None:
    """Let a model take points from what a request brings."""
    connection.execute(
        "insert into supplier_request_model as m (request_id, model_id, points) values (%s, %s, %s)"
        " on conflict (request_id, model_id) do update set points ="
        " array(select distinct unnest(m.points || excluded.points) order by 1)",
        (number, model, list(points)),
    )


def _read(connection: Connection, where: str, of: object, **named: object) -> list[Request]:
    """Return requests with their models, answers and files."""
    rows = connection.execute(_REQUESTS + where, {"of": of, **named}).fetchall()
    ids = [row[0] for row in rows]
    models: dict[int, dict[str, list[str]]] = {number: {} for number in ids}
    for number, model, points in connection.execute(
        "select request_id, model_id, points from supplier_request_model where request_id = any(%s)"
        " order by model_id",
        (ids,),
    ):
        models[number][model] = points
    sent: dict[int, list[Sent]] = {number: [] for number in ids}
    for number, *columns in connection.execute(
        "select request_id, revision, answer, algorithm, public_key, signature, supplier_id, sent_at,"
        " accepted_at, returned_at, reason from supplier_answer where request_id = any(%s)"
        " order by revision desc",
        (ids,),
    ):
        sent[number].append(Sent(*columns))
    files: dict[int, dict[str, str]] = {number: {} for number in ids}
    for number, digest, name in connection.execute(
        "select request_id, digest, name from supplier_document where request_id = any(%s) order by name",
        (ids,),
    ):
        files[number][digest] = name
    return [
        Request(*row[:11], _draft(row[11]), models[row[0]], sent[row[0]], files[row[0]])  # type: ignore[call-arg]
        for row in rows
    ]


def _draft(kept: bytes | None) -> Draft:
    return msgspec.json.decode(kept, type=Draft) if kept is not None else Draft()


def _shown(name: str) -> str:
    """Return the name of a file as pages may show it."""
    return "".join(filter(str.isprintable, name.replace("\\", "/").rpartition("/")[2]))[-200:]


def _token() -> str:
    return PREFIX + secrets.token_urlsafe(32)


def no_link() -> AccessError:
    """Return the error for a link that is none, or no longer counts."""
    return AccessError(
        "answer.token",
        "This link is none, or another was made in its place.",
        "Copy it again as it was sent to you, or ask who sent it for a new one.",
    )


def _closed() -> UsageError:
    return UsageError(
        "supplier.closed",
        "This request does not stand so any more: it was answered, decided or withdrawn meanwhile.",
        "Load the page again.",
    )


def by_state(requests: Sequence[Request]) -> Mapping[State, list[Request]]:
    """Return requests by where they stand: those that wait for their maker come first."""
    found: dict[State, list[Request]] = {
        name: [] for name in ("answered", "asked", "returned", "accepted", "withdrawn")
    }
    for one in requests:
        found[one.state].append(one)
    return found

"""
What became of each file: a row in the database from its arrival to its last receipt, and the rows to mend.

Threads and servers may share it. Only the worker moves a file that is opening, checking or recording; a
person moves it in every other state.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final, Literal

import msgspec

from voltrail.database.database import Connection, Database
from voltrail.errors import NotFound, UsageError
from voltrail.events.tables import Mapping, Row, Trouble
from voltrail.intake.shelf import Incoming, Shelf

State = Literal["opening", "mapping", "checking", "checked", "recording", "recorded", "failed", "removed"]
WORKING: Final = frozenset({"opening", "checking", "recording"})
MENDABLE: Final = frozenset({"checked", "recorded"})
KEPT: Final = timedelta(days=30)
MAX_FILES: Final = 100  # of an organisation, kept at a time
MAX_BYTES: Final = 2 << 30
MAX_REMEMBERED: Final = 1_000  # that are no longer kept
MAX_ROWS: Final = 100_000  # to mend, of a file
MAX_FOUND: Final = 10_000  # rows with findings, of a file
MAX_CELL_BYTES: Final = 65_536  # all cells of a row together
MAX_MAPPINGS: Final = 500
_ALONE: Final = "select pg_advisory_xact_lock(1450142840)"  # so that no file is removed that is just kept


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What the sender says of a file; what is left out is guessed."""

    kind: str | None = None
    offset: str | None = None
    sheet: str | None = None
    columns: tuple[str | None, ...] | None = None
    constants: dict[str, str] = {}


class About(msgspec.Struct, frozen=True, kw_only=True):
    """What a file was found to be: its header and first rows as texts."""

    header: tuple[str, ...]
    header_row: int = 1
    sample: tuple[tuple[str, ...], ...] = ()
    sheets: tuple[str, ...] = ()
    sheet: str | None = None
    encoding: str | None = None
    delimiter: str | None = None


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """Why a file could not be read, or could not be put on record: the five fields of an error."""

    rule: str
    message: str
    fix: str = ""
    line: int | None = None
    source: str | None = None


class Job(msgspec.Struct, frozen=True):
    """A file and what became of it: a row of the table."""

    id: str
    organisation: str
    login: str
    name: str
    digest: bytes
    bytes: int
    form: str
    state: State
    made_at: datetime
    moved_at: datetime
    wanted: Wanted
    about: About | None
    mapping: Mapping | None
    failure: Failure | None
    share: float | None
    checked: int
    checked_to: int
    ready: int
    ready_bytes: int
    unkept: int
    sent: int
    sent_bytes: int
    taken: int
    known: int
    found: int
    left_out: int
    from_entry: int

    @property
    def has_columns(self) -> bool:
        """Whether its rows are of cells under heads: not lines or events, each of which is one text."""
        return self.form not in {"jsonl", "epcis"}

    @property
    def is_working(self) -> bool:
        """Whether the worker has it."""
        return self.state in WORKING


class ToMend(msgspec.Struct, frozen=True):
    """A row to look at: its number in the file, its cells, and what is wrong or was found."""

    number: int
    cells: tuple[str, ...]
    troubles: tuple[Trouble, ...]


class Ready(msgspec.Struct, frozen=True, order=True):
    """A row that is right: its number, its line and cells, and where in the file of rows the next begins."""

    number: int
    line: bytes
    cells: bytes  # as JSON
    end: int | None  # None for a row that was mended, and is in the database


class Batch(msgspec.Struct, frozen=True):
    """A report that a file's rows went into."""

    report: bytes
    first_row: int
    last_row: int
    rows: int
    taken: int
    known: int
    refused: int
    found: int


class Counts(msgspec.Struct, frozen=True):
    """How many rows of a file are to be mended, were mended, and were taken with findings; by rule."""

    refused: int
    mended: int
    found: int
    rules: dict[str, int]
    finding_rules: dict[str, int]


_SELECT: Final = f"select {', '.join(Job.__struct_fields__)} from intake"  # noqa: S608 - names of ours
_AFTER: Final = (
    " where organisation = %(organisation)s and (%(after)s::text is null"
    " or (made_at, id) < (select made_at, id from intake where id = %(after)s))"
    " order by made_at desc, id desc limit %(limit)s"
)
_ROWS: Final = (
    "select number, cells, troubles from intake_row where intake = %(id)s and state = %(state)s"
    " and number > %(after)s order by number limit %(limit)s"
)
_ROWS_OF_RULE: Final = _ROWS.replace(" order by", " and rule = %(rule)s order by")
_JSON: Final = {"wanted": Wanted, "about": About, "mapping": Mapping, "failure": Failure}
_AT: Final = {name: Job.__struct_fields__.index(name) for name in _JSON}


class Jobs:
    """The files of all organisations."""

    def __init__(self, database: Database, shelf: Shelf) -> None:
        self._database, self._shelf = database, shelf

    # ------------------------------------------------------------------ files

    def check_room(self, organisation: str, size: int = 0) -> None:
        """Raise UsageError when an organisation has as many files as are kept, or as large ones."""
        with self._database.pool.connection() as connection:
            _check_room(connection, organisation, size)

    def add(
        self, organisation: str, login: str, name: str, incoming: Incoming, form: str, wanted: Wanted
    ) -> Job:
        """Keep a file that came; the worker opens it next. Raises UsageError for too many, RegistryError."""
        number, digest = secrets.token_hex(8), incoming.seal()
        with self._database.pool.connection() as connection, connection.transaction():
            connection.execute(_ALONE)
            _check_room(connection, organisation, incoming.bytes)
            connection.execute(
                "insert into intake (id, organisation, login, name, digest, bytes, form, state, wanted)"
                " values (%s, %s, %s, %s, %s, %s, %s, 'opening', %s)",
                (
                    number,
                    organisation,
                    login,
                    storable(name),
                    digest,
                    incoming.bytes,
                    form,
                    text_of(wanted),
                ),
            )
            incoming.keep()
        return self.read(organisation, number)

    def read(self, organisation: str, number: str) -> Job:
        """Return a file of an organisation. Raises NotFound, for another's too."""
        with self._database.pool.connection() as connection:
            row = connection.execute(
                _SELECT + " where id = %s and organisation = %s",
                (storable(number), organisation),
            ).fetchone()
        if row is None:
            raise NotFound(
                "file.unknown",
                "Your organisation has sent no such file.",
                "Yours are listed at /workspace/files.",
            )
        return _job(row)

    def page(self, organisation: str, limit: int, after: str | None = None) -> tuple[list[Job], str | None]:
        """Return an organisation's files, the last first, and the `after` of the next page."""
        with self._database.pool.connection() as connection:
            rows = connection.execute(
                _SELECT + _AFTER,
                {"organisation": organisation, "after": after and storable(after), "limit": limit + 1},
            ).fetchall()
        return [_job(row) for row in rows[:limit]], rows[limit - 1][0] if len(rows) > limit else None

    def earlier(self, job: Job) -> Job | None:
        """Return when this very file was sent before, the last time; None when it was not."""
        with self._database.pool.connection() as connection:
            row = connection.execute(
                _SELECT + " where organisation = %s and digest = %s"
                " and (made_at, id) < (%s, %s) order by made_at desc limit 1",
                (job.organisation, job.digest, job.made_at, job.id),
            ).fetchone()
        return None if row is None else _job(row)

    def map(self, job: Job, mapping: Mapping, sheet: str | None = None) -> None:
        """
        Have a file checked by a mapping, which is remembered for the next with the same header.

        Raises UsageError when something of it is on record already, or is being worked on.
        """
        with self._database.pool.connection() as connection, connection.transaction():
            again = sheet is not None and job.about is not None and sheet != job.about.sheet
            wanted = msgspec.structs.replace(job.wanted, sheet=sheet, columns=None) if again else job.wanted
            moved = connection.execute(
                "update intake set state = %s, mapping = %s, wanted = %s, failure = null, share = null,"
                " checked = 0, checked_to = 0, ready = 0, ready_bytes = 0, unkept = 0, left_out = 0,"
                " moved_at = now() where id = %s and sent = 0 and taken + known = 0"
                " and state in ('mapping', 'checked') returning id",
                (
                    "opening" if again else "checking",
                    None if again else text_of(mapping),
                    text_of(wanted),
                    job.id,
                ),
            ).fetchone()
            if moved is None:
                raise _busy()
            connection.execute("delete from intake_row where intake = %s", (job.id,))
            if job.about is not None and not again:
                _remember(connection, job.organisation, job.about.header, mapping)

    def remembered(self, organisation: str, header: Sequence[str]) -> Mapping | None:
        """Return how an organisation's columns of these names were read the last time."""
        with self._database.pool.connection() as connection:
            row = connection.execute(
                "select mapping from intake_mapping where organisation = %s and header = %s",
                (organisation, _header_digest(header)),
            ).fetchone()
        return None if row is None else msgspec.convert(row[0], Mapping)

    def record(self, job: Job) -> None:
        """Have what is right put on record. Raises UsageError while it is worked on, or nothing is."""
        with self._database.pool.connection() as connection:
            moved = connection.execute(
                "update intake set state = 'recording', failure = null, share = null, moved_at = now(),"
                " from_entry = (select base + size from log)"
                " where id = %(id)s and state in ('checked', 'recorded') and (sent < ready or exists"
                " (select from intake_row where intake = %(id)s and state = 'mended')) returning id",
                {"id": job.id},
            ).fetchone()
        if moved is None:
            raise _busy()

    def remove(self, job: Job) -> None:
        """
        Forget a file but for what is on record of it, and take it off the disk.

        Raises UsageError while its rows are being put on record.
        """
        with self._database.pool.connection() as connection, connection.transaction():
            connection.execute(_ALONE)
            (state,) = connection.execute(
                "select state from intake where id = %s for update", (job.id,)
            ).fetchone() or ("removed",)
            if state == "recording":
                raise _busy()
            connection.execute("delete from intake_row where intake = %s", (job.id,))
            connection.execute(
                "delete from intake where id = %(id)s and not exists"
                " (select from intake_batch where intake = %(id)s)",
                {"id": job.id},
            )
            connection.execute(
                "update intake set state = 'removed', about = null, moved_at = now() where id = %s", (job.id,)
            )
            connection.execute(
                "delete from intake where id in (select id from intake where organisation = %s"
                " and state = 'removed' order by made_at desc offset %s)",
                (job.organisation, MAX_REMEMBERED),
            )
            needed = connection.execute(
                "select from intake where digest = %s and state <> 'removed' limit 1", (job.digest,)
            ).fetchone()
            if not needed:
                self._shelf.remove(job.digest)
        self._shelf.rows(job.id).unlink(missing_ok=True)

    def outdated(self) -> list[Job]:
        """Return files that were not touched for 30 days."""
        with self._database.pool.connection() as connection:
            rows = connection.execute(
                _SELECT + " where moved_at < now() - %s::interval"
                " and state not in ('removed', 'recording') limit 100",
                (KEPT,),
            ).fetchall()
        return [_job(row) for row in rows]

    # ------------------------------------------------------------------ rows

    def counts(self, job: Job) -> Counts:
        """Return how many rows are to be looked at, by what is wrong; while the file is read, how many."""
        if job.state in {"opening", "checking"}:  # asked every second
            return Counts(job.checked - job.ready - job.unkept, 0, 0, {}, {})
        with self._database.pool.connection() as connection:
            rows = connection.execute(
                "select state, rule, count(*) from intake_row where intake = %s group by 1, 2"
                " order by 3 desc, 2",
                (job.id,),
            ).fetchall()
        sums = {state: sum(n for s, _, n in rows if s == state) for state in ("refused", "mended", "found")}
        by = {
            state: {rule: n for s, rule, n in rows if s == state and rule} for state in ("refused", "found")
        }
        return Counts(**sums, rules=by["refused"], finding_rules=by["found"])

    def rows(
        self, job: Job, state: str = "refused", rule: str | None = None, after: int = 0, limit: int = 20
    ) -> tuple[list[ToMend], int | None]:
        """Return rows in the order of the file, after a number, and the `after` of the next page."""
        with self._database.pool.connection() as connection:
            found = connection.execute(
                _ROWS_OF_RULE if rule else _ROWS,
                {
                    "id": job.id,
                    "state": state,
                    "after": after,
                    "rule": rule and storable(rule),
                    "limit": limit + 1,
                },
            ).fetchall()
        rows = [ToMend(n, tuple(cells), _troubles(said)) for n, cells, said in found[:limit]]
        return rows, rows[-1].number if len(found) > limit else None

    def row(self, job: Job, number: int) -> ToMend | None:
        """Return a row that is to be mended."""
        rows, _ = self.rows(job, after=number - 1, limit=1)
        return rows[0] if rows and rows[0].number == number else None

    def mend(self, job: Job, rows: Iterable[Row]) -> None:
        """Put rows that were read again in place of those that were refused. Raises UsageError when busy."""
        with self._still(job, MENDABLE) as connection:
            for row in rows:
                state = "refused" if row.line is None else "mended"
                connection.execute(
                    "update intake_row set state = %s, rule = %s, cells = %s, troubles = %s, line = %s"
                    " where intake = %s and number = %s and state in ('refused', 'mended')",
                    (
                        state,
                        row.troubles[0].rule if row.troubles else "",
                        [storable(cell) for cell in row.cells],
                        text_of(row.troubles),
                        row.line,
                        job.id,
                        row.number,
                    ),
                )

    def leave_out(self, job: Job, numbers: Sequence[int] | None, rule: str | None = None) -> int:
        """Leave refused rows out: these, or all, or all of a rule; return how many."""
        with self._still(job, MENDABLE) as connection:
            gone = connection.execute(
                "delete from intake_row where intake = %(id)s and state = 'refused'"
                " and (%(numbers)s::bigint[] is null or number = any(%(numbers)s))"
                " and (%(rule)s::text is null or rule = %(rule)s)",
                {
                    "id": job.id,
                    "numbers": list(numbers) if numbers is not None else None,
                    "rule": rule and storable(rule),
                },
            ).rowcount
            connection.execute("update intake set left_out = left_out + %s where id = %s", (gone, job.id))
        return gone

    def batches(self, job: Job, limit: int = 1_000) -> list[Batch]:
        """Return the reports that a file's rows went into, in order."""
        with self._database.pool.connection() as connection:
            rows = connection.execute(
                "select report, first_row, last_row, rows, taken, known, refused, found from intake_batch"
                " where intake = %s order by made_at, first_row limit %s",
                (job.id, limit),
            ).fetchall()
        return [Batch(bytes(digest), *rest) for digest, *rest in rows]

    # ------------------------------------------------------------------ for the worker

    def waiting(self, limit: int = 100) -> list[tuple[str, str]]:
        """Return whose files there is work on, and their ids, those that wait longest first."""
        with self._database.pool.connection() as connection:
            return connection.execute(
                "select organisation, id from intake where state in ('opening', 'checking', 'recording')"
                " order by moved_at limit %s",
                (limit,),
            ).fetchall()

    def at_work(self, number: str) -> Job | None:
        """Return a file if there is work on it still."""
        with self._database.pool.connection() as connection:
            row = connection.execute(_SELECT + " where id = %s", (number,)).fetchone()
        job = None if row is None else _job(row)
        return job if job is not None and job.is_working else None

    def opened(self, job: Job, about: About, mapping: Mapping, state: State) -> None:
        """Note what a file was found to be."""
        with self._database.pool.connection() as connection:
            connection.execute(
                "update intake set about = %s, mapping = %s, state = %s, moved_at = now()"
                " where id = %s and state = 'opening'",
                (text_of(about), text_of(mapping), state, job.id),
            )

    def checked(self, job: Job, wrong: Sequence[Row]) -> bool:
        """Note a run of rows that were read, and keep the wrong ones; False when it was removed meanwhile."""
        with self._database.pool.connection() as connection, connection.transaction():
            still = connection.execute(
                "update intake set checked = %s, checked_to = %s, ready = %s, ready_bytes = %s, unkept = %s,"
                " share = %s where id = %s and state = 'checking' returning id",
                (
                    job.checked,
                    job.checked_to,
                    job.ready,
                    job.ready_bytes,
                    job.unkept,
                    job.share,
                    job.id,
                ),
            ).fetchone()
            if still is not None:
                _keep(connection, job.id, [("refused", row) for row in wrong])
        return still is not None

    def move(self, job: Job, state: State) -> None:
        """Move a file on, once the worker has done what it waited for."""
        with self._database.pool.connection() as connection:
            connection.execute(
                "update intake set state = %s, share = null, moved_at = now() where id = %s and state = %s",
                (state, job.id, job.state),
            )

    def fail(self, job: Job, failure: Failure) -> None:
        """Note why a file cannot be read; or not be put on record, and then it is as it was before."""
        before = "recorded" if job.taken + job.known else "checked"
        with self._database.pool.connection() as connection:
            connection.execute(
                "update intake set state = %s, failure = %s, share = null, moved_at = now()"
                " where id = %s and state = %s",
                (
                    before if job.state == "recording" else "failed",
                    text_of(failure),
                    job.id,
                    job.state,
                ),
            )

    def sent(self, job: Job, batch: Batch, mended: Sequence[int], rows: Sequence[tuple[str, Row]]) -> None:
        """Note a batch that is on record, and keep the rows to look at; mended ones among them are done."""
        with self._database.pool.connection() as connection, connection.transaction():
            connection.execute(
                "update intake set sent = %s, sent_bytes = %s, taken = %s, known = %s, found = %s,"
                " unkept = %s, share = %s where id = %s",
                (job.sent, job.sent_bytes, job.taken, job.known, job.found, job.unkept, job.share, job.id),
            )
            connection.execute(
                "insert into intake_batch (intake, report, first_row, last_row, rows, taken, known, refused,"
                " found) values (%s, %s, %s, %s, %s, %s, %s, %s, %s) on conflict do nothing",
                (job.id, *msgspec.structs.astuple(batch)),
            )
            connection.execute(
                "delete from intake_row where intake = %s and state = 'mended' and number = any(%s)",
                (job.id, list(mended)),
            )
            _keep(connection, job.id, rows)

    def mended(self, job: Job) -> Iterator[Ready]:
        """Yield the rows that were mended and are not on record, by number."""
        after = 0
        while True:
            with self._database.pool.connection() as connection:
                rows = connection.execute(
                    "select number, line, cells from intake_row where intake = %s and state = 'mended'"
                    " and number > %s order by number limit 5000",
                    (job.id, after),
                ).fetchall()
            if not rows:
                return
            for number, line, cells in rows:
                yield Ready(number, bytes(line), msgspec.json.encode(cells), None)
            after = rows[-1][0]

    def without_cells(self, job: Job) -> set[int]:
        """Return the rows that the record refused, whose cells are to be read again."""
        with self._database.pool.connection() as connection:
            rows = connection.execute(
                "select number from intake_row where intake = %s and state = 'refused' and cells = '{}'",
                (job.id,),
            ).fetchall()
        return {number for (number,) in rows}

    def fill_cells(self, job: Job, rows: Iterable[tuple[int, tuple[str, ...]]]) -> None:
        """Note the cells of rows."""
        with self._database.pool.connection() as connection, connection.cursor() as cursor:
            cursor.executemany(
                "update intake_row set cells = %s where intake = %s and number = %s",
                [([storable(cell) for cell in cells], job.id, number) for number, cells in rows],
            )

    @contextmanager
    def _still(self, job: Job, states: frozenset[str]) -> Iterator[Connection]:
        """Give a transaction in which a file stays in one of some states; UsageError when it is in none."""
        with self._database.pool.connection() as connection, connection.transaction():
            (state,) = connection.execute(
                "update intake set moved_at = now() where id = %s returning state", (job.id,)
            ).fetchone() or (None,)
            if state not in states:
                raise _busy()
            yield connection


def _keep(connection: Connection, number: str, rows: Sequence[tuple[str, Row]]) -> None:
    """Keep rows to look at; one that stood there already gives way."""
    if not rows:
        return
    connection.execute(
        "delete from intake_row where intake = %s and number = any(%s)",
        (number, [row.number for _, row in rows]),
    )
    with (
        connection.cursor() as cursor,
        cursor.copy("copy intake_row (intake, number, state, rule, cells, troubles) from stdin") as copy,
    ):
        for state, row in rows:
            cells = [storable(cell) for cell in row.cells]
            rule = row.troubles[0].rule if row.troubles else ""
            copy.write_row((number, row.number, state, rule, cells, text_of(row.troubles)))


def storable(text: str) -> str:
    """Return a text that the database can hold: without U+0000 and half characters."""
    return text.replace("\0", "\ufffd").encode(errors="replace").decode()


def _check_room(connection: Connection, organisation: str, size: int) -> None:
    number, total = connection.execute(
        "select count(*), coalesce(sum(bytes), 0)::bigint from intake"
        " where organisation = %s and state <> 'removed'",
        (organisation,),
    ).fetchone() or (0, 0)
    if number >= MAX_FILES or total + size > MAX_BYTES:
        raise UsageError(
            "file.many",
            f"Of your organisation {number} files with {total >> 20:,} MiB are kept; at most {MAX_FILES} are,"
            f" with {MAX_BYTES >> 30} GiB.",
            "Remove some that you no longer need, on the page /workspace/files.",
        )


def _remember(connection: Connection, organisation: str, header: Sequence[str], mapping: Mapping) -> None:
    connection.execute(
        "insert into intake_mapping (organisation, header, mapping) values (%s, %s, %s)"
        " on conflict (organisation, header) do update set mapping = excluded.mapping, used_at = now()",
        (organisation, _header_digest(header), text_of(mapping)),
    )
    connection.execute(
        "delete from intake_mapping where organisation = %(of)s and header in (select header from"
        " intake_mapping where organisation = %(of)s order by used_at desc offset %(most)s)",
        {"of": organisation, "most": MAX_MAPPINGS},
    )


def _header_digest(header: Sequence[str]) -> bytes:
    return sha256(msgspec.json.encode([storable(name) for name in header])).digest()


def _job(row: Sequence[Any]) -> Job:
    values = list(row)
    for name, kind in _JSON.items():
        if values[_AT[name]] is not None:
            values[_AT[name]] = msgspec.convert(values[_AT[name]], kind)
    values[4] = bytes(values[4])
    return Job(*values)


def _troubles(said: Any) -> tuple[Trouble, ...]:
    return msgspec.convert(said, tuple[Trouble, ...])


def text_of(value: Any) -> str:
    """Return a value as JSON that the database can hold."""
    return msgspec.json.encode(value).decode().replace("\\u0000", "\\ufffd")


def _busy() -> UsageError:
    return UsageError(
        "file.busy",
        "The file is being worked on, has come further, or has no rows for this.",
        "Look at its page again.",
    )

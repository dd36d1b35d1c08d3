"""
The audit: everything recomputed from the lines, and compared with what stands.

It reads. It goes through the record twice: entry by entry, for what a line, its report and its place in the
tree must be; and subject by subject, for chains, states and heads. The parts (`auditor.py`) are shared among
worker processes; here is what stands over them. It goes on after a difference, so that all are named.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from queue import Empty
from typing import Any, Final

from voltrail.database.database import Connection
from voltrail.errors import NoteError, RegistryClosed
from voltrail.events.table import TRUST_KINDS
from voltrail.ledger import merkle
from voltrail.ledger.keys import Verifier
from voltrail.ledger.notes import Checkpoint, open_note
from voltrail.ledger.succession import next_origin
from voltrail.registry import rows
from voltrail.registry.audit_following import TALLIES, Tally, add_makers, compare_sums, write_tally
from voltrail.registry.auditor import BLOCK, Auditor, Block, Found, Job, Setting, same_nodes
from voltrail.registry.difference import Difference
from voltrail.registry.logs import Closed, Logs, Stretch
from voltrail.registry.prepare import warm
from voltrail.registry.registry import Registry

Progress = Callable[[int, int], None]

WORKERS: Final = 2
ALONE_BELOW: Final = 200_000  # entries: below this, starting worker processes takes longer than they save

_COUNTS = (
    (
        "report",
        "report {}",
        "It has no events.",
        (
            "select r.id from report r"
            " where not exists (select from event e where e.seq = r.first_seq and e.report = r.id)"
        ),
    ),
    (
        "report",
        "reports",
        "They do not have as many events in all as there are.",
        "select 0 where (select coalesce(sum(accepted), 0) from report) <> (select count(*) from event)",
    ),
    (
        "recall",
        "recalls",
        "They have a battery that is not in the record.",
        (
            "select 0 where exists (select from campaign_battery b"
            " where not exists (select from subject s where s.id = 'battery:' || b.code))"
        ),
    ),
    (
        "recall",
        "campaigns",
        "How many batteries are recalled, done or ended is not what is kept of each.",
        (
            "with kept as (select campaign, count(*), count(*) filter (where stands = 'done'),"
            "  count(*) filter (where stands = 'ended') from campaign_battery group by 1),"
            " counted as (select id, batteries, done, ended from campaign"
            "  where (batteries, done, ended) <> (0, 0, 0))"
            " select 0 where exists ((table counted except table kept) union all"
            "  (table kept except table counted))"
        ),
    ),
    (
        "recall",
        "campaigns",
        "How many batteries an organisation has to see to is not what is kept of each.",
        (
            "with each as (select campaign, coalesce(holder, owner) as organisation, 1 as asked, 0 as owns"
            "  from campaign_battery where stands = 'open' union all"
            "  select campaign, owner, 0, 1 from campaign_battery where stands = 'open' and holder <> owner),"
            " kept as (select campaign, organisation, sum(asked)::bigint, sum(owns)::bigint from each"
            "  where organisation is not null group by 1, 2),"
            " counted as (select * from campaign_holder where (batteries, owned) <> (0, 0))"
            " select 0 where exists ((table counted except table kept) union all"
            "  (table kept except table counted))"
        ),
    ),
    (
        "log",
        "batteries, organisations, trust",
        "The log's counts are not those of the record.",
        (
            "select 0 from log where batteries <> (select count(*) from subject where id like 'battery:%%')"
            " or organisations <> (select count(*) from subject where id like 'organisation:%%')"
            " or trust <> (select count(*) from event where kind = any(%(trust)s))"
        ),
    ),
)


def audit(registry: Registry, progress: Progress | None = None) -> Iterator[Difference]:
    """
    Recompute every commitment, chain, entry, root, signature, head and state; yield what differs.

    `progress` is called with the steps done and their number: two for each entry.
    """
    anchored = _read_anchor(registry)  # first: what it promises then is in every later snapshot
    with registry.database.connect() as connection:
        connection.execute(TALLIES)  # all else is read
        connection.commit()
        connection.execute("set transaction isolation level repeatable read, read only")
        size, peaks, root = rows.one(connection, "select size, peaks, root from log")
        (snapshot,) = connection.execute("select pg_export_snapshot()").fetchone() or ("",)
        logs = Logs.read(connection)
        upto = logs.newest.base + size
        workers = 1 if upto < ALONE_BELOW else WORKERS
        setting = Setting(
            dsn=registry.database.dsn,
            snapshot=snapshot,
            logs=logs,
            size=size,
            vkey=registry.keys.log.vkey,
            authorities=registry.settings.authorities,
            known=registry.authorities,
            heads=registry.heads.folder,
            parts=workers,
        )
        jobs: list[Job] = [("subjects", 0, part) for part in range(workers)]
        jobs += [("heads", 0, tree.index) for tree in registry.heads.trees() if tree.index < upto]
        ends = [
            *((log, _end_of(log)) for log in logs.closed),
            (logs.newest, (size, bytes(peaks), bytes(root))),
        ]
        jobs += [("block", log.number, n) for log, end in ends for n in range(-(-end[0] // BLOCK))]
        blocks: dict[tuple[int, int], tuple[bytes, ...]] = {}
        makers: dict[str, tuple[int, str]] = {}
        done, total = 0, 2 * upto
        for found in _alone(setting, jobs) if workers == 1 else _shared(setting, jobs):
            if isinstance(found, Difference):
                yield found
            elif isinstance(found, Block):
                blocks[found.log, found.number] = found.peaks
            elif isinstance(found, Tally):
                write_tally(connection, found)
                add_makers(makers, found)
            else:
                done += found
                if progress is not None:
                    progress(min(done, total), total)
        for place, (log, end) in enumerate(ends):
            own = {number: found for (of, number), found in blocks.items() if of == log.number}
            beyond = ends[place + 1][0].first_chunk if place + 1 < len(ends) else None
            yield from _upper_tree(connection, log, own, end, beyond)
        yield from _succession(logs)
        yield from _whole(connection, upto)
        yield from compare_sums(connection, makers)
        yield from _anchor(anchored, connection, logs.newest, size)
    if progress is not None:
        progress(total, total)


def _alone(setting: Setting, jobs: list[Job]) -> Iterator[Found]:
    with Auditor(setting) as auditor:
        for job in jobs:
            yield from auditor.run(job)


def _shared(setting: Setting, jobs: list[Job]) -> Iterator[Found]:
    """Let worker processes do the jobs; yield what they find as they find it."""
    context = multiprocessing.get_context("spawn")
    found: Any = context.Queue(10_000)
    with ProcessPoolExecutor(setting.parts, context, _start_worker, (found, setting)) as pool:
        futures = [pool.submit(_work, job) for job in jobs]
        running = len(jobs)
        while running:
            try:
                item = found.get(timeout=1)
            except Empty:
                for future in futures:
                    if future.done():
                        future.result()  # raises when the worker was ended from outside
                continue
            if item is None:
                running -= 1
            else:
                yield item


_worker: Any = None


def _start_worker(found: Any, setting: Setting) -> None:
    global _worker  # noqa: PLW0603 - a worker process is there for one audit
    _worker = found, setting
    warm()


def _work(job: Job) -> None:
    found, setting = _worker
    try:
        with Auditor(setting) as auditor:
            for item in auditor.run(job):
                found.put(item)
    finally:
        found.put(None)


# ---------------------------------------------------------------- what stands over the parts


_NO_END: Final = 2**63 - 1

End = tuple[int, bytes | None, bytes]  # a log's size, its peaks where they are kept, its root


def _end_of(log: Closed) -> End:
    try:
        return log.size, None, log.checkpoint.root
    except NoteError:  # named where the succession is checked
        return log.size, None, b""


def _upper_tree(
    connection: Connection,
    log: Stretch,
    blocks: Mapping[int, tuple[bytes, ...]],
    end: End,
    beyond: int | None,
) -> Iterator[Difference]:
    """Compare the nodes above the blocks, what the log ends with, and the number of nodes up to a row."""
    size, kept, root = end
    peaks: tuple[bytes, ...] = ()
    last: tuple[bytes, ...] = ()
    for number in sorted(blocks):
        if len(blocks[number]) != 1 or (number + 1) * BLOCK > size:
            last = blocks[number]
            continue
        nodes, peaks = merkle.extend(number, peaks, blocks[number])
        above = nodes[merkle.HASH_BYTES :]
        stop = merkle.node_count((number + 1) * BLOCK)
        yield from same_nodes(connection, log, stop - len(above) // merkle.HASH_BYTES, above)
    joined = b"".join((*peaks, *last))
    if (joined if kept is None else kept, root) != (joined, merkle.root_of((*peaks, *last))):
        yield Difference("log", log.origin, "Peaks or root of the log's row are not those of its entries.")
    (held,) = connection.execute(
        "select coalesce(sum(length(nodes)), 0) from tree where chunk >= %s and chunk < %s",
        (log.first_chunk, _NO_END if beyond is None else beyond),
    ).fetchone() or (0,)
    if held != merkle.node_count(size) * merkle.HASH_BYTES:
        yield Difference("tree", log.origin, f"It holds {held:,} bytes, not those of {size:,} entries.")


def _succession(logs: Logs) -> Iterator[Difference]:
    """Check that each closed log ends with a checkpoint of its own, and that the next begins behind it."""
    base = 0
    for log, after in zip(logs.closed, (*logs.closed, logs.newest)[1:], strict=True):
        where = f"closed log {log.number}"
        try:
            stated = Checkpoint.parse(open_note(log.note, [Verifier(log.vkey)]).text)
        except NoteError as error:
            yield Difference("log", where, error.message)
            continue
        if (stated.origin, stated.size, log.base) != (log.origin, log.size, base):
            yield Difference("log", where, "Its row is not what its last checkpoint says.")
        base += log.size
        if (after.base, after.origin) != (base, next_origin(log.origin)):
            yield Difference("log", after.origin, "It does not follow on the log before it.")
    if not logs.closed and (logs.newest.base or logs.newest.first_chunk):
        yield Difference("log", logs.newest.origin, "The log before it is missing.")


def _whole(connection: Connection, upto: int) -> Iterator[Difference]:
    """Check that nothing stands where nothing can be, and what is counted."""
    (beyond,) = connection.execute(
        "select (select count(*) from event where seq >= %(upto)s or seq < 0) "
        "+ (select count(*) from mark where seq >= %(upto)s or seq < 0) "
        "+ (select count(*) from event join mark using (seq))",
        {"upto": upto},
    ).fetchone() or (0,)
    if beyond:
        yield Difference("event", "log", f"{beyond:,} entries stand where none can be.")
    yield from _counts(connection)
    (received_ms, newest_ms) = connection.execute(
        "select received_ms, coalesce((select received_ms from event order by seq desc limit 1), 0) from log"
    ).fetchone() or (0, 0)
    if received_ms != newest_ms:
        yield Difference("log", "received_ms", "The log's time is not that of its last event.")


def _counts(connection: Connection) -> Iterator[Difference]:
    """Hold what is counted and what belongs together against what there is."""
    for what, where, message, query in _COUNTS:
        for (number,) in connection.execute(query, {"trust": list(TRUST_KINDS)}).fetchall():
            yield Difference(what, where.format(number), message)


def _read_anchor(registry: Registry) -> Checkpoint | RegistryClosed | None:
    try:
        anchored = registry.anchor.read()
    except RegistryClosed as error:
        return error
    return anchored[1] if anchored is not None else None


def _anchor(
    promised: Checkpoint | RegistryClosed | None, connection: Connection, log: Stretch, size: int
) -> Iterator[Difference]:
    if isinstance(promised, RegistryClosed):
        yield Difference("anchor", "anchor", promised.message)
        return
    if promised is None:
        if size:
            yield Difference("anchor", "anchor", "The anchor is missing.")
        return
    if promised.size > size:
        yield Difference(
            "anchor", "anchor", f"It promises {promised.size} entries, the database holds {size}."
        )
        return
    places = merkle.peaks_of(promised.size)
    nodes = log.nodes(connection, places)
    if merkle.root_of([nodes.get(place, b"") for place in places]) != promised.root:
        yield Difference("anchor", "anchor", "It is not the root of so many entries.")

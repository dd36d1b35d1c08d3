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
from voltrail.errors import RegistryClosed
from voltrail.events.table import TRUST_KINDS
from voltrail.ledger import merkle
from voltrail.registry import rows
from voltrail.registry.auditor import BLOCK, Auditor, Block, Difference, Found, Job, Setting, same_nodes
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
    with registry.database.connect() as connection:
        connection.execute("set transaction isolation level repeatable read, read only")
        size, peaks, root = connection.execute("select size, peaks, root from log").fetchone() or (
            0,
            b"",
            merkle.EMPTY_ROOT,
        )
        (snapshot,) = connection.execute("select pg_export_snapshot()").fetchone() or ("",)
        workers = 1 if size < ALONE_BELOW else WORKERS
        setting = Setting(
            dsn=registry.database.dsn,
            snapshot=snapshot,
            origin=registry.origin,
            log=registry.keys.log.vkey,
            authorities=registry.settings.authorities,
            heads=registry.heads.folder,
            size=size,
            parts=workers,
        )
        jobs: list[Job] = [("subjects", part) for part in range(workers)]
        jobs += [("heads", tree.index) for tree in registry.heads.trees() if tree.index < size]
        jobs += [("block", number) for number in range(-(-size // BLOCK))]
        blocks: dict[int, tuple[bytes, ...]] = {}
        done, total = 0, 2 * size
        for found in _alone(setting, jobs) if workers == 1 else _shared(setting, jobs):
            if isinstance(found, Difference):
                yield found
            elif isinstance(found, Block):
                blocks[found.number] = found.peaks
            else:
                done += found
                if progress is not None:
                    progress(min(done, total), total)
        yield from _upper_tree(connection, blocks, size, (bytes(peaks), bytes(root)))
        yield from _anchor(registry, connection, size)
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


def _work(job: Job) -> None:
    found, setting = _worker
    try:
        with Auditor(setting) as auditor:
            for item in auditor.run(job):
                found.put(item)
    finally:
        found.put(None)


# ---------------------------------------------------------------- what stands over the parts


def _upper_tree(
    connection: Connection, blocks: Mapping[int, tuple[bytes, ...]], size: int, stored: tuple[bytes, bytes]
) -> Iterator[Difference]:
    """Compare the nodes above the blocks, the log's row, and the number of nodes."""
    peaks: tuple[bytes, ...] = ()
    last: tuple[bytes, ...] = ()
    for number in sorted(blocks):
        if len(blocks[number]) != 1 or (number + 1) * BLOCK > size:
            last = blocks[number]
            continue
        nodes, peaks = merkle.extend(number, peaks, blocks[number])
        above = nodes[merkle.HASH_BYTES :]
        end = merkle.node_count((number + 1) * BLOCK)
        yield from same_nodes(connection, end - len(above) // merkle.HASH_BYTES, above)
    if (b"".join((*peaks, *last)), merkle.root_of((*peaks, *last))) != stored:
        yield Difference("log", "log", "Peaks or root of the log's row are not those of its entries.")
    (held,) = connection.execute("select coalesce(sum(length(nodes)), 0) from tree").fetchone() or (0,)
    if held != merkle.node_count(size) * merkle.HASH_BYTES:
        yield Difference("tree", "tree", f"It holds {held:,} bytes, not those of {size:,} entries.")
    (beyond,) = connection.execute(
        "select (select count(*) from event where seq >= %(size)s or seq < 0) "
        "+ (select count(*) from mark where seq >= %(size)s or seq < 0) "
        "+ (select count(*) from event join mark using (seq))",
        {"size": size},
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


def _anchor(registry: Registry, connection: Connection, size: int) -> Iterator[Difference]:
    try:
        anchored = registry.anchor.read()
    except RegistryClosed as error:
        yield Difference("anchor", "anchor", error.message)
        return
    if anchored is None:
        if size:
            yield Difference("anchor", "anchor", "The anchor is missing.")
        return
    promised = anchored[1]
    if promised.size > size:
        yield Difference(
            "anchor", "anchor", f"It promises {promised.size} entries, the database holds {size}."
        )
        return
    places = merkle.peaks_of(promised.size)
    nodes = rows.read_nodes(connection, places)
    if merkle.root_of([nodes.get(place, b"") for place in places]) != promised.root:
        yield Difference("anchor", "anchor", "It is not the root of so many entries.")

"""Receipts given again, byte for byte: made from the record, under the signature that is kept."""

from __future__ import annotations

import msgspec
from msgspec import UNSET

from voltrail.database.database import Connection
from voltrail.ledger import merkle
from voltrail.ledger.entries import chain, event_entry
from voltrail.ledger.receipts import FoundLine, KnownLine, LinkedSubject, Receipt, RefusedLine, seal_receipt
from voltrail.registry.logs import Logs


class Outcome(msgspec.Struct):
    """What became of a report's lines besides those accepted; stored with it."""

    known: list[KnownLine] = []
    refused: list[RefusedLine] = []
    findings: list[FoundLine] = []


def receipt_again(connection: Connection, digest: bytes, logs: Logs) -> bytes | None:
    """
    Return the receipt of the report with this digest, or None when nothing of it was accepted.

    Under the signature that it was given with, so that nothing in it can change since.
    """
    row = connection.execute(
        "select r.id, r.lines, r.first_seq, r.accepted, r.upto, r.outcome, r.signature, c.note"
        " from report r join checkpoint c on c.upto = r.upto where r.digest = %s",
        (digest,),
        binary=True,
    ).fetchone()
    if row is None:
        return None
    report, lines, first, accepted, upto, stored, signature, note = row
    outcome = msgspec.json.decode(stored, type=Outcome)
    positions, subjects = _accepted(connection, report, first, accepted)
    log = logs.at(first)
    start, size = first - log.base, upto - log.base
    nodes = log.nodes(connection, merkle.range_nodes(start, start + accepted, size))
    receipt = Receipt(
        report=digest.hex(),
        lines=lines,
        first_index=first,
        base=log.base or UNSET,
        accepted=positions,
        known=outcome.known,
        subjects=subjects,
        refused=outcome.refused,
        findings=outcome.findings,
        checkpoint=note,
        range_proof=merkle.range_proof(start, start + accepted, size, nodes),
    )
    return seal_receipt(receipt, signature)


def _accepted(
    connection: Connection, report: int, first: int, accepted: int
) -> tuple[list[int], list[list[LinkedSubject]]]:
    """Return which lines were accepted, and where each stands in its subjects' chains."""
    positions, subjects = [], []
    for position, received_ms, c, links, names, ks, heads in connection.execute(
        "select position, received_ms, c, links, subjects, k, h from event"
        " where seq >= %s and seq < %s and report = %s order by seq",
        (first, first + accepted, report),
        binary=True,
    ):
        entry = event_entry(received_ms, bytes(c), bytes(links))
        positions.append(position)
        subjects.append(
            [
                LinkedSubject(name, k, chain(bytes(heads[32 * place : 32 * place + 32]), entry))
                for place, (name, k) in enumerate(zip(names, ks, strict=True))
            ]
        )
    return positions, subjects

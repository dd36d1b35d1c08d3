"""One event of an evidence file, taken apart for reading: the bytes that were hashed, and the hashes."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET

from voltrail.ledger import merkle
from voltrail.ledger.commitments import commit, member_digest
from voltrail.ledger.entries import chain, parse_event
from voltrail.ledger.evidence import EventProof, Member
from voltrail.ledger.keys import encode64
from voltrail.ledger.notes import Checkpoint, parse_note


def read_proof(event: EventProof, note: str) -> dict[str, Any]:
    """Return what stands in an event and its report's note, hashes in base64; nothing of it is checked."""
    signed = parse_note(note)
    members = [_member(member) for member in event.members]
    entry = parse_event(event.entry)
    return {
        "members": [member for member, _ in members],
        "commitment": encode64(commit(digest for _, digest in members)),
        "in_entry": encode64(entry.commitment),
        "entry": event.entry.hex(),
        "entry_hash": encode64(merkle.leaf_hash(event.entry)),
        "links": encode64(entry.links),
        "k": event.link.k,
        "before": encode64(event.link.before),
        "after": encode64(chain(event.link.before, event.entry)),
        "report": event.report,
        "position": event.position,
        "lines": Checkpoint.parse(signed.text).size,
        "note": note,
        "key": signed.signatures[0].name,
    }


def _member(member: Member) -> tuple[dict[str, str], bytes]:
    """Return a member for reading, and its digest."""
    if member.shown is not UNSET and member.salt is not UNSET:
        digest = member_digest(member.salt, member.shown)
        shown = {"text": member.shown.decode(), "salt": encode64(member.salt), "digest": encode64(digest)}
        return shown, digest
    digest = b"" if member.withheld is UNSET else member.withheld
    return {"why": str(member.why), "digest": encode64(digest)}, digest

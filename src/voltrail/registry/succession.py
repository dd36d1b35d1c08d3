"""
Succession: one log closes, the next begins, and the chains of all subjects go on.

When the log cannot go on: the database was restored behind what the log had promised, a key of the log's
was lost or may be known to others, or keys are changed in good time. All that the database holds stays;
what was promised beyond it is lost, and is said so for ever. The new log's first entry is the hash of the
last checkpoint that the database holds. Everything up to it is proved through that entry.

In the database it is one transaction. Then anchor, policy and settings follow, each by a rename, the
settings last: a run that was stopped anywhere is taken up by the next.
"""

from __future__ import annotations

import time
from pathlib import Path

import msgspec

from voltrail.database.database import Connection, Database
from voltrail.errors import NoteError, RegistryClosed, RegistryError, UsageError
from voltrail.ledger import merkle
from voltrail.ledger.entries import successor_entry
from voltrail.ledger.keys import ED25519, Verifier
from voltrail.ledger.notes import Checkpoint, Policy, open_note, parse_note
from voltrail.ledger.succession import next_origin, number_of
from voltrail.registry import rows, settings
from voltrail.registry.anchor import Anchor
from voltrail.registry.append import Log, extend_log
from voltrail.registry.files import replace, sync
from voltrail.registry.heads import HeadsStore
from voltrail.registry.logs import Closed, Logs, Stretch
from voltrail.registry.writer import APPEND_LOCK


class Succession(msgspec.Struct, frozen=True):
    """What became of it: the log that closed, and the origin and key of the one that began."""

    closed: Closed
    origin: str
    vkey: str
    host_is_new: bool  # the host's key was lost too: the authority must put the new one into the record


def succeed(data: Path, closing: str, database: str | None = None) -> Succession:
    """
    Close the log of a registry, named by its origin, and begin its successor.

    A run that was stopped is gone on with. No server of the registry may run meanwhile: one that does stops
    writing. Raises UsageError when that is not the log of this folder, RegistryClosed when database and
    settings are of different registries, RegistryError when the database holds no log to go on from, or one
    that does not hold together.
    """
    was = settings.load(data)
    _check_meant(was.origin, closing)
    new = msgspec.structs.replace(was, origin=next_origin(closing))
    with Database(data / "pg", database or was.database) as held, held.connect() as connection:
        host_is_new = settings.make_keys(data / "keys", new)
        keys = settings.Keys(data / "keys", new.origin)
        with connection.transaction():
            connection.execute("select pg_advisory_xact_lock(%s)", (APPEND_LOCK,))
            (standing,) = rows.one(connection, "select origin from log")
            if standing == closing:
                _close(connection, data, closing, keys)
            elif standing != new.origin:
                raise RegistryClosed(
                    "log.origin",
                    f"The database holds the log {standing}, the settings name {closing}.",
                    "Give the data folder that belongs to this database.",
                )
        logs = Logs.read(connection)
        note = _last_note(connection, logs.newest, keys.log.verifier)
    HeadsStore(data / "heads").forget_from(logs.newest.base)
    if host_is_new:
        replace(data / "host-trust.jsonl", settings.host_trust(new, keys.host))
    _put_in_place(data, logs.closed[-1], new, keys, note)
    return Succession(logs.closed[-1], new.origin, keys.log.vkey, host_is_new)


def _check_meant(origin: str, closing: str) -> None:
    """Raise UsageError unless the log to close is the one of the folder."""
    if closing == origin:
        return
    if next_origin(closing) == origin:
        raise UsageError(
            "succession.done",
            f"{closing} has closed already.",
            f"Its successor here is {origin}: go on with it.",
        )
    raise UsageError(
        "succession.origin", f"{closing[:200]} is not the log of this folder.", f"It is {origin}."
    )


def _close(connection: Connection, data: Path, closing: str, keys: settings.Keys) -> None:
    """Close the log in the database, and begin the next with its one entry."""
    base, chunk, size, root = rows.one(connection, "select base, first_chunk, size, root from log")
    log = _key_of(data, closing)
    note = _last_note(connection, Stretch(closing, base, chunk), log)
    stated = Checkpoint(closing, size, bytes(root))
    if Checkpoint.parse(parse_note(note).text) != stated:
        raise _broken("It is not over what the log's row says.")
    connection.execute(
        "insert into closed_log values (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
        (
            *(number_of(closing), closing, log.vkey, base, chunk, size, note),
            _promised(data, log, stated),
            time.time_ns() // 1_000_000,
        ),
    )
    (end,) = rows.one(connection, "select max(chunk) + 1 from tree")
    begun = Log(base + size, end, 0, (), merkle.EMPTY_ROOT, 0, 0)
    connection.execute(
        "update log set origin = %s, base = %s, first_chunk = %s", (keys.log.name, begun.base, end)
    )
    entry = successor_entry(note)
    connection.execute("insert into mark values (%s, %s)", (begun.base, entry))
    extend_log(connection, begun, [entry], keys.log)


def _key_of(data: Path, closing: str) -> Verifier:
    """Return the public key of the log to close, by the policy: the private one may be lost."""
    try:
        logs = Policy.parse((data / "policy.txt").read_text(encoding="utf-8")).logs
        return next(log for log in logs if log.name == closing and log.algorithm == ED25519)
    except (OSError, UnicodeDecodeError, NoteError, StopIteration) as error:
        raise RegistryError(
            "succession.policy",
            f"policy.txt in {data} does not give the key of {closing}.",
            "Put it back from any copy that a verifier has.",
        ) from error


def _last_note(connection: Connection, log: Stretch, key: Verifier) -> str:
    """Return the last checkpoint of the log that the database ends with, once its key signed it."""
    row = connection.execute(
        "select note from checkpoint where upto > %s order by upto desc limit 1", (log.base,)
    ).fetchone()
    if row is None:
        raise RegistryError(
            "succession.empty",
            f"The database holds no entry of {log.origin}, so there is nothing to go on from.",
            "Put a copy of the database back first, as new as there is; or begin another registry.",
        )
    try:
        open_note(row[0], [key])
    except NoteError as error:
        raise _broken(error.message) from error
    return str(row[0])


def _broken(why: str) -> RegistryError:
    return RegistryError(
        "succession.checkpoint",
        f"The last checkpoint in the database does not hold. {why}",
        "Run `voltrail log audit`; put back a copy of database, keys and policy that belong together.",
    )


def _promised(data: Path, log: Verifier, stated: Checkpoint) -> str | None:
    """Return what the log had signed elsewhere that the database does not hold, as far as is known here."""
    for name in ("checkpoint", "witnessed", "fork"):
        try:
            note = (data / "anchor" / name).read_text(encoding="utf-8")
            signed = Checkpoint.parse(open_note(note, [log]).text)
        except (OSError, UnicodeDecodeError, NoteError):
            continue
        if signed.size > stated.size or (signed.size == stated.size and signed.root != stated.root):
            return note
    return None


def _put_in_place(data: Path, closed: Closed, new: settings.Settings, keys: settings.Keys, note: str) -> None:
    """Put the old anchor aside and the new one there; then policy and settings. Some may be done already."""
    folder = data / "anchor"
    anchor = Anchor(folder, keys.log.verifier)
    try:
        begun = anchor.read() is not None
    except RegistryClosed:  # the closed log's, or damaged
        begun = False
    if not begun:
        aside = folder / f"closed-{closed.number}"
        aside.mkdir(mode=0o700, exist_ok=True)
        for path in folder.iterdir():
            if path.is_file() and path.name != "lock":
                path.replace(aside / path.name)
        sync(aside)
        anchor.advance(note, Checkpoint.parse(parse_note(note).text).size)
    policy, before = data / "policy.txt", data / f"policy-{closed.number}.txt"
    if policy.exists() and not before.exists():
        replace(before, policy.read_bytes())
    replace(policy, settings.policy_of(new, keys).encode())
    settings.save(data, new)

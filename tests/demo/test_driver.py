"""The driver signs what the world says, counts on from where the log stands, and accepts no refusal."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from voltrail.demo import World, populate
from voltrail.errors import RegistryError
from voltrail.events import decode
from voltrail.events.kinds import Corrected
from voltrail.ledger.keys import Signer
from voltrail.ledger.receipts import Receipt, RefusedLine, sign_receipt
from voltrail.ledger.reports import ReportFile, parse_report_note

ORIGIN = "example.org/log"
BEFORE = 5


class Log:
    """Takes every report, after the lines that were there; refuses the line given, if any."""

    origin = ORIGIN

    def __init__(self, world: World, refuses: int | None = None) -> None:
        self.lines: list[bytes] = []
        self.refuses = refuses
        self._key = Signer.from_seed(ORIGIN, bytes(32))
        self._verifiers = {
            key.name: key.verifier for o in world.organisations for key in (o.signer, o.second) if key
        }

    def keep_time(self, now_ms: Callable[[], int] | None) -> None:
        self.now_ms = now_ms

    def host_signed(self, organisation: str, lines: Sequence[bytes]) -> bytes:
        raise AssertionError

    def report_all(self, files: Sequence[bytes]) -> list[bytes]:
        return [self._report(file) for file in files]

    def _report(self, file: bytes) -> bytes:
        parsed = ReportFile.parse(file)
        note = parse_report_note(parsed.note, ORIGIN)
        note.verify(self._verifiers[note.signature.name])
        first, count = BEFORE + len(self.lines), len(parsed.lines)
        self.lines += parsed.lines
        refused = [] if self.refuses is None else [RefusedLine(self.refuses, "role.may_not", "No.", "", None)]
        receipt = Receipt(
            report=note.digest,
            lines=count,
            first_index=first,
            accepted=list(range(count)),
            known=[],
            subjects=[[] for _ in range(count)],
            refused=refused,
            findings=[],
            checkpoint="",
            range_proof=[],
        )
        return sign_receipt(receipt, self._key)


def test_the_whole_world_goes_in_with_progress() -> None:
    world, told = World(150, 4), []
    log = Log(world)
    done = populate(log, world, lambda now, total: told.append((now, total)))
    assert done.lines == len(log.lines) == world.lines
    assert told[-1] == (world.lines, world.lines)


def test_corrections_name_the_index_in_a_log_that_was_not_empty() -> None:
    world = World(150, 4)
    log = Log(world)
    populate(log, world)
    corrections = [event for event in map(decode, log.lines) if isinstance(event, Corrected)]
    assert corrections
    for correction in corrections:
        wrong = decode(log.lines[correction.corrects - BEFORE])
        assert wrong.kind in {"measured", "installed"}
        assert wrong.code == correction.code  # type: ignore[union-attr]


def test_a_refusal_is_an_error() -> None:
    world = World(5, 4)
    with pytest.raises(RegistryError) as caught:
        populate(Log(world, refuses=3), world)
    assert caught.value.rule == "role.may_not"

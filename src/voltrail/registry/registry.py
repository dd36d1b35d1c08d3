"""The registry: reports go in, histories and evidence come out."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime
from itertools import groupby
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import msgspec

from voltrail.codes import parse
from voltrail.database.database import Connection, Database
from voltrail.errors import (
    AccessError,
    NoteError,
    NotFound,
    Refusal,
    RegistryClosed,
    ReportError,
    UnknownOrganisation,
    UsageError,
    VoltrailError,
)
from voltrail.events import decode, split, subjects
from voltrail.events.checks import check_subject
from voltrail.ledger.heads import ROW_BYTES
from voltrail.ledger.keys import Verifier
from voltrail.ledger.notes import Checkpoint, Policy
from voltrail.ledger.reports import ReportFile, addressed_to, host_secret, parse_report_note, sign_report
from voltrail.lifecycle import (
    Finding,
    Model,
    Organisation,
    Recorded,
    Vehicle,
    certificate,
    decode_state,
    effective,
    effective_events,
    judge_for_public,
    judge_for_reporter,
    judge_intention,
)
from voltrail.lifecycle.findings import rule_of
from voltrail.lifecycle.since import sale_of
from voltrail.organisations.access import BATTERY, PUBLIC, Eyes, Reader, Sight
from voltrail.organisations.identifiers import check_organisation
from voltrail.organisations.trust import has_role, roles_at
from voltrail.passport import Known, Told
from voltrail.registry import (
    catalogue,
    evidence,
    links,
    passports,
    recycled_content,
    recycled_proof,
    settings,
    views,
)
from voltrail.registry.anchor import Anchor, Witnessed
from voltrail.registry.batches import Batches
from voltrail.registry.decisions import Decisions
from voltrail.registry.documents import Documents
from voltrail.registry.duties import Duties
from voltrail.registry.eu_registry import EuRegistry
from voltrail.registry.evidence import Standing
from voltrail.registry.fleet import Fleet
from voltrail.registry.flows import Flows
from voltrail.registry.following import follow
from voltrail.registry.forks import FORK, Forks
from voltrail.registry.grants import Grants
from voltrail.registry.handed import Handed
from voltrail.registry.heads import HeadsStore, Progress, Tree
from voltrail.registry.holdings import Holdings
from voltrail.registry.issued import Passports
from voltrail.registry.lines import Lines
from voltrail.registry.loads import Load, Loads, travels_of
from voltrail.registry.logs import Logs
from voltrail.registry.lookup import Family, Lookup, unknown_battery
from voltrail.registry.lots import Lots
from voltrail.registry.missing import Missing
from voltrail.registry.outlets import Outlets, Taker, takers
from voltrail.registry.outlook_figures import OutlookFigures
from voltrail.registry.outlook_makers import OutlookMakers
from voltrail.registry.platform import Platform
from voltrail.registry.prepare import Mode, Prepared, prepare, prepare_signing, split_all
from voltrail.registry.public import PublicLog, SecondSignature
from voltrail.registry.qualification import Qualifications, granted, named_in, sight_of
from voltrail.registry.recalls import Recalls
from voltrail.registry.receipts import receipt_again
from voltrail.registry.reservations import Reservations
from voltrail.registry.search import Search, note_ends
from voltrail.registry.sights import Sights, Sinces
from voltrail.registry.snapshot import Snapshot
from voltrail.registry.stations import Stations
from voltrail.registry.vehicle_alarms import VehicleAlarms
from voltrail.registry.vehicle_packs import VehiclePack, VehiclePacks
from voltrail.registry.webhooks import Webhooks
from voltrail.registry.world import World
from voltrail.registry.writer import Writer, clock_ms

MAX_PAGE = 1000
LONG_REPORT_LINES = 256  # from here on a signature is checked before a report is hashed
ABSENCE_AUDIENCES = frozenset({"authority_cn", "auditor"})
LEAVES_AUDIENCES = frozenset({"auditor"})
CLOSED = frozenset({"log.closed", "anchor.damaged"})

_JUDGES = {"public": judge_for_public, "reporter": judge_for_reporter}

Order = Literal["log", "life"]


class Registry:
    """
    One registry: its data folder, its database, its log.

    Made by `voltrail.open()`. Threads may share it. `report` and
    `report_lines` write; everything else reads. `closed` is None, or says why
    the log must not be written: reading goes on, so that the damage can be
    audited, but nothing more is promised.
    """

    def __init__(self, data: Path, database: str | None = None) -> None:
        self.data = data
        self.settings = settings.load(data)
        self.origin = self.settings.origin
        self.keys = settings.Keys(data / "keys", self.origin)
        self.anchor = Anchor(data / "anchor", self.keys.log.verifier)
        self.witnessed = Witnessed(data / "anchor", self.keys.log.verifier, Policy.parse(self.policy))
        self.heads = HeadsStore(data / "heads")
        self.database = Database(data / "pg", database or self.settings.database)
        self._second = SecondSignature(self.keys.log_ml_dsa)
        self.recalls = Recalls(self.database)
        self._search = Search(self.database)
        self._writer = Writer(self.database, self.settings, self.keys, self.anchor)
        self._sinces = Sinces()
        self.holdings = Holdings(self.database, self._writer.authorities, self._sinces)
        self.webhooks = Webhooks(self.database, self.keys.host_secret)
        self.grants = Grants(self.database, self._writer.authorities, self._sinces)
        self.documents = Documents(data / "documents")
        self.rulebook = self._writer.rulebook
        self.decisions = Decisions(
            self.database, self._writer.authorities, self._sinces, self.rulebook, self.holdings
        )
        self.duties = Duties(self.database, self.rulebook, self._writer.authorities)
        self.platform = Platform(
            self.database, self.rulebook, self._writer.authorities, self.keys.host_secret
        )
        self.batches = Batches(self.database, self.platform)
        self.outlets = Outlets(self.database, self._writer.authorities)
        self.flows = Flows(self.database, self._writer.authorities)
        self.fleet = Fleet(self.database, self._writer.authorities)
        self.stations = Stations(self.database, self._writer.authorities)
        self.missing = Missing(self.database, self._writer.authorities)
        self.issued = Passports(self.database, self._writer.authorities)
        self.lots = Lots(self.database, self._writer.authorities)
        self.lines = Lines(self.database, self._writer.authorities)
        self._loads = Loads(self.database, self._writer.authorities)
        self._passports = passports.Passports(
            self._writer.authorities, self.origin.partition("/")[0], self.lots.follow
        )
        self.eu_registry = EuRegistry(self.database)
        self.outlook_figures = OutlookFigures(self.database)
        self.outlook_makers = OutlookMakers(self.database)
        self.qualifications = Qualifications(self.database, self._writer.authorities)
        self.handed = Handed(self.database, data / "handed")
        self.vehicle_packs = VehiclePacks(self.database, self._writer.authorities)
        self.vehicle_alarms = VehicleAlarms(self.database)
        self.reservations = Reservations(self.database, self._writer.authorities)
        self.copies = (
            self.holdings, self.duties, self.outlets, self.flows, self.missing, self.issued,
            self.lots, self.vehicle_packs, self.fleet, self.stations, self.reservations,
            self.lines,
        )  # fmt: skip
        self._forks = Forks(data / "anchor" / "fork", self.keys.log.verifier)
        try:
            self.closed = self._open_log()
            with self.database.pool.connection() as connection:
                self.logs = Logs.read(connection)
            keys = (self.keys.log.verifier, self.keys.log_ml_dsa.verifier)
            self.log = PublicLog(self.database, self.logs.newest, keys, self._anchored)
            if self.closed is None:
                self._remember_fork()
        except BaseException:
            self.close()
            raise

    def _open_log(self) -> RegistryClosed | None:
        """Open the log for writing; return why it is closed, if it is."""
        try:
            self._writer.open_log()
        except RegistryClosed as error:
            if error.rule not in CLOSED:
                raise
            return error
        return None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections; an embedded database stops with its last process."""
        self._writer.close()
        self.database.close()

    @property
    def policy(self) -> str:
        """The policy by which others verify this log, as in `policy.txt`."""
        return settings.policy_of(self.settings, self.keys)

    @property
    def authorities(self) -> frozenset[str]:
        """The organisations that the settings name as authorities."""
        return self._writer.authorities

    def follow(self, most: int | None = None) -> int:
        """Bring up all that follows from the record by up to so many entries; return how many are left."""
        return follow(self.database, self.authorities, self.copies, most)

    # ------------------------------------------------------------------ writing

    def report(self, file: bytes, mode: str = "valid") -> bytes:
        """
        Take a signed report file; return the receipt once all of it is durable.

        `mode="valid"` takes the lines that hold and names the others in the
        receipt; `mode="all"` takes everything or raises. The same report again
        gives the same receipt. Raises ReportError, LineError; RegistryClosed
        when the log may not be written.
        """
        self._check_no_fork()
        parsed, how = ReportFile.parse(file), _mode(mode)
        origin = addressed_to(parsed.note, self.logs.origins)
        if origin != self.origin:
            return self._receipt_of_closed(prepare(parsed, origin, how), origin)
        if len(parsed.lines) >= LONG_REPORT_LINES:
            self._writer.check_known_signer(parse_report_note(parsed.note, self.origin))
        return self._writer.submit(prepare(parsed, self.origin, how))

    def _receipt_of_closed(self, prepared: Prepared, origin: str) -> bytes:
        """Return the receipt of a report that a closed log took; ReportError when it did not."""
        with self.database.pool.connection() as connection:
            receipt = receipt_again(connection, prepared.digest, self.logs)
        if receipt is None:
            raise ReportError(
                "report.log_closed",
                f"The log {origin} has closed, and this report is not in it.",
                f"Sign the same lines for {self.origin}, and send that.",
                source="formats.md, Report",
            )
        return receipt

    def report_all(self, files: Sequence[bytes]) -> list[bytes]:
        """
        Take report files in the order given, in one transaction as far as they fit; return their receipts.

        Each stands for itself, as with `mode="valid"`. Raises what the first of them raises that is refused
        as a whole; the others are taken all the same, and sent again give their receipts.
        """
        self._check_no_fork()
        prepared = [prepare(ReportFile.parse(file), self.origin, "valid") for file in files]
        return self._writer.submit_all(prepared)

    def report_lines(
        self,
        organisation: str,
        lines: Sequence[bytes],
        mode: str = "valid",
        source_digest: bytes | None = None,
    ) -> bytes:
        """
        Take lines from a signed-in user of an organisation: the host signs them.

        A retry of the same lines is the same report. `source_digest` is that
        of the file they were read from.
        """
        return self.take(self.prepare_lines(organisation, lines, mode, source_digest))

    def prepare_lines(
        self,
        organisation: str,
        lines: Sequence[bytes],
        mode: str = "valid",
        source_digest: bytes | None = None,
    ) -> Prepared:
        """Return a report of lines that the host has signed, for `take`; the record is not looked at."""
        organisation = check_organisation(organisation)
        secret = host_secret(self.keys.host_secret, organisation, lines)
        return prepare_signing(
            self.keys.host, organisation, secret, lines, self.origin, _mode(mode), source_digest
        )

    def take(self, prepared: Prepared, meanwhile: Callable[[], None] | None = None) -> bytes:
        """
        Return the receipt of a prepared report once it is durable; raises what refused it as a whole.

        `meanwhile` is called when nothing is left to do but to wait for the database.
        """
        self._check_no_fork()
        return self._writer.submit(prepared, meanwhile)

    def host_signed(self, organisation: str, lines: Sequence[bytes]) -> bytes:
        """Return the report file that the host signs for an organisation, to be handed in with others."""
        organisation = check_organisation(organisation)
        secret = host_secret(self.keys.host_secret, organisation, lines)
        file = sign_report(self.origin, self.keys.host, secret, lines, split_all(lines), organisation)
        return file.encode()

    def keep_time(self, now_ms: Callable[[], int] | None) -> None:
        """
        Take the time of reception from elsewhere, for a sample world; None: from the clock again.

        Times in the log never go back, whatever this says.
        """
        self._writer.now_ms = now_ms or clock_ms

    def enter_heads(self, progress: Progress | None = None, min_age_s: float = 0) -> int | None:
        """
        Commit to the heads of all chains; return the index of the entry, or None when nothing has changed.

        Nor is anything done while the last heads are younger than `min_age_s`.
        From then on evidence up to here proves that nothing is left out, and batteries that are new are found
        by the ends of their codes. Reports go on meanwhile.
        Raises RegistryClosed when the log may not be written.
        """
        self.check_open()
        with self.heads.locked():
            self.heads.recover(self.database)
            if self.heads.age_s() < min_age_s:  # entered by another process while this one waited
                return None
            with self.database.connect() as connection:
                about = self.heads.build(connection, progress)
            if about is None:
                return None
            index = self._writer.append_mark(about.entry)
            self.heads.settle(index)
            with self.database.connect() as connection:
                note_ends(connection)
        return index

    def check_report(self, file: bytes) -> list[dict[str, Any]]:
        """Answer as `check` does, to whoever signed these lines; raises as `report` does."""
        parsed = ReportFile.parse(file)
        self._writer.check_known_signer(
            parse_report_note(parsed.note, self.origin)
        )  # before it costs anything
        prepared = prepare(parsed, self.origin, "valid")
        lines = [line.line for line in prepared.lines]
        return self.check(prepared.note.organisation, lines, audience="reporter")

    def check(
        self, organisation: str, lines: Sequence[bytes], audience: str = "public"
    ) -> list[dict[str, Any]]:
        """
        Answer for each line whether the organisation may do this now; nothing is recorded.

        The public is answered from what is public: role, time, an end, what the law bars. Whose a battery
        is and where counts only for the audience `reporter`: the organisation itself, which is
        told so without the names of others. Authorities and auditors are told in full.
        """
        with self.database.pool.connection() as connection:
            world = World(connection, self._writer.authorities)
            now_ms = time.time_ns() // 1_000_000
            return [
                self._check_line(world, organisation, number, line, now_ms, audience)
                for number, line in enumerate(lines, 1)
            ]

    def _check_line(
        self, world: World, organisation: str, number: int, line: bytes, now_ms: int, audience: str
    ) -> dict[str, Any]:
        refusal: Refusal | None
        findings: tuple[Finding, ...] = ()
        warnings: list[dict[str, Any]] = []
        try:
            split(line)
            asked = _JUDGES.get(audience, judge_intention)
            rules = self.rulebook.rules()
            event = decode(line)
            verdict = asked(event, organisation, now_ms, world, rules)
            refusal, findings = verdict.refusal, verdict.findings
            warnings = [views.warning_as_told(one, rule_of(one, event, rules)) for one in verdict.warnings]
        except VoltrailError as error:
            refusal = error.as_refusal()
        return {
            "line": number,
            "allowed": refusal is None,
            "rule": refusal.rule if refusal else None,
            "message": refusal.message if refusal else None,
            "fix": refusal.fix if refusal else None,
            "source": refusal.source if refusal else None,
            "findings": [views.finding_as_told(finding) for finding in findings],
            "warnings": warnings,
        }

    # ------------------------------------------------------------------ reading

    def battery(
        self,
        code: str,
        as_of: datetime | None = None,
        known_at: datetime | None = None,
        reader: Reader = PUBLIC,
    ) -> dict[str, Any]:
        """
        Return what a reader may know of a battery.

        `as_of`: the world at that time as known now. `known_at`: what the
        record knew at that time. Raises CodeError, UnknownBattery.
        """
        text = parse(code).text
        with self.database.pool.connection() as connection:
            lookup = Lookup(connection, self._writer.authorities, as_of, known_at)
            state = lookup.battery(text)
            if state is None:
                raise unknown_battery(text)
            model = lookup.state("model:" + state.model_id) if state.model_id else None
            where = effective(state, lookup.battery)
            sight = self.sights(connection).sight(text, reader)
            eyes = sight.state(_earliest_ms(as_of, known_at))
            seen = eyes.see(BATTERY, "transport")
            travels = travels_of(lookup, text, as_of, known_at).state if seen else None
            known = model if isinstance(model, Model) else None
            return views.battery_view(state, where, known, eyes, travels)

    def eyes(self, code: str, reader: Reader) -> Eyes:
        """Return what a reader has for a battery's state as it is now. Raises CodeError."""
        with self.database.pool.connection() as connection:
            return self.sights(connection).sight(parse(code).text, reader).state()

    def load(self, code: str) -> Load:
        """Return a battery as a load to be shipped. Raises CodeError, UnknownBattery."""
        found = self._loads.find(code)
        if found is None:
            raise unknown_battery(parse(code).text)
        return found

    def passport(
        self,
        code: str,
        reader: Reader = PUBLIC,
        as_of: datetime | None = None,
        number: int | None = None,
    ) -> Told:
        """
        Return what a reader may know of a battery's EU passport, or of that which it had at a time.

        It is the last that was issued, or that of a number. Raises CodeError, UnknownBattery, NotFound.
        """
        text = parse(code).text
        with self.database.pool.connection() as connection:
            eyes = self.sights(connection).sight(text, reader).state(_earliest_ms(as_of, None))
            told = self._passports.tell(connection, text, eyes, as_of, number)
        if told is None:
            raise unknown_battery(text)
        return told.given_by(passports.issuer(self.host, self.keys, as_of))

    def export_passports(
        self, form: str, reader: Reader, model: str | None = None
    ) -> Iterator[tuple[int, int, bytes]]:
        """
        Yield all passports, or those of a model, as lines of JSON, in one form, for a reader.

        Each time with how many batteries were looked at, and of how many. Raises UsageError.
        """
        by = passports.issuer(self.host, self.keys)
        return passports.export(self.database, self.authorities, by, form, reader.eyes, model)

    @property
    def host(self) -> str:
        """The name of the host under which this registry is found."""
        return self.origin.partition("/")[0]

    def credential_keys(self) -> list[Verifier]:
        """Return the keys by which others verify the credentials that this host issues."""
        with self.database.pool.connection() as connection:
            lookup = Lookup(connection, self._writer.authorities, None, None)
            return passports.issuing_keys(lookup, self.settings.host, self.keys.host.verifier)

    def has_battery(self, code: str) -> bool:
        """Return whether any event of this record names a battery."""
        with self.database.pool.connection() as connection:
            return Lookup(connection, self._writer.authorities, None, None).battery(code) is not None

    def model_values(self, model: Model) -> dict[str, Known]:
        """Return what passports say the same of each battery of a model, by point."""
        with self.database.pool.connection() as connection:
            lookup = Lookup(connection, self._writer.authorities, None, None)
            return passports.values_of(lookup, model, self.origin.partition("/")[0])

    def sale(self, vin: str) -> Recorded | None:
        """Return the last sale of a vehicle that counts, or None."""
        with self.database.pool.connection() as connection:
            lookup = Lookup(connection, self._writer.authorities, None, None)
            return sale_of(vin, lookup.chain("vehicle:" + vin))

    def owned(self, reader: Reader) -> list[dict[str, Any]]:
        """Return the batteries on record in the vehicle that a reader owns, with `campaigns` of recalls."""
        found: list[dict[str, Any]] = []
        if reader.claim is None:
            return found
        with self.database.pool.connection() as connection:
            lookup, sights = Lookup(connection, self.authorities, None, None), self.sights(connection)
            vehicle = lookup.state("vehicle:" + reader.claim.vin)
            for code in vehicle.batteries if isinstance(vehicle, Vehicle) else ():
                state = lookup.battery(code)
                if state is not None:
                    where, eyes = effective(state, lookup.battery), sights.sight(code, reader).state()
                    view = views.battery_view(state, where, None, eyes)
                    found.append(view | {"campaigns": list(state.campaigns)})
        return found

    def history(
        self,
        code: str,
        reader: Reader = PUBLIC,
        limit: int = 100,
        before: int | None = None,
        order: Order = "log",
    ) -> dict[str, Any]:
        """
        Return a battery's events, `limit` of them, the last in the log first, or the last that happened.

        `next` is the `before` of the next page, or None: the index of the last event on this one.
        """
        text, limit = parse(code).text, _limit(limit)
        with self.database.pool.connection() as connection:
            found, count = _life(connection, text)
            sight = self.sights(connection).sight(text, reader)
        page = _from(found, before, order)
        told = self.told(page[:limit], sight, found)
        return {
            "code": text,
            "events": told,
            "count": count,
            "next": page[limit - 1][0] if len(page) > limit else None,
        }

    def life(self, snapshot: Snapshot, code: str, reader: Reader) -> tuple[list[Any], Sight]:
        """Return a battery's events as of a snapshot, the last in the log first, and the reader's sight."""
        text = parse(code).text
        found, _ = _life(snapshot.connection, text)
        with self.database.pool.connection() as notes:
            sights = Sights(snapshot.connection, self._writer.authorities, self._sinces, notes)
            return found, sights.sight(text, reader)

    def told(self, rows: Sequence[Any], sight: Sight, life: Sequence[Any] = ()) -> list[dict[str, Any]]:
        """
        Return events as a reader is given them; `life` are all of the battery's, the last in the log first.

        Without those nothing is said of corrections and of what came late.
        """
        corrected: dict[int, int] = {}
        for seq, kind, *_, line, _found in life[::-1]:
            if kind == "corrected":
                corrected[msgspec.json.decode(line)["corrects"]] = seq
        late = _reported_late(life) if life else set()
        return [self._event(event, sight, corrected) | {"reported_late": event[0] in late} for event in rows]

    def _event(self, row: Sequence[Any], sight: Sight, corrected: dict[int, int]) -> dict[str, Any]:
        seq, kind, occurred_at, received_ms, reporter, line, found = row
        eyes = sight.event(kind, seq, int(occurred_at.timestamp() * 1000), reporter)
        members, withheld = views.event_view(kind, line, eyes)
        findings = msgspec.json.decode(found, type=list[Finding]) if found else []
        sees_reporter = eyes.see(BATTERY, "reporter")
        return {
            "index": seq,
            "kind": kind,
            "occurred_at": members.get("occurred_at", occurred_at.isoformat()),
            "received_at": views.iso_ms(received_ms),
            "reporter": reporter if sees_reporter else None,
            "members": members,
            "withheld": withheld if sees_reporter else [*withheld, "reporter"],
            "findings": views.findings_view(findings, eyes),
            "corrected_by": corrected.get(seq),
        }

    def contradictions(self, code: str, reader: Reader) -> list[VehiclePack]:
        """Return where vehicles contradict the record about a battery, as far as a reader may see them."""
        text = parse(code).text
        if not self.eyes(text, reader).see(BATTERY, "vin"):
            return []
        found = [one for one in self.vehicle_packs.of_battery(text) if one.discrepancy is not None]
        return self.of_seen_vehicles(found, reader, text)

    def of_seen_vehicles(
        self, found: Iterable[VehiclePack], reader: Reader, code: str | None = None
    ) -> list[VehiclePack]:
        """
        Return those of which a reader might see the vehicle then, by one battery or any that they name.

        Nobody learns where a battery was before it was his.
        """
        with self.database.pool.connection() as connection:
            sights = self.sights(connection)
            return [
                one
                for one in found
                if any(
                    sights.sight(name, reader).state(int(one.last_at.timestamp() * 1000)).see(BATTERY, "vin")
                    for name in ((code,) if code is not None else (one.code, *one.expected))
                )
            ]

    def snapshot(self) -> Snapshot:
        """
        Return the record at this moment, to read much of it; the caller closes it.

        Raises RegistryClosed when nothing is promised any more, RegistryError.
        """
        self.check_open()
        return Snapshot(self.database, self.anchor)

    def sights(self, connection: Connection) -> Sights:
        """Return the sights of readers, seen through a connection."""
        return Sights(connection, self._writer.authorities, self._sinces)

    def has_role(self, organisation: str, role: str) -> bool:
        """Return whether an organisation has a role on record now."""
        with self.database.pool.connection() as connection:
            known = World(connection, self._writer.authorities).organisation(organisation)
        return known is not None and has_role(known, {role}, datetime.now(UTC))

    def takers(self, code: str, today: date, reader: Reader = PUBLIC) -> list[Taker]:
        """
        Return who must take a battery back on a day, as far as a reader may know.

        Raises CodeError, UnknownBattery.
        """
        text = parse(code).text
        with self.database.pool.connection() as connection:
            lookup = Lookup(connection, self._writer.authorities, None, None)
            state = lookup.battery(text)
            if state is None:
                raise unknown_battery(text)
            model = lookup.state("model:" + state.model_id) if state.model_id else None
            eyes = self.sights(connection).sight(text, reader).state()
            sees = eyes.see(BATTERY, "reporter")
            life = effective_events(lookup.chain("battery:" + text), "battery:" + text) if sees else []
            return takers(
                life,
                model if isinstance(model, Model) else None,
                self.rulebook.rules(),
                today,
                sees_reporters=sees,
            )

    def roles_of(self, organisation: str | None) -> frozenset[str]:
        """Return the roles that an organisation has on record now."""
        if organisation is None:
            return frozenset()
        with self.database.pool.connection() as connection:
            known = World(connection, self._writer.authorities).organisation(organisation)
        return roles_at(known, datetime.now(UTC)) if known is not None else frozenset()

    def declared(self, model_id: str) -> Model | None:
        """Return what the record says of a model, or None where nobody has declared it."""
        _check_text(model_id)
        with self.database.pool.connection() as connection:
            return catalogue.read_model(connection, model_id)

    def genealogy(self, code: str, depth: int = 8) -> dict[str, Any]:
        """Return a battery's family: what it is in, its parts, what it was made from and into."""
        text = parse(code).text
        with self.database.pool.connection() as connection:
            lookup = Lookup(connection, self._writer.authorities, None, None)
            if lookup.battery(text) is None:
                raise unknown_battery(text)
            return Family(lookup).tree(text, max(0, min(depth, 32)))

    def evidence(self, code: str, reader: Reader = PUBLIC) -> bytes:
        """
        Return the evidence file of a battery; what the reader may not see is withheld.

        It stands under the last checkpoint that a quorum of witnesses cosigned; while that does not reach
        the battery's first event, under the last published one.
        """
        text = parse(code).text
        with self.database.pool.connection() as connection:
            sight = self.sights(connection).sight(text, reader)
            built = self.evidence_of(connection, "battery:" + text, sight)
        if built is None:
            raise unknown_battery(text)
        return built

    def evidence_of(self, connection: Connection, subject: str, sight: Sight) -> bytes | None:
        """Return the evidence file of any subject; None where the record does not know it."""
        for note, checkpoint in self._checkpoints():
            built = evidence.build(
                connection,
                subject,
                sight,
                Standing(self.logs, note, checkpoint.size),
                self.settings.authorities,
                self.heads.newest(self.log.place.base + checkpoint.size),
            )
            if built is not None:
                return built
        return None

    def recycled_content(
        self, code: str, reader: Reader = PUBLIC
    ) -> tuple[recycled_content.Told | None, bool]:
        """
        Return what of a battery is recycled, and whether the reader may see from which lots.

        None where nothing on record went into it. Raises CodeError, UnknownBattery.
        """
        text = parse(code).text
        self.lots.follow()
        with self.database.pool.connection() as connection:
            lookup = Lookup(connection, self._writer.authorities, None, None)
            battery = lookup.battery(text)
            if battery is None:
                raise unknown_battery(text)
            model = lookup.state("model:" + battery.model_id) if battery.model_id is not None else None
            told = recycled_content.tell(connection, battery, model if isinstance(model, Model) else None)
            eyes = self.sights(connection).sight(text, reader).state()
            theirs = told is not None and reader.organisation in told.makers
            return told, theirs or eyes.see("credit_spent", "mass_kg")

    def recycled_proof(self, code: str) -> bytes:
        """
        Return the file that proves a battery's recycled content, with the chains of all lots upstream.

        It shows events on material whole. Raises CodeError; NotFound where the battery is not on record or
        heads do not reach all chains yet; UsageError where nothing is on record that went into it.
        """
        text = parse(code).text
        while self.lots.follow():
            pass
        note, checkpoint, tree = self._with_heads()
        standing = Standing(self.logs, note, checkpoint.size)

        with self.database.pool.connection() as connection:

            def evidence_of(subject: str, sight: Sight) -> bytes:
                return self._bound(connection, subject, sight, standing, tree)

            lookup = Lookup(connection, self._writer.authorities, None, None)
            return recycled_proof.prove(connection, lookup, text, evidence_of)

    def stage_certificate(self, model_id: str, stage: str, reader: Reader = PUBLIC) -> bytes:
        """
        Return the file that proves that a model has reached a stage; what the reader may not see is withheld.

        Raises NotFound where the model is not on record, or heads do not reach the chains yet; UsageError
        where no such stage was granted on what still stands.
        """
        found = self.qualifications.of(model_id)
        note, checkpoint, tree = self._with_heads()
        standing = Standing(self.logs, note, checkpoint.size)
        grant = granted(found, stage)
        with self.database.pool.connection() as connection:
            return certificate.write(
                model_id,
                stage,
                (
                    self._bound(
                        connection, subject, sight_of(found.maker, reader), standing, tree, grant.index
                    )
                    for subject in named_in(found, grant, self.authorities)
                ),
            )

    def _bound(
        self,
        connection: Connection,
        subject: str,
        sight: Sight,
        standing: Standing,
        tree: Tree,
        upto: int = -1,
    ) -> bytes:
        """Return the evidence of a subject with its head; NotFound where that is not as far as an entry."""
        built = evidence.build(connection, subject, sight, standing, self.settings.authorities, tree)
        if built is None or tree.find(subject) is None or standing.upto <= upto:
            raise NotFound(
                "heads.behind",
                f"The heads do not reach {subject} yet.",
                "Run `voltrail log heads`; if there are witnesses, wait until they cosigned.",
            )
        return built

    def absence(self, subject: str, audience: str = "public") -> bytes:
        """
        Return the file that proves that a subject, such as `battery:CODE`, has no event in the record.

        For authorities and auditors: the places of two other subjects show. Raises AccessError, and
        UsageError when the record has events of the subject, NotFound before the first heads; EventError or
        CodeError for what no subject can be called.
        """
        _check_audience(audience, ABSENCE_AUDIENCES, "Proofs of absence show the places of other subjects.")
        check_subject(subject)
        note, checkpoint, tree = self._with_heads()
        with self.database.pool.connection() as connection:
            return evidence.absence(connection, subject, self.log.place, note, checkpoint, tree)

    def heads_leaves(self, audience: str = "public") -> Iterator[bytes]:
        """Yield, in pieces, the file of the newest heads tree for its auditor: a JSON line, then the rows."""
        _check_audience(audience, LEAVES_AUDIENCES, "The rows show how many events each subject has.")
        note, checkpoint, tree = self._with_heads()
        with self.database.pool.connection() as connection:
            header = evidence.leaves_header(connection, self.log.place, note, checkpoint, tree)
        yield header + b"\n"
        with tree.rows_path.open("rb") as rows:
            while piece := rows.read(ROW_BYTES << 14):
                yield piece

    def linked(self, gtin: str, serial: str) -> list[str]:
        """Return the codes that a Digital Link with this GTIN and serial number (AI 21) may mean."""
        _check_text(serial)
        with self.database.pool.connection() as connection:
            return links.codes_of(connection, gtin, serial)

    def gtins(self, codes: Collection[str]) -> dict[str, str | None]:
        """Return the GTIN of the model of each of these batteries that is on record; None for no GTIN."""
        with self.database.pool.connection() as connection:
            return links.gtins_of(connection, [f"battery:{code}" for code in codes])

    def search(self, text: str, limit: int = 20) -> list[dict[str, Any]]:
        """Return what a text may mean: batteries, organisations, models; see `Search.find`."""
        _check_text(text)
        return self._search.find(text, _limit(limit))

    def batteries(
        self,
        level: str | None = None,
        place: str | None = None,
        limit: int = 50,
        after: str | None = None,
        model: str | None = None,
    ) -> list[dict[str, Any]]:
        """Return batteries in the order of their codes, after one, narrowed by the others."""
        query, values = battery_rows(level, place, model, after)
        with self.database.pool.connection() as connection:
            rows = connection.execute(
                query + " limit %(limit)s", values | {"limit": _limit(limit)}
            ).fetchall()
        return [
            {
                "code": name.removeprefix("battery:"),
                "level": parse(name.removeprefix("battery:")).level,
                "place": place_now,
                "phase": phase,
                "model_id": model,
                "events": k,
            }
            for name, place_now, phase, model, k in rows
        ]

    def organisation(self, identifier: str) -> dict[str, Any]:
        """Return what everybody may know of an organisation; UnknownOrganisation when there is none."""
        _check_text(identifier)
        with self.database.pool.connection() as connection:
            found = World(connection, self._writer.authorities).organisation(identifier)
        if found is None:
            raise UnknownOrganisation(
                "organisation.unknown",
                f"The record does not know an organisation {identifier}.",
                "Check the identifier: an 18-character credit code, or an LEI of 20.",
            )
        return views.organisation_view(found)

    def lets_host_sign(self, identifier: str) -> bool:
        """Return whether the host may sign for an organisation, as far as its keys on record say."""
        with self.database.pool.connection() as connection:
            found = World(connection, self._writer.authorities).organisation(identifier)
        return found is None or found.lets_host_sign

    def organisations(self, limit: int = 200, after: str | None = None) -> list[dict[str, Any]]:
        """Return the organisations of the record in the order of their identifiers, after one."""
        _check_text(after)
        with self.database.pool.connection() as connection:
            rows = connection.execute(
                "select id, state from subject where id > %s and id < 'organisation;' order by id limit %s",
                ("organisation:" + (after or ""), _limit(limit)),
                binary=True,
            ).fetchall()
        states = [decode_state(name, bytes(state)) for name, state in rows]
        return [views.organisation_view(state) for state in states if isinstance(state, Organisation)]

    def names(self, identifiers: Iterable[str]) -> dict[str, str]:
        """Return the names of those of these organisations that the record knows."""
        wanted = [f"organisation:{identifier}" for identifier in identifiers]
        if not wanted:
            return {}
        with self.database.pool.connection() as connection:
            rows = connection.execute(
                "select id, state from subject where id = any(%s)", (wanted,), binary=True
            ).fetchall()
        states = [decode_state(name, bytes(state)) for name, state in rows]
        return {one.identifier: one.name for one in states if isinstance(one, Organisation)}

    def model(self, identifier: str) -> dict[str, Any]:
        """
        Return what everybody may know of a model, and how many batteries are of it.

        One that batteries name and nobody has declared is known by its id alone. NotFound when none names it.
        """
        _check_text(identifier)
        with self.database.pool.connection() as connection:
            declared = catalogue.read_model(connection, identifier)
            batteries = catalogue.count_batteries(connection, identifier)
        if declared is None and not batteries["count"]:
            raise NotFound(
                "model.unknown",
                f"The record does not know a model {identifier[:80]}.",
                "Check its id; GET /models lists those that are declared.",
            )
        return views.model_view(declared or Model(identifier)) | {
            "declared": declared is not None,
            "batteries": batteries,
        }

    def models(
        self, maker: str | None = None, limit: int = 200, after: str | None = None
    ) -> tuple[list[dict[str, Any]], str | None]:
        """Return declared models in the order of their ids, of one maker or all, and the next `after`."""
        _check_text(maker)
        _check_text(after)
        with self.database.pool.connection() as connection:
            found, following = catalogue.list_models(connection, maker, _limit(limit), after)
        return [views.model_view(model) for model in found], following

    def own_models(self, maker: str, limit: int, after: str | None) -> tuple[list[Model], str | None]:
        """Return a maker's models as the record has them, in the order of their ids, and the next `after`."""
        _check_text(after)
        with self.database.pool.connection() as connection:
            return catalogue.list_models(connection, maker, _limit(limit), after)

    def index_of_line(self, organisation: str, line: bytes) -> int | None:
        """Return the entry by which an organisation's line is on record, None for one that is not."""
        (subject, *_) = subjects(decode(line))
        with self.database.pool.connection() as connection:
            world = World(connection, self._writer.authorities)
            return world.known_lines(world.slot(subject)).get((organisation, line))

    def received_at(self, indices: Sequence[int]) -> dict[int, str]:
        """Return when the events at these places of the log were received."""
        with self.database.pool.connection() as connection:
            rows = connection.execute(
                "select seq, received_ms from event where seq = any(%s)", (list(indices),)
            ).fetchall()
        return {seq: views.iso_ms(received_ms) for seq, received_ms in rows}

    def checkpoint(self) -> str:
        """Return the last published checkpoint: the one that is anchored."""
        return self._anchored()[0]

    def witnessed_checkpoint(self) -> str:
        """Return the last checkpoint that a quorum of the policy's witnesses cosigned."""
        witnessed = self.witnessed.read()
        if witnessed is None:
            raise NotFound(
                "log.not_witnessed",
                "No checkpoint of this log is witnessed yet.",
                "Ask again in a minute; GET /log/witnesses says which witnesses answer.",
            )
        return witnessed[0]

    def closed_log(self, number: int) -> PublicLog:
        """Return a closed log for the public; NotFound when there is none of that number."""
        log = self.logs.number(number)
        published = log.note, log.checkpoint
        return PublicLog(self.database, log, (Verifier(log.vkey),), lambda: published)

    def log_at(self, index: int) -> PublicLog:
        """Return the log in which an index of the record stands."""
        number = self.logs.at(index).number
        return self.log if number == self.logs.newest.number else self.closed_log(number)

    def hold_against(self, note: str) -> None:
        """
        Hold a checkpoint that someone else was shown against the record.

        When this log's own key signed it and it tells another history, the log has forked: it closes, and
        the note is kept as the proof. Raises RegistryClosed (`log.fork`) then, NoteError when it is not this
        log's.
        """
        checkpoint, anchored = self._forks.open(note), self.anchor.read()
        size = anchored[1].size if anchored else 0
        if checkpoint.size <= size and self.log.root(checkpoint.size) == checkpoint.root:
            return
        self._forks.keep(note)
        self.closed = self._forks.closing(checkpoint, size)
        raise self.closed

    def _remember_fork(self) -> None:
        """Close the log when what is kept of it, proof of a fork or witnessed checkpoint, contradicts it."""
        witnessed = self.witnessed.read()
        for note in (self._forks.kept(), witnessed and witnessed[0]):
            if note is not None:
                with suppress(RegistryClosed, NoteError):
                    self.hold_against(note)

    def _check_no_fork(self) -> None:
        if self.closed is not None and self.closed.rule == FORK:
            raise self.closed

    def check_open(self) -> None:
        """Raise RegistryClosed when what the log has promised and the database differ."""
        if self.closed is not None:
            raise self.closed
        self._writer.check_open()

    def counts(self) -> dict[str, int]:
        """Return how much the record holds, as counted when it was written: one row is read."""
        with self.database.pool.connection() as connection:
            size, batteries, organisations = connection.execute(
                "select base + size, batteries, organisations from log"
            ).fetchone() or (0, 0, 0)
            (reports,) = connection.execute("select coalesce(max(id) + 1, 0) from report").fetchone() or (0,)
        return {"entries": size, "reports": reports, "batteries": batteries, "organisations": organisations}

    def latest(self, limit: int = 5) -> list[dict[str, Any]]:
        """Return the first event of each of the last reports about a battery or organisation, last first."""
        with self.database.pool.connection() as connection:
            rows = connection.execute(
                "select e.seq, e.kind, e.received_ms, e.subjects from"
                " (select first_seq from report where accepted > 0 order by id desc limit %s) r"
                " join event e on e.seq = r.first_seq order by e.seq desc",
                (_limit(limit),),
            ).fetchall()
        found = [
            {"index": seq, "kind": kind, "received_at": views.iso_ms(ms), "subject": what, "id": name}
            for seq, kind, ms, subjects in rows
            for what, _, name in [one.partition(":") for one in subjects]
            if what in {"battery", "organisation"}
        ]
        return [one for at, one in enumerate(found) if not at or one["index"] != found[at - 1]["index"]]

    def metrics(self) -> dict[str, int]:
        """Return cheap gauges for monitoring: the log's size in the database, and as published."""
        with self.database.pool.connection() as connection:
            row = connection.execute("select size, received_ms from log").fetchone()
        anchored, witnessed = self.anchor.read(), self.witnessed.read()
        size, received_ms = row or (0, 0)
        return {
            "log_size": size,
            "log_published_size": anchored[1].size if anchored else 0,
            "log_witnessed_size": witnessed[1].size if witnessed else 0,
            "last_received_ms": received_ms,
        }

    def _with_heads(self) -> tuple[str, Checkpoint, Tree]:
        """Return the best checkpoint with a heads tree of its log under it, and the newest such tree."""
        base = self.log.place.base
        for note, checkpoint in self._checkpoints():
            tree = self.heads.newest(base + checkpoint.size)
            if tree is not None and tree.index >= base:
                return note, checkpoint, tree
        raise NotFound("heads.none", "No heads have been entered yet.", "Run: `voltrail log heads`")

    def _checkpoints(self) -> list[tuple[str, Checkpoint]]:
        """Return what proofs may stand under, the best first: the witnessed checkpoint, the published one."""
        anchored, witnessed = self._anchored(), self.witnessed.read()
        # One beyond the anchor means that the anchor was put back, which the witnesses find out.
        if witnessed is None or witnessed[1].size > anchored[1].size:
            return [anchored]
        return [witnessed, anchored]

    def _anchored(self) -> tuple[str, Checkpoint]:
        """Return the anchored checkpoint as it is published: with both of the log's signatures."""
        self.check_open()
        anchored = self.anchor.read()
        if anchored is None or not anchored[1].size:
            raise NotFound(
                "log.empty", "The log is empty: nothing has been reported yet.", "Report something first."
            )
        note, checkpoint = anchored
        return self._second.beside(note, checkpoint), checkpoint


def battery_rows(
    level: str | None, place: str | None, model: str | None, after: str | None = None
) -> tuple[str, dict[str, Any]]:
    """Return the query for batteries by their codes: id, place, phase, model, events. Raises UsageError."""
    _check_text(after)
    _check_text(place)
    _check_text(model)
    letters = {"pack": "P", "module": "M", "cell": "C", None: None}
    if level not in letters:
        raise UsageError("usage.level", f"There is no level {level!r}.", "Use pack, module or cell.")
    query = (
        "select id, place, phase, model, k from subject where id > %(after)s and id like 'battery:%%'"
        " and (%(letter)s::text is null or substr(id, 12, 1) = %(letter)s)"
        " and (%(place)s::text is null or place = %(place)s) and id < 'battery;'"
    )
    if model:  # said only when meant, so that its index is used
        query += " and model = %(model)s"
    values = {"after": "battery:" + (after or ""), "letter": letters[level], "place": place, "model": model}
    return query + " order by id", values


def _life(connection: Connection, code: str) -> tuple[list[Any], int]:
    """Return a battery's events, the last in the log first, and how many they are."""
    subject = "battery:" + code
    row = connection.execute("select seq, k from subject where id = %s", (subject,)).fetchone()
    if row is None:
        raise unknown_battery(code)
    found = connection.execute(
        """
        with recursive walk as (
            select e.*, array_position(e.subjects, %(subject)s) as at
            from event e where e.seq = %(last)s
          union all
            select e.*, array_position(e.subjects, %(subject)s)
            from walk w join event e on e.seq = w.before[w.at]
        )
        select w.seq, w.kind, w.occurred_at, w.received_ms, r.organisation, w.line, w.findings
        from walk w join report r on r.id = w.report order by w.seq desc
        """,
        {"subject": subject, "last": row[0]},
    ).fetchall()
    return found, row[1]


def _earliest_ms(*times: datetime | None) -> int | None:
    """Return the earliest of some times in milliseconds since 1970, None when none is given."""
    given = [int(when.timestamp() * 1000) for when in times if when is not None]
    return min(given, default=None)


def _from(found: list[Any], before: int | None, order: Order) -> list[Any]:
    """Return a battery's events, given the last in the log first, in an order, from behind `before` on."""
    if order == "log":
        return [event for event in found if before is None or event[0] < before]
    lived = sorted(found, key=lambda event: (event[2], event[0]), reverse=True)
    return lived[next((at for at, event in enumerate(lived, 1) if event[0] == before), 0) :]


def _reported_late(found: Sequence[Any]) -> set[int]:
    """Return the indices of events that happened before one that had already been received."""
    late: set[int] = set()
    newest = None
    for _, together in groupby(found[::-1], key=lambda event: event[3]):
        events = list(together)  # received at one moment: none of them came before the other
        late |= {event[0] for event in events if newest is not None and event[2] < newest}
        newest = max([event[2] for event in events] + ([newest] if newest is not None else []))
    return late


def _check_audience(audience: str, allowed: frozenset[str], why: str) -> None:
    if audience not in allowed:
        raise AccessError("access.heads", why, f"It is for: {', '.join(sorted(allowed))}.")


def _check_text(text: str | None) -> None:
    if text is not None and "\0" in text:
        raise UsageError("usage.text", "U+0000 stands in what is asked for.", "Leave it out: no name has it.")


def _mode(mode: str) -> Mode:
    if mode not in {"all", "valid"}:
        raise UsageError("usage.mode", f"There is no mode {mode!r}.", "Use all or valid.")
    return mode  # type: ignore[return-value]


def _limit(limit: int) -> int:
    return max(1, min(limit, MAX_PAGE))

"""
The values of a passport, from the record: what a model's maker declared, and what happened to the battery.

Nothing is filled in by hand that the record knows. What somebody measured last counts; what follows from two
values (fades, the state of certified energy) is computed from them, unless it was measured itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from voltrail.codes import parse
from voltrail.errors import VoltrailError
from voltrail.events import kinds
from voltrail.events.epcis.identifiers import escape
from voltrail.events.points import POINTS, Value
from voltrail.lifecycle import Battery, Issued, Model, Organisation, Recorded
from voltrail.lifecycle.passports import answers_for
from voltrail.organisations.trust import Site
from voltrail.passport.validate import COUNTERS

SCHEMA_VERSION: Final = "EN 18223:2026"


class Known(msgspec.Struct, frozen=True):
    """
    A value of a point: from which entries of the log it comes; none where the code itself says it.

    `derived` says that it was computed from the values of others. `at` is when it was measured, of what is.
    """

    value: Value
    entries: tuple[int, ...] = ()
    derived: bool = False
    at: datetime | None = None


class Passport(msgspec.Struct, frozen=True):
    """What a passport says, by point; `series` are the values that counters had, in their order."""

    code: str
    values: dict[str, Known]
    series: dict[str, list[float]]

    @property
    def plain(self) -> dict[str, Value]:
        """The values alone."""
        return {name: known.value for name, known in self.values.items()}

    @property
    def category(self) -> str:
        """The category, that of vehicles where none is declared."""
        known = self.values.get("category")
        return str(known.value) if known is not None else "ev"


class Sources(msgspec.Struct, frozen=True):
    """
    What a passport is made from: a battery's state and its events that count, in their order; its model; by
    identifier the organisations that the two name, and the sites; the host under which its page is found.

    `issued` is the passport meant, where it was issued; else the last one of the battery. `recycled` is what
    the record shows of its recycled content, by point: it stands over what a maker declares.
    """

    battery: Battery
    events: Sequence[Recorded]
    model: Model | None
    organisation: Callable[[str], Organisation | None]
    site: Callable[[str], Site | None]
    host: str
    issued: Issued | None = None
    recycled: Mapping[str, Known] = {}

    @property
    def passport(self) -> Issued | None:
        """The passport meant; None where none was issued yet."""
        if self.issued is not None:
            return self.issued
        return self.battery.passports[-1] if self.battery.passports else None

    @property
    def address(self) -> str:
        """The address of the battery's page, which its label carries."""
        return f"https://{self.host}/b/{self.battery.code}"


def compose(sources: Sources, same: Mapping[str, Known] | None = None) -> Passport:
    """
    Return the passport of a battery. Total: what the record does not know is not in it.

    `same` is what `of_model` gives, where it is known already: many batteries share it.
    """
    battery, model = sources.battery, sources.model
    known = dict(same or {})
    if model is not None and same is None:
        known = of_model(model, sources.organisation, sources.host)
    known |= sources.recycled
    known |= _of_code(battery.code)
    known |= _of_life(sources)
    series: dict[str, list[float]] = {name: [] for name in COUNTERS}
    known |= _measured(sources.events, series)
    known |= {name: one for name, one in _derived(known) if name not in known}
    ordered = {name: known[name] for name in POINTS if name in known}
    return Passport(battery.code, ordered, {name: found for name, found in series.items() if found})


def of_model(model: Model, organisation: Callable[[str], Organisation | None], host: str) -> dict[str, Known]:
    """Return what is the same for each battery of a model, in the order of the catalogue."""
    known = _of_documents(model, host) | _of_model(model, organisation)
    return {name: known[name] for name in POINTS if name in known}


_PAPERS: Final = {
    "disassembly": "dismantling",
    "safety": "safety_measures",
    "carbon_footprint": "footprint_study",
    "due_diligence": "due_diligence_report",
    "conformity": "conformity_declaration",
    "test_report": "test_reports",
}
"""Which point tells where the document for a purpose is."""


def _of_documents(model: Model, host: str) -> dict[str, Known]:
    """Return where the last document for each purpose is; an address that the maker declares comes after."""
    return {
        point: Known(f"https://{host}/documents/{one.digest}?model={escape(model.model_id)}", (one.index,))
        for one in model.documents
        if (point := _PAPERS.get(one.purpose)) is not None
    }


def _of_model(model: Model, organisation: Callable[[str], Organisation | None]) -> dict[str, Known]:
    """Return what the maker declared, in either kind of event; the points come after what is older."""
    found: dict[str, Value | None] = {
        "model_id": model.model_id,
        "chemistry": model.chemistry,
        "mass_kg": model.mass_kg,
        "rated_capacity_ah": model.capacity_ah,
        "certified_energy_kwh": model.energy_kwh,
        "voltage_nominal_v": model.voltage_v,
    }
    if model.maker is not None:
        found |= _named("manufacturer", model.maker, organisation(model.maker))
    known = {name: Known(value) for name, value in found.items() if value is not None}
    return known | {name: Known(said.value, (said.index,)) for name, said in model.points.items()}


def _named(who: str, identifier: str, organisation: Organisation | None) -> dict[str, Value | None]:
    """Return what a passport says of an organisation: as it is registered."""
    name = (organisation.name or None) if organisation is not None else None
    address = organisation.address if organisation is not None else None
    return {
        f"{who}_id": identifier, f"{who}_name": name, f"{who}_trade_name": name, f"{who}_address": address,
    }  # fmt: skip


def _of_code(code: str) -> dict[str, Known]:
    try:
        parsed = parse(code)
    except VoltrailError:
        return {"serial_number": Known(code)}
    found: dict[str, Known] = {"serial_number": Known(code)}
    if parsed.production_date is not None:
        found["manufactured_on"] = Known(parsed.production_date.isoformat())
    return found


def _of_life(sources: Sources) -> dict[str, Known]:
    """Return what follows from what happened to the battery."""
    battery, address, issued = sources.battery, sources.address, sources.passport
    number = 1 if issued is None else issued.number
    found: dict[str, Known] = {
        "schema_version": Known(SCHEMA_VERSION),
        "granularity": Known("item"),
        "passport_id": Known(f"{address}/passport/{number}", () if issued is None else (issued.index,)),
        "battery_id": Known(address),
        "passport_status": _passport_status(issued),
        "status": Known(_status(battery)),
        "accidents": Known(f"{address}#life"),
    }
    if battery.latest is not None:
        found["updated_at"] = Known(battery.latest.astimezone(UTC).isoformat().replace("+00:00", "Z"))
    maker = sources.model.maker if sources.model is not None else None
    responsible = answers_for(sources.events) or battery.operator or maker
    if responsible is not None:
        named = _named("operator", responsible, sources.organisation(responsible))
        found |= {name: Known(value) for name, value in named.items() if value is not None}
    for one in sources.events:
        found |= _of_event(one, sources.site)
    return found


def _of_event(one: Recorded, site_of: Callable[[str], Site | None]) -> dict[str, Known]:
    event: Any = one.event
    at = (one.index,)
    if isinstance(event, kinds.Manufactured):
        found = {
            "mass_kg": event.mass_kg,
            "certified_energy_kwh": event.energy_kwh,
            "facility_id": event.site,
        }
        known = {name: Known(value, at) for name, value in found.items() if value is not None}
        site = site_of(event.site) if event.site is not None else None
        if site is not None and site.address:
            known["manufacturing_place"] = Known(site.address, at)
        return known
    if isinstance(event, kinds.Enrolled) and event.manufactured_on is not None:
        return {"manufactured_on": Known(event.manufactured_on, at)}
    if isinstance(event, kinds.Sold):
        return {"in_service_on": Known(event.occurred_at.date().isoformat(), at)}
    return {}


def _status(battery: Battery) -> str:
    phase = battery.phase if battery.phase != "ended" else battery.phase_before_end
    return phase if phase in POINTS["status"].choices else "waste"


def _passport_status(issued: Issued | None) -> Known:
    """Return whether a passport is in force, and from which entry on; before it is issued it is a draft."""
    if issued is None:
        return Known("draft")
    return Known(issued.status, (issued.index if issued.ended_by is None else issued.ended_by,))


def _measured(events: Iterable[Recorded], series: Mapping[str, list[float]]) -> dict[str, Known]:
    """Return the last value of each point that somebody measured; note those of counters."""
    found: dict[str, Known] = {}
    for one in events:
        event: Any = one.event
        if isinstance(event, kinds.Manufactured):
            said: dict[str, Value | None] = {**(event.points or {})}
        elif isinstance(event, kinds.Measured):
            said = _said(event)
        else:
            continue
        for name, value in said.items():
            if value is not None:
                found[name] = Known(value, (one.index,), at=event.occurred_at)
                if name in series and isinstance(value, int | float):
                    series[name].append(value)
    return found


def _said(event: kinds.Measured) -> dict[str, Value | None]:
    """
    Return what was measured, by point; None for what was not.

    A state of health is not here: of what it is the share is not said, so it is no state of certified energy.
    """
    return {
        "capacity_ah": event.capacity_ah,
        "energy_kwh": event.energy_kwh,
        "cycles": event.cycles,
        "resistance_ohm": None if event.resistance_mohm is None else event.resistance_mohm / 1_000,
        **(event.points or {}),
    }


_FADES: Final = (
    ("capacity_fade_percent", "capacity_ah", "rated_capacity_ah"),
    ("power_fade_percent", "power_now_at_80_w", "power_at_80_w"),
    ("efficiency_fade_percent", "efficiency_now_percent", "efficiency_percent"),
)
"""What is lost of a value that a battery had when it was new: which point, of which now, against which."""


def _derived(known: Mapping[str, Known]) -> Iterable[tuple[str, Known]]:
    """Yield what follows from two values; a new battery of which nothing was measured has lost nothing."""
    for name, now, new in _FADES:
        yield from _share(known, name, now, new, lambda now, new: max(0.0, 1 - now / new))
    yield from _share(
        known,
        "energy_state_percent",
        "energy_kwh",
        "certified_energy_kwh",
        lambda now, new: min(1.0, now / new),
    )
    yield from _share(
        known,
        "resistance_increase_percent",
        "resistance_ohm",
        "resistance_pack_ohm",
        lambda now, new: max(0.0, now / new - 1),
    )


def _share(
    known: Mapping[str, Known], name: str, now: str, new: str, of: Callable[[float, float], float]
) -> Iterable[tuple[str, Known]]:
    one, other = known.get(now), known.get(new)
    if one is None or other is None:
        return
    if not isinstance(one.value, int | float) or not isinstance(other.value, int | float) or other.value <= 0:
        return
    share = round(of(one.value, other.value) * 100, 4)
    yield name, Known(share, (*one.entries, *other.entries), derived=True, at=one.at)

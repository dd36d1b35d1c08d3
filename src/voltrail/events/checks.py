"""What a typed event must hold beyond the types of its members."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Any, Final

from voltrail.codes import parse
from voltrail.errors import CodeError, EventError, VoltrailError
from voltrail.events import answers, reading
from voltrail.events import lines as strict
from voltrail.events.masses import is_exact
from voltrail.events.structs import (
    AnswerAccepted,
    Assessed,
    CampaignOpened,
    Corrected,
    CreditSpent,
    Dismantled,
    Enrolled,
    Event,
    Identified,
    Imported,
    Installed,
    KeyRevoked,
    LotCreated,
    LotProcessed,
    Measured,
    ModelCertified,
    PointsDeclared,
    Recycled,
    Remanufactured,
    Removed,
    Repurposed,
    RoleGranted,
    RoleRevoked,
    SiteRegistered,
    Sold,
    StageGranted,
    StepReported,
    Swapped,
    TestReported,
    VehicleCertified,
    VehicleExported,
    VehicleImported,
    VehicleScrapped,
    batteries,
    lots,
    subjects,
)

MAX_SUBJECTS: Final = 2_000
SUBJECTS: Final = ("battery", "vehicle", "organisation", "model", "lot", "site")


def bad_year(name: str, when: datetime) -> VoltrailError:
    """Return the error for a time no battery of the record can have."""
    return reading.value(
        f"{name} is in the year {when.year}.", "Give the time as in 2026-04-21T09:00:00+08:00."
    )


def check_times(event: Event, names: tuple[str, ...]) -> None:
    """Raise for a further time out of the record's years, or a day that the calendar does not have."""
    for name in names:
        value = getattr(event, name)
        if isinstance(value, datetime):
            if not 1990 <= value.year <= 2199:
                raise bad_year(name.rstrip("_"), value)
        elif value is not None:
            try:
                date.fromisoformat(value)
            except ValueError:
                raise reading.value(
                    f"{name} is {value!r}, a day that the calendar does not have.",
                    "Give the day as in 2026-04-21.",
                ) from None


def bad_code(text: str) -> VoltrailError:
    """Return why a code does not parse."""
    try:
        parse(text)
    except CodeError as error:
        message = f"The code {text[:40]!r} is not right. {error.message}"
        return EventError("identity.code", message, error.fix, source=error.source)
    return EventError("identity.code", f"{text[:40]!r} is not a battery code.")


def check_many(event: Event, named: tuple[str, ...]) -> None:
    """Raise when a battery is named twice, or too many are."""
    if len(set(named)) != len(named):
        twice = next(code for code in named if named.count(code) > 1)
        raise reading.value(
            f"The battery {twice} is named twice in one {event.kind}.", "Name each battery once."
        )
    if len(named) >= MAX_SUBJECTS and len(subjects(event)) > MAX_SUBJECTS:
        raise EventError(
            "event.too_many",
            f"The event names more than {MAX_SUBJECTS:,} batteries, vehicles and others.",
            "Make several events that share a `batch`.",
            source=strict.SOURCE,
        )


_is_vin = reading.VIN.fullmatch


def _check_vin(event: Any) -> None:
    """Raise for a vehicle number that is none."""
    if event.vin is not None and _is_vin(event.vin) is None:
        raise bad_vin(event.vin)


def bad_vin(text: str) -> VoltrailError:
    """Return the error for a vehicle number that is none."""
    return EventError(
        "identity.vin",
        f"The vin {text[:40]!r} is not a vehicle identification number.",
        "A VIN has 17 characters: digits and capital letters without I, O and Q.",
        source="ISO 3779",
    )


def _check_fitting(event: Installed | Removed) -> None:
    """Raise unless exactly one of vehicle and system is named."""
    if (event.vin is None) == (event.system is None):
        raise reading.value(
            f"{event.kind} needs either vin or system, and not both.",
            "Name the vehicle by vin, or the storage system by system.",
        )
    _check_vin(event)


def _check_enrolled(event: Enrolled) -> None:
    """Raise when the place stated lacks what it is named by."""
    if (event.place == "in_vehicle" or event.basis == "vin") and event.vin is None:
        raise reading.missing(event.kind, "vin", "A battery enrolled in a vehicle, or by its VIN, needs vin.")
    if event.place == "in_storage_system" and event.system is None and event.site is None:
        raise reading.missing(event.kind, "system", "Name the storage system by system, or its site.")
    _check_vin(event)


def _check_mentioned(event: Event, mentioned: tuple[str, ...]) -> None:
    """Raise when a battery is mentioned in the line that is not among its subjects."""
    named = batteries(event)
    for code in mentioned:
        if code not in named:
            raise EventError(
                "event.mention",
                f"{event.kind} mentions {code[:40]!r}, which is not among code and codes.",
                "Name every battery of the event in code or codes too.",
                source=strict.SOURCE,
            )


def _check_identified(event: Identified) -> None:
    """Raise when the right code is neither of the two."""
    _check_mentioned(event, (event.right,))


def _check_swapped(event: Swapped) -> None:
    """Raise unless each battery was either taken out or put in."""
    moved = tuple(code for code in (event.taken_out, event.put_in) if code is not None)
    _check_mentioned(event, moved)
    if len(set(moved)) != len(moved) or len(moved) != len(event.codes):
        raise reading.value(
            "swapped does not say of each battery in codes whether it came out or went in.",
            "Name one as taken_out and the other as put_in.",
        )
    _check_vin(event)


def _check_reborn(event: Repurposed | Remanufactured) -> None:
    """Raise unless some of the codes are new and some are old."""
    _check_mentioned(event, event.into)
    if len(set(event.into)) != len(event.into) or len(event.into) >= len(event.codes):
        raise reading.value(
            f"{event.kind} needs at least one old battery in codes beside those in into.",
            "codes holds old and new batteries; into says which of them are new.",
        )


def _check_corrected(event: Corrected) -> None:
    """Raise unless the correction is void, or a whole line; `kinds` reads the line itself."""
    if (event.void is None) == (event.line is None):
        raise reading.value(
            "corrected needs either void or line, and not both.",
            'Say "void":true when the event never was; otherwise put the whole right line in line.',
        )
    _check_vin(event)
    _check_lots(event.lots)


def _check_lots(named: tuple[str, ...]) -> None:
    """Raise when a lot is named twice."""
    if len(set(named)) != len(named):
        twice = next(lot for lot in named if named.count(lot) > 1)
        raise reading.value(
            f"The lot {twice} is named twice in one event.",
            "Name each lot once, with its whole mass; what comes out of a process is a lot of its own.",
        )


def _check_masses(event: Any) -> None:
    """Raise for a mass finer than a milligram, and for assays that say more than there is."""
    said = [event, *(getattr(event, "inputs", ())), *(getattr(event, "outputs", ()))]
    said += [*getattr(event, "additions", ()), *getattr(event, "emissions", ())]
    for one in said:
        for name in ("mass_kg", "parts_mass_kg"):
            _check_mass(name, getattr(one, name, None))
        for mass in (getattr(one, "recycled_kg", None) or {}).values():
            _check_mass("recycled_kg", mass)
        _check_assays(getattr(one, "assays", ()))


def _check_mass(name: str, mass: float | None) -> None:
    if mass is not None and not (mass < 1_000_000_000 and is_exact(mass)):
        raise reading.value(
            f"{name} is {mass}, which is no mass in whole milligrams below 1,000,000 t.",
            "Give kilograms with at most six decimals.",
        )


def _check_assays(assays: tuple[Any, ...]) -> None:
    elements = [one.element for one in assays]
    if len(set(elements)) != len(elements):
        twice = next(one for one in elements if elements.count(one) > 1)
        raise reading.value(f"The assays give {twice} twice.", "Give each element once.")
    if sum(one.fraction for one in assays) > 1.000001:
        raise reading.value(
            "The assays add up to more than the whole.", "Give each as a share of dry mass, from 0 to 1."
        )


def _check_process(event: Dismantled | Recycled) -> None:
    """Raise for lots, masses and assays that cannot be; lots come of a mass."""
    _check_lots(lots(event))
    _check_masses(event)
    if event.outputs and event.mass_kg is None and event.batch is None:
        raise reading.missing(
            event.kind, "mass_kg", "Where lots come out, say what mass of batteries went in."
        )


def _check_lot_processed(event: LotProcessed) -> None:
    """Raise for lots, masses, assays and batteries that cannot be."""
    _check_lots(lots(event))
    _check_masses(event)
    if event.code is None and event.codes:
        raise reading.missing(event.kind, "code", "Name the first battery in code, further ones in codes.")
    if event.code is not None and event.process not in {"discharge", "repair"}:
        raise reading.value(
            f"lot_processed names batteries, but {event.process} ends them.",
            "Report recycled or dismantled, which end batteries and give lots.",
        )
    if event.code is None and not event.inputs and not event.outputs:
        raise reading.missing(event.kind, "inputs", "Say what went in, or what came out.")
    declared = any(one.recycled_kg is not None for one in event.outputs)
    if declared and event.custody != "mass_balance":
        raise reading.value(
            "An output declares recycled_kg, but the process does not keep to mass balance.",
            'Say "custody":"mass_balance", or leave recycled_kg out: then it follows from what went in.',
        )


def _check_assessed(event: Assessed) -> None:
    """Raise for an interval with one end, or whose ends are the wrong way round."""
    _check_interval(event, "soh_low", "soh_high")
    _check_interval(event, "life_years_low", "life_years_high")


def _check_measured(event: Measured) -> None:
    """Raise for an interval with one end, or whose ends are the wrong way round; so for the time measured."""
    _check_interval(event, "soh_low", "soh_high")
    begun, ended = event.measured_from, event.measured_until
    if (begun is None) != (ended is None) or (begun is not None and ended is not None and begun > ended):
        raise reading.value(
            "measured gives no span of time from measured_from to measured_until.",
            "Give both, the earlier first, or neither.",
        )


def _check_interval(event: Assessed | Measured, low: str, high: str) -> None:
    least, most = getattr(event, low), getattr(event, high)
    if (least is None) != (most is None):
        raise reading.value(
            f"{event.kind} gives one of {low} and {high}.", "Give both ends of the interval (95 %), or none."
        )
    if least is not None and least > most:
        raise reading.value(
            f"{event.kind} says {low} {least:g}, which is above {high} {most:g}.",
            "Give the lower end first: the true value lies between them with 95 %.",
        )


def _check_campaign(event: CampaignOpened) -> None:
    """Raise when a protocol is named twice."""
    _check_once(event.kind, "protocols", event.protocols)


def _check_test(event: TestReported) -> None:
    """Raise for results of batteries that were not tested, and for one given twice."""
    _check_mentioned(event, tuple(one.code for one in event.results if one.code is not None))
    _check_once(event.kind, "results", [(one.metric, one.code) for one in event.results])
    _check_once(event.kind, "data", event.data)


def _check_stage(event: StageGranted) -> None:
    """Raise when a campaign is named twice."""
    _check_once(event.kind, "campaigns", event.campaigns)


def _check_step(event: StepReported) -> None:
    """Raise unless it is about something, and no more came out of the step than went in."""
    if event.code is None and event.codes:
        raise reading.missing(event.kind, "code", "Name the first battery in code, further ones in codes.")
    if event.code is None and event.lot is None:
        raise reading.missing(event.kind, "lot", "Name the lot that was worked on, or the batteries.")
    out = event.good + sum((event.scrapped or {}).values())
    if out > event.entered * (1 + 1e-9):
        raise reading.value(
            f"step_reported has {event.entered:g} {event.unit} in and {out:g} out.",
            "good and scrapped together are at most what entered; what is still in the step is left out.",
        )
    if "/" in event.production_line or event.production_line.startswith("."):
        raise reading.value(  # its name stands in addresses
            "step_reported names a production_line with a slash, or that begins with a dot.",
            "Give the line a name such as Pilot 1.",
        )
    _check_once(event.kind, "readings", [one.quantity for one in event.readings])


def _check_once(kind: str, member: str, named: Sequence[object]) -> None:
    if len(set(named)) != len(named):
        raise reading.value(f"{kind} gives the same in {member} twice.", "Give each once.")


def _check_site(event: SiteRegistered) -> None:
    """Raise unless a place has both degrees or none, and each maker and interface is named once."""
    if (event.latitude is None) != (event.longitude is None):
        raise reading.value(
            "site_registered gives one of latitude and longitude.", "Give both, in degrees (WGS 84), or none."
        )
    if len(set(event.makers)) != len(event.makers):
        raise reading.value("site_registered names a maker twice.", "Name each maker once in makers.")
    if len(set(event.interfaces)) != len(event.interfaces):
        raise reading.value("site_registered names an interface twice.", "Name each once in interfaces.")


def check_subject(text: str) -> str:
    """
    Return the name of a subject, such as `battery:CODE`, unchanged, once it can be one.

    Raises CodeError, EventError. A name that nothing can have would prove by its absence what nobody asked.
    """
    kind, separator, name = text.partition(":")
    if not separator or kind not in SUBJECTS or not name:
        raise EventError(
            "identity.subject",
            f"{text[:60]!r} does not name a subject.",
            f"Write it as KIND:NAME, such as battery:CODE; kinds are {', '.join(SUBJECTS)}.",
            source=strict.SOURCE,
        )
    if kind == "battery" and (right := parse(name).text) != name:
        message = f"{name[:60]!r} is not written as the record has codes."
        raise EventError("identity.code", message, f"Write battery:{right}.")
    if kind == "vehicle" and _is_vin(name) is None:
        raise bad_vin(name)
    return text


MORE_TIMES: Final[dict[type, tuple[str, ...]]] = {
    Enrolled: ("manufactured_on",),
    Imported: ("cleared_at",),
    VehicleImported: ("cleared_at",),
    VehicleScrapped: ("certificate_date",),
    RoleGranted: ("from_", "until"),
    RoleRevoked: ("from_", "until"),
    KeyRevoked: ("compromised_since",),
    ModelCertified: ("certified_on",),
    TestReported: ("calibrated_on",),
    PointsDeclared: ("issued_on",),
}
"""The times and days of a kind besides occurred_at."""

CHECKS: dict[type, Callable[[Any], None]] = {
    CampaignOpened: _check_campaign,
    CreditSpent: _check_masses,
    Dismantled: _check_process,
    LotCreated: _check_masses,
    LotProcessed: _check_lot_processed,
    Recycled: _check_process,
    AnswerAccepted: answers.check,
    Assessed: _check_assessed,
    Measured: _check_measured,
    Installed: _check_fitting,
    Removed: _check_fitting,
    Enrolled: _check_enrolled,
    Identified: _check_identified,
    Swapped: _check_swapped,
    Repurposed: _check_reborn,
    Remanufactured: _check_reborn,
    Corrected: _check_corrected,
    VehicleCertified: _check_vin,
    Sold: _check_vin,
    VehicleExported: _check_vin,
    VehicleImported: _check_vin,
    VehicleScrapped: _check_vin,
    SiteRegistered: _check_site,
    StageGranted: _check_stage,
    StepReported: _check_step,
    TestReported: _check_test,
}

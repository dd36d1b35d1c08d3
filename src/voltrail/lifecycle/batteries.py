"""What each kind of event does to a battery: one short function for each."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from voltrail.events import kinds
from voltrail.lifecycle import passports
from voltrail.lifecycle.claims import FIXED, Turn, where
from voltrail.lifecycle.state import Battery, Recorded, Whereabouts

MAX_LINKS: Final = 4_000


def turn_battery(battery: Battery, recorded: Recorded) -> dict[str, Any]:
    """Return what an event changes in a battery's state."""
    turn = Turn(battery, recorded)
    handler = _HANDLERS.get(type(recorded.event))
    if handler is not None:
        handler(turn)
    if battery.passports:
        passports.end(turn)
    changes = turn.changes
    if "phase" in changes and changes.get("end", battery.end) is not None:
        changes["phase"] = "ended"
    return changes


# ------------------------------------------------------------------ beginnings


def _manufactured(turn: Turn) -> None:
    turn.begin(turn.at_reporter(turn.event.site))
    if turn.event.model_id is not None:
        turn.changes["model_id"] = turn.event.model_id


def _enrolled(turn: Turn) -> None:
    event = turn.event
    vin = event.vin if event.place == "in_vehicle" else None
    system = event.system if event.place == "in_storage_system" else None
    site = event.site
    if event.place == "in_storage_system" and system is None:
        system, site = site, None
    turn.begin(Whereabouts(event.place, turn.reporter, vin=vin, system=system, site=site, since=turn.when))
    turn.changes["history_before"] = "unknown"
    if event.phase is not None and turn.battery.end is None:
        turn.changes["phase"] = event.phase
    if event.model_id is not None:
        turn.changes["model_id"] = event.model_id


def _transferred_in(turn: Turn) -> None:
    """Begin with what another log ends with; where that is at hand, the battery has begun there."""
    event = turn.event
    if turn.battery.claims:
        return
    turn.begin(turn.at_reporter())
    turn.changes["model_id"], turn.changes["operator"] = event.model_id, event.operator
    if event.number is not None:
        passports.carry(turn)


def _identified(turn: Turn) -> None:
    codes = (turn.event.code, *turn.event.codes)
    others = (code for code in codes if code != turn.battery.code)
    turn.changes["identified"] = _with(turn.battery.identified, others)
    turn.changes["right"] = turn.event.right


# ------------------------------------------------------------------ on the way


def _shipped(turn: Turn) -> None:
    turn.move(_in_transit(turn), _held_by(turn.reporter))


def _handed_over(turn: Turn) -> None:
    turn.changes["phase"] = "waste"
    turn.move(_in_transit(turn), _held_by(turn.reporter))


def _received(turn: Turn) -> None:
    reporter, event = turn.reporter, turn.event

    def fits(claim: Whereabouts) -> bool:
        return claim.place == "in_transit" and reporter in {claim.to, claim.holder}

    if event.station is not None:
        arrival = Whereabouts("in_swap_station", reporter, site=event.station, since=turn.when)
    else:
        arrival = turn.at_reporter(event.site)
    turn.move(arrival, fits)


def _collected(turn: Turn) -> None:
    reporter = turn.reporter

    def fits(claim: Whereabouts) -> bool:
        return claim.holder == reporter or (claim.place == "in_transit" and claim.to == reporter)

    turn.changes["phase"] = "waste"
    turn.move(turn.at_reporter(turn.event.site), lambda claim: claim.place not in FIXED and fits(claim))


def _in_transit(turn: Turn) -> Whereabouts:
    return Whereabouts("in_transit", turn.reporter, to=turn.event.to, since=turn.when)


def _held_by(reporter: str) -> Callable[[Whereabouts], bool]:
    """Return whether a claim is one a holder may act on: its own stock, on the shelf or in its station."""
    return lambda claim: claim.holder == reporter and claim.place in {"in_stock", "in_swap_station"}


# ------------------------------------------------------------- fitted and taken


def _assembled(turn: Turn) -> None:
    event, battery = turn.event, turn.battery
    if battery.code == event.code:
        turn.stay()
        turn.changes["parts"] = _with(battery.parts, event.codes)
        return
    arrival = Whereabouts("in_parent", parent=event.code, since=turn.when)
    turn.move(arrival, _held_by(turn.reporter))


def _disassembled(turn: Turn) -> None:
    event, battery = turn.event, turn.battery
    if battery.code == event.code:
        turn.stay()
        turn.changes["parts"] = _less(battery.parts, event.codes)
        return
    _out_of_parent(turn)


def _out_of_parent(turn: Turn) -> None:
    """Put a part in stock at whoever took it out of its parent."""
    parent = turn.event.code
    turn.move(
        turn.at_reporter(turn.event.site),
        lambda claim: claim.place == "in_parent" and claim.parent == parent,
        Whereabouts("in_parent", parent=parent),
    )


def _fitted(turn: Turn) -> Whereabouts:
    """Return the vehicle or storage system that an event names, with the reporter as holder."""
    event = turn.event
    if event.vin is not None:
        return Whereabouts("in_vehicle", turn.reporter, vin=event.vin, since=turn.when)
    return Whereabouts("in_storage_system", turn.reporter, system=event.system, since=turn.when)


def _installed(turn: Turn) -> None:
    turn.move(_fitted(turn), _held_by(turn.reporter))


def _removed(turn: Turn) -> None:
    seen = _fitted(turn)
    turn.move(turn.at_reporter(turn.event.site), _fits_spot(seen), seen)


def _fits_spot(seen: Whereabouts) -> Callable[[Whereabouts], bool]:
    """Return whether a claim is in the same vehicle or storage system."""
    return lambda claim: claim.place == seen.place and claim.vin == seen.vin and claim.system == seen.system


def _swapped(turn: Turn) -> None:
    event = turn.event
    station = Whereabouts("in_swap_station", turn.reporter, site=event.station, since=turn.when)
    vehicle = Whereabouts("in_vehicle", turn.reporter, vin=event.vin, since=turn.when)
    if turn.battery.code == event.taken_out:
        turn.move(station, _fits_spot(vehicle), vehicle)
        return
    in_stock = _held_by(turn.reporter)

    def fits(claim: Whereabouts) -> bool:
        if claim.place == "in_swap_station":
            return bool(claim.site == event.station)
        return in_stock(claim)

    turn.move(vehicle, fits, station)


# ------------------------------------------------------------------- vehicles


def _with_vehicle(turn: Turn) -> None:
    """Find the battery in the vehicle; sold vehicles have holders the record does not name."""
    vin = turn.event.vin
    claim = turn.battery.whereabouts
    since = claim.since if claim is not None and claim.vin == vin else turn.when
    holder = claim.holder if claim is not None else None
    if isinstance(turn.event, kinds.Sold):
        holder = None
    elif isinstance(turn.event, kinds.VehicleScrapped):
        holder = turn.reporter
        turn.changes["phase"] = "waste"
    arrival = Whereabouts("in_vehicle", holder, vin=vin, since=since)
    turn.move(arrival, _fits_spot(arrival))


def _vehicle_exported(turn: Turn) -> None:
    seen = Whereabouts("in_vehicle", vin=turn.event.vin)
    turn.move(Whereabouts("gone", vin=turn.event.vin, since=turn.when), _fits_spot(seen), seen)
    turn.ends("exported")


def _vehicle_imported(turn: Turn) -> None:
    arrival = Whereabouts("in_vehicle", turn.reporter, vin=turn.event.vin, since=turn.when)
    _come_in(turn, arrival)


def _imported(turn: Turn) -> None:
    _come_in(turn, turn.at_reporter())


def _come_in(turn: Turn, arrival: Whereabouts) -> None:
    """Bring a battery into the country: a beginning, or back from abroad, or the end of a transport."""
    battery = turn.battery
    if not battery.claims:
        turn.begin(arrival)
        return
    abroad = battery.end == "exported"

    def fits(claim: Whereabouts) -> bool:
        if claim.place == "gone":
            return abroad
        return claim.place == "in_transit" or claim.identity == arrival.identity

    turn.move(arrival, fits)
    if abroad and not any(claim.place == "gone" for claim in turn.changes["claims"]):
        turn.back()


# ---------------------------------------------------------------- who answers


def _ownership_transferred(turn: Turn) -> None:
    turn.stay()
    turn.changes["owner"] = turn.event.to


def _responsibility_transferred(turn: Turn) -> None:
    turn.stay()
    turn.changes["operator"] = turn.event.to


# --------------------------------------------------------------------- in use


def _stay(turn: Turn) -> None:
    turn.stay()


def _measured(turn: Turn) -> None:
    turn.stay()
    if turn.event.soh_fraction is not None:
        turn.changes["soh_fraction"] = turn.event.soh_fraction
        turn.changes["measured_at"] = turn.when


def _assessed(turn: Turn) -> None:
    _measured(turn)
    turn.changes["decision"] = turn.event.decision


def _recalled(turn: Turn) -> None:
    if not turn.battery.claims:
        turn.stay()
    turn.changes["campaigns"] = _with(turn.battery.campaigns, (turn.event.campaign,))


def _serviced(turn: Turn) -> None:
    turn.stay()
    campaigns = turn.battery.campaigns
    if turn.event.campaign in campaigns:
        turn.changes["campaigns"] = _less(campaigns, (turn.event.campaign,))


def _stocktaken(turn: Turn) -> None:
    """Compare what was found with the record; nothing moves."""
    if not turn.battery.claims:
        turn.stay()
        return
    if any(claim.holder == turn.reporter and claim.place not in FIXED for claim in turn.battery.claims):
        return
    claim = turn.battery.claims[-1]
    if claim.place == "in_swap_station" and claim.holder == turn.reporter:
        return
    kind = "conflict" if claim.place in FIXED or claim.place == "gone" else "gap"
    turn.find(
        kind,
        "lifecycle.stock_differs",
        f"{turn.battery.code} was counted at {turn.event.site}, though the record has it {where(claim)}.",
        "Report how it came there, or correct the stocktaking.",
    )


# ---------------------------------------------------------------------- waste


def _retired(turn: Turn) -> None:
    turn.stay()
    if turn.battery.end is None:
        turn.changes["phase"] = "waste"


def _prepared_for_reuse(turn: Turn) -> None:
    turn.stay()
    if turn.battery.phase != "waste" and turn.battery.claims:
        turn.find(
            "gap",
            "lifecycle.retirement_not_reported",
            f"{turn.battery.code} was prepared for reuse, though the record does not have it as waste.",
            "Its holder has not reported `retired`.",
        )
    if turn.battery.end is None:
        turn.changes["phase"] = "re_used"


def _reborn(turn: Turn) -> None:
    event, code = turn.event, turn.battery.code
    if code in event.into:
        turn.begin(turn.at_reporter(event.site))
        turn.changes["phase"] = event.kind
        turn.changes["predecessors"] = _with(turn.battery.predecessors, _less(event.codes, event.into))
        return
    _gone(turn, "succeeded", _held_by(turn.reporter))
    turn.changes["successors"] = _with(turn.battery.successors, event.into)


def _dismantled(turn: Turn) -> None:
    if turn.battery.code == turn.event.code:
        _gone(turn, "dismantled", _held_by(turn.reporter))
        turn.changes["parts"] = _less(turn.battery.parts, turn.event.codes)
        return
    _out_of_parent(turn)


def _recycled(turn: Turn) -> None:
    _gone(turn, "recycled", _held_by(turn.reporter))


def _exported(turn: Turn) -> None:
    held = _held_by(turn.reporter)
    _gone(turn, "exported", lambda claim: claim.place == "in_transit" or held(claim))


def _destroyed(turn: Turn) -> None:
    _gone(turn, "destroyed", lambda claim: claim.place != "gone")


def _gone(turn: Turn, end: str, fits: Callable[[Whereabouts], bool]) -> None:
    """End a battery; the first end stands when two are reported."""
    first = turn.battery.end
    turn.move(Whereabouts("gone", since=turn.when), fits)
    if first is None:
        turn.ends(end)
    elif first != end:
        turn.find(
            "conflict",
            "lifecycle.two_ends",
            f"{turn.battery.code} ended as {first}, and now as {end}.",
            "Correct the event that is wrong.",
        )


def _lost(turn: Turn) -> None:
    holder = turn.battery.holder
    turn.move(Whereabouts("missing", holder, since=turn.when), lambda claim: claim.place != "gone")


def _found(turn: Turn) -> None:
    turn.move(turn.at_reporter(turn.event.site), lambda claim: claim.place == "missing")


# -------------------------------------------------------------------- helpers


def _with(known: tuple[str, ...], added: Iterable[str]) -> tuple[str, ...]:
    """Return names with further ones, none twice."""
    return tuple(dict.fromkeys((*known, *added)))[:MAX_LINKS]


def _less(known: tuple[str, ...], taken: Iterable[str]) -> tuple[str, ...]:
    """Return names without those taken."""
    gone = set(taken)
    return tuple(name for name in known if name not in gone)


_HANDLERS: Final[dict[type, Callable[[Turn], None]]] = {
    kinds.Manufactured: _manufactured,
    kinds.Enrolled: _enrolled,
    kinds.Identified: _identified,
    kinds.Shipped: _shipped,
    kinds.Received: _received,
    kinds.Assembled: _assembled,
    kinds.Disassembled: _disassembled,
    kinds.Installed: _installed,
    kinds.Removed: _removed,
    kinds.Swapped: _swapped,
    kinds.VehicleCertified: _with_vehicle,
    kinds.Sold: _with_vehicle,
    kinds.VehicleExported: _vehicle_exported,
    kinds.VehicleImported: _vehicle_imported,
    kinds.VehicleScrapped: _with_vehicle,
    kinds.OwnershipTransferred: _ownership_transferred,
    kinds.ResponsibilityTransferred: _responsibility_transferred,
    kinds.Measured: _measured,
    kinds.Serviced: _serviced,
    kinds.Recalled: _recalled,
    kinds.IncidentReported: _stay,
    kinds.Stocktaken: _stocktaken,
    kinds.Retired: _retired,
    kinds.Collected: _collected,
    kinds.HandedOver: _handed_over,
    kinds.Assessed: _assessed,
    kinds.PreparedForReuse: _prepared_for_reuse,
    kinds.Repurposed: _reborn,
    kinds.Remanufactured: _reborn,
    kinds.Dismantled: _dismantled,
    kinds.Recycled: _recycled,
    kinds.Exported: _exported,
    kinds.Imported: _imported,
    kinds.Destroyed: _destroyed,
    kinds.Lost: _lost,
    kinds.Found: _found,
    kinds.TransferredIn: _transferred_in,
    kinds.PassportIssued: passports.issue,
    kinds.PassportCeased: passports.cease,
}

"""What keeps a pack from being put into a vehicle, by what the record says: see `swap.fitness`."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from voltrail.events.kinds import Swapped
from voltrail.lifecycle.fold import fold
from voltrail.lifecycle.state import Battery, Model, Recorded, Site, Vehicle
from voltrail.lifecycle.transport import travel_state
from voltrail.lifecycle.world import World
from voltrail.swap.fitness import MISFITS, UNFITS, Condition, Reason, Unfit, misfits, unfits

__all__ = ["condition", "pack_type", "reasons", "unfit"]


def pack_type(model: Model | None) -> str | None:
    """Return which standardized pack batteries of a model are, None where nobody has said so."""
    return model.swap_pack if model is not None else None


def unfit(battery: Battery, life: Iterable[Recorded]) -> Unfit | None:
    """
    Return the gravest reason for which a pack must not be put in, or None.

    `life` are its events that count, in their order, as `World.events` has them.
    """
    return next(iter(unfits(condition(battery, life))), None)


def condition(battery: Battery, life: Iterable[Recorded]) -> Condition:
    """Return what the record says of a pack's condition, from its state and its events that count."""
    travels = travel_state(life)
    return Condition(
        is_out_of_use=battery.phase in {"waste", "ended"},
        is_disputed=battery.place == "disputed",
        is_damaged=travels.state != "normal" and travels.because != "recall",
        is_recalled=bool(battery.campaigns),
        soh_fraction=battery.soh_fraction,
    )


def reasons(event: Swapped, world: World, among: Collection[str]) -> tuple[Reason, ...]:
    """Return which of some reasons speak against what a swap puts in; nothing else is looked into."""
    found: tuple[Reason, ...] = ()
    battery = world.state(f"battery:{event.put_in}")
    if not isinstance(battery, Battery):
        return found
    if not set(MISFITS).isdisjoint(among):
        found += _misfits(event, battery, world)
    if not set(UNFITS).isdisjoint(among):
        found += unfits(condition(*_before(event, battery, world)))
    return tuple(reason for reason in found if reason in among)


def _misfits(event: Swapped, battery: Battery, world: World) -> tuple[Reason, ...]:
    model = world.state(f"model:{battery.model_id}") if battery.model_id is not None else None
    vehicle, station = world.state(f"vehicle:{event.vin}"), world.state(f"site:{event.station}")
    return misfits(
        pack_type(model if isinstance(model, Model) else None),
        vehicle.swap_interface if isinstance(vehicle, Vehicle) else None,
        station.interfaces if isinstance(station, Site) else (),
    )


def _before(event: Swapped, battery: Battery, world: World) -> tuple[Battery, list[Recorded]]:
    """Return a pack and its life as they were when the swap occurred; what came later does not count."""
    life = world.events(f"battery:{battery.code}")
    before = [one for one in life if one.event.occurred_at <= event.occurred_at]
    if len(before) == len(life):
        return battery, before
    then = fold(f"battery:{battery.code}", before)
    return (then if isinstance(then, Battery) else Battery(battery.code)), before

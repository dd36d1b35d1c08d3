"""What a sample world says of material, read without a database: the same `Material` as a registry's."""

from __future__ import annotations

from collections import Counter

from voltrail.demo import World
from voltrail.events import batteries, decode
from voltrail.events.kinds import CreditSpent, Dismantled, Manufactured, ModelRegistered, Recycled
from voltrail.recycling.record import KINDS, Composition, Material, Run, lots_made


def material(world: World) -> Material:
    """Return the runs of a world, their lots and models; no correction is about any of them."""
    models: dict[str, Composition] = {}
    model_of: dict[str, str | None] = {}
    found, index = [], 0
    for report in world.reports():
        reporter = report.signer.verifier.holder
        for line in report.lines:
            event = decode(line)
            if isinstance(event, ModelRegistered):
                models[event.model_id] = Composition(
                    event.model_id, event.chemistry, event.mass_kg, event.energy_kwh, event.composition, index
                )
            elif isinstance(event, Manufactured):
                model_of |= dict.fromkeys(batteries(event), event.model_id)
            elif event.kind in KINDS:
                found.append(Run(index, reporter, event))
            index += 1
    runs = [
        Run(run.index, run.reporter, run.event, Counter(model_of.get(code) for code in _used(run.event)))
        for run in sorted(found, key=lambda run: (run.event.occurred_at, run.index))
    ]
    return Material(runs, {lot.lot: lot for run in runs for lot in lots_made(run)}, models)


def ended_by(event: object) -> tuple[str, ...]:
    """Return the batteries that an event ended and turned into material."""
    if isinstance(event, Dismantled):
        return (event.code,)
    return batteries(event) if isinstance(event, Recycled) else ()


def _used(event: object) -> tuple[str, ...]:
    return batteries(event) if isinstance(event, CreditSpent) else ended_by(event)

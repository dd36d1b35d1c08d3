"""Materials for tests: events as a plant reports them, by whom, and the models that they name."""

from datetime import UTC, datetime, timedelta

from voltrail.events import kinds
from voltrail.events.structs import Assay, Stream, Taken, Yield
from voltrail.recycling.record import Composition, Material, Run, lots_made

PLANT, OTHER = "91330000MA27U0001P", "91330000MA27U0002X"
START = datetime(2026, 3, 2, 8, tzinfo=UTC)

NCM = Composition(
    model_id="NCM-60",
    chemistry="NMC 622",
    mass_kg=400.0,
    energy_kwh=60.0,
    elements_kg={"Li": 6.0, "Ni": 30.0, "Co": 10.0, "Mn": 10.0, "Cu": 24.0, "Al": 90.0, "C": 50.0},
    index=3,
)


def at(days):
    """Return a time so many days after the start."""
    return START + timedelta(days=days)


def lot(name, who=PLANT):
    """Return the whole name of a lot."""
    return f"{who}/{name}"


def assays(uncertainty=None, **fractions):
    """Return assays by element, all with one relative uncertainty."""
    return tuple(
        Assay(element=name, fraction=value, uncertainty=None if uncertainty is None else value * uncertainty)
        for name, value in fractions.items()
    )


def made(name, substance, mass, found=(), who=PLANT, **more):
    """Return a lot as an output."""
    return Yield(lot=lot(name, who), substance=substance, mass_kg=mass, assays=found, **more)


def taken(name, mass, who=PLANT):
    """Return so much of a lot as an input."""
    return Taken(lot=lot(name, who), mass_kg=mass)


def stream(substance, mass, found=()):
    """Return an addition or emission."""
    return Stream(substance=substance, mass_kg=mass, assays=found)


def recycled(day, mass, outputs=(), site="HZ-1", **more):
    """Return batteries turned to materials."""
    return kinds.Recycled(
        occurred_at=at(day), code="00CPB000000000G4C0000001", mass_kg=mass, outputs=outputs, site=site, **more
    )


def processed(day, process, inputs=(), outputs=(), site="HZ-1", **more):
    """Return a process on lots."""
    return kinds.LotProcessed(
        occurred_at=at(day), process=process, inputs=inputs, outputs=outputs, site=site, **more
    )


def created(day, name, substance, mass, found=(), who=PLANT, **more):
    """Return a lot from outside."""
    return kinds.LotCreated(
        occurred_at=at(day),
        lot=lot(name, who),
        substance=substance,
        mass_kg=mass,
        assays=found,
        origin="post_consumer",
        **more,
    )


def material(*told, models=(NCM,)):
    """
    Return a material of events in the order in which they were told: an event, or (event, models) or (event,
    models, reporter).
    """
    runs = []
    for index, one in enumerate(told, 100):
        event, batteries, who = (*one, {}, PLANT)[:3] if isinstance(one, tuple) else (one, {}, PLANT)
        if isinstance(one, tuple) and len(one) == 2:
            event, batteries, who = one[0], one[1], PLANT
        runs.append(Run(index, who, event, batteries))
    runs.sort(key=lambda run: (run.event.occurred_at, run.index))
    lots = {made.lot: made for run in runs for made in lots_made(run)}
    return Material(runs, lots, {one.model_id: one for one in models})


def rate(balance, metric, element, stage):
    """Return one rate of a balance."""
    [found] = [
        one for one in balance.rates if (one.metric, one.element, one.stage) == (metric, element, stage)
    ]
    return found


def element(balance, name):
    """Return the balance of one element."""
    [found] = [one for one in balance.elements if one.element == name]
    return found

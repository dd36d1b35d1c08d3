"""Any material at all: lots in circles, too much taken, too much declared, batches across stages."""

from datetime import UTC, datetime

from hypothesis import strategies as st

from voltrail.events import kinds
from voltrail.events.structs import Assay, Stream, Taken, Yield
from voltrail.recycling.record import Composition, Lot, Material, Run, lots_made

START = datetime(2031, 1, 1, tzinfo=UTC)
FIRMS = ("91110000MA0000001X", "91110000MA0000002X")
CODES = tuple(f"0A1PB2400000000000000{n:03}" for n in range(9))
ELEMENTS = ("Li", "Ni", "Co")


def material(runs, models=()):
    """Return runs as recycling reads them: (event, reporter) or (event, reporter, models), in their order."""
    found = [
        Run(index, run[1], run[0], run[2] if len(run) > 2 else {None: 1 + len(getattr(run[0], "codes", ()))})
        for index, run in enumerate(runs)
    ]
    lots: dict[str, Lot] = {}
    for run in found:
        for lot in lots_made(run):
            lots.setdefault(lot.lot, lot)
    return Material(found, lots, {one.model_id: one for one in models})


def model(name="M", **kg):
    """Return a model that is made of so much of each element."""
    return Composition(name, "NCM", 400.0, 60.0, kg)


def created(lot, kg, origin="post_consumer", **assays):
    """Return the event by which a lot comes in from outside."""
    return kinds.LotCreated(
        occurred_at=START, lot=lot, substance="black_mass", mass_kg=kg, origin=origin, assays=shares(assays)
    )


def made(lot, kg, recycled=None, **assays):
    """Return what a process gives."""
    return Yield(lot=lot, substance="black_mass", mass_kg=kg, assays=shares(assays), recycled_kg=recycled)


def process(inputs=(), outputs=(), **more):
    """Return a process that takes (lot, kg) and gives lots."""
    if any(one.recycled_kg is not None for one in outputs):
        more["custody"] = "mass_balance"
    return kinds.LotProcessed(
        occurred_at=START,
        process=more.pop("process", "blend"),
        inputs=tuple(Taken(lot=lot, mass_kg=kg) for lot, kg in inputs),
        outputs=tuple(outputs),
        **more,
    )


def recycled(outputs, number=1, kg=1.0, **more):
    """Return an event by which batteries ended and gave lots."""
    return kinds.Recycled(
        occurred_at=START, code=CODES[0], codes=CODES[1:number], mass_kg=kg, outputs=tuple(outputs), **more
    )


def spent(lot, kg, number=1, recycled=None):
    """Return an event by which so much of a lot went into batteries."""
    return kinds.CreditSpent(
        occurred_at=START, code=CODES[0], codes=CODES[1:number], lot=lot, mass_kg=kg, recycled_kg=recycled
    )


def shares(assays):
    """Return the assays of shares by element."""
    return tuple(Assay(element=element, fraction=share) for element, share in assays.items())


# ---------------------------------------------------------------- at random

SOME_MG = st.one_of(st.integers(0, 20), st.integers(10**6, 5 * 10**11), st.just(10**15 - 1))
SHARE = st.sampled_from((0.0, 0.07, 0.3, 0.333333))
ASSAYS = st.dictionaries(st.sampled_from(ELEMENTS), SHARE, min_size=1)
OFTEN = ("created", "process", "process", "recycled", "spent", "spent")


@st.composite
def materials(draw, most=12):
    """
    Draw a material with events that a registry might have refused, too: the laws hold of any.

    Most often lots are taken that were made before, in thirds or as wholes, so that something goes through.
    """
    models = [model("A", Ni=0.000009, Co=0.000004), model("B", Ni=40_000.0, Co=4_000.0, Li=6_000.0)]
    free = {firm: [f"{firm}/{n}" for n in range(most // 2)] for firm in FIRMS}
    kg: dict[str, float] = {}  # of what was made so far
    runs = []

    def outputs(firm, can_declare):
        found = []
        for _ in range(draw(st.integers(1, 3))):
            if free[firm]:
                mass = draw(SOME_MG) / 1_000_000
                declared = draw(claims(mass)) if can_declare else None
                found.append(made(free[firm].pop(0), mass, declared, **draw(ASSAYS)))
                kg[found[-1].lot] = mass
        return found

    def some_of(lot):
        part = draw(st.sampled_from((3, 3, 1)))
        return kg[lot] * 1_000_000 // part / 1_000_000 if lot in kg else draw(SOME_MG) / 1_000_000

    def some_lots(number):
        any_lot = st.sampled_from([f"{firm}/{n}" for firm in FIRMS for n in range(most // 2)])
        known = (
            st.one_of(st.sampled_from(sorted(kg)), st.sampled_from(sorted(kg)), any_lot) if kg else any_lot
        )
        return draw(st.lists(known, min_size=1, max_size=number, unique=True))

    for _ in range(draw(st.integers(0, 14))):
        firm, batch = draw(st.sampled_from(FIRMS)), draw(st.sampled_from((None, None, "B1", "B2")))
        what, number = draw(st.sampled_from(OFTEN)), draw(st.integers(1, 3))
        of = draw(st.sampled_from((None, "A", "B", "unknown")))
        if what == "created" and free[firm]:
            origin = draw(st.sampled_from(("primary", "manufacturing_waste", "post_consumer")))
            lot, mass = free[firm].pop(0), draw(SOME_MG) / 1_000_000
            kg[lot] = mass
            runs.append((created(lot, mass, origin, **draw(ASSAYS)), firm))
        elif what == "process":
            taken = [(lot, some_of(lot)) for lot in some_lots(3)]
            added = Stream(
                substance="reagent", mass_kg=draw(SOME_MG) / 1_000_000, assays=shares(draw(ASSAYS))
            )
            event = process(
                taken,
                outputs(firm, draw(st.booleans())),
                additions=draw(st.sampled_from(((), (added,)))),
                batch=batch,
                process=draw(st.sampled_from(("leach", "blend"))),
            )
            runs.append((event, firm))
        elif what == "recycled":
            runs.append((recycled(outputs(firm, False), number, batch=batch), firm, {of: number}))
        elif what == "spent":
            (lot,) = some_lots(1)
            mass = some_of(lot)
            runs.append((spent(lot, mass, number, draw(claims(mass))), firm, {of: number}))
    return material(draw(st.permutations(runs)), models)


def claims(kg):
    """Draw what is declared to be recycled in so many kg, or nothing."""
    some = st.sampled_from((0.0, kg * 100_000 // 1 / 1_000_000, kg))
    return st.one_of(st.none(), st.none(), st.dictionaries(st.sampled_from(ELEMENTS), some, max_size=2))

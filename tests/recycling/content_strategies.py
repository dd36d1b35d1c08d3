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

SOME_MG = st.one_of(st.integers(0, 20), st.integers(0, 5 * 10**11), st.just(10**15 - 1))
SHARE = st.sampled_from((0.0, 0.07, 0.3, 1 / 3))


@st.composite
def materials(draw, most=12):
    """Draw a material with events that a registry might have refused, too: the laws hold of any."""
    names = [f"{FIRMS[n % 2]}/{n}" for n in range(most)]
    free = list(names)
    models = [model("A", Ni=0.000009, Co=0.000004), model("B", Ni=40.0, Co=4.0, Li=6.0)]
    mass = SOME_MG.map(lambda mg: mg / 1_000_000)

    def assays():
        return {one: draw(SHARE) for one in draw(st.sets(st.sampled_from(ELEMENTS)))}

    def declared():
        some = st.dictionaries(st.sampled_from(ELEMENTS), mass, max_size=2)
        return draw(st.one_of(st.none(), some))

    def outputs(can_declare):
        return [
            made(free.pop(0), draw(mass), declared() if can_declare else None, **assays())
            for _ in range(draw(st.integers(0, min(3, len(free)))))
        ]

    runs = []
    for _ in range(draw(st.integers(0, 14))):
        firm, batch = draw(st.sampled_from(FIRMS)), draw(st.sampled_from((None, None, "B1", "B2")))
        what = draw(st.sampled_from(("created", "process", "process", "recycled", "spent", "spent")))
        number = draw(st.integers(1, 3))
        of = draw(st.sampled_from((None, "A", "B", "unknown")))
        if what == "created" and free:
            origin = draw(st.sampled_from(("primary", "manufacturing_waste", "post_consumer")))
            runs.append((created(free.pop(0), draw(mass), origin, **assays()), firm))
        elif what == "process":
            taken = draw(st.lists(st.sampled_from(names), max_size=3, unique=True))
            added = (Stream(substance="reagent", mass_kg=draw(mass), assays=shares(assays())),)
            event = process(
                [(lot, draw(mass)) for lot in taken],
                outputs(draw(st.booleans())),
                additions=draw(st.sampled_from(((), added))),
                batch=batch,
                process=draw(st.sampled_from(("leach", "blend"))),
            )
            runs.append((event, firm))
        elif what == "recycled":
            runs.append((recycled(outputs(False), number, batch=batch), firm, {of: number}))
        elif what == "spent":
            lot = draw(st.sampled_from(names))
            runs.append((spent(lot, draw(mass), number, declared()), firm, {of: number}))
    return material(runs, models)

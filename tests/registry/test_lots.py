"""What recycling reads of the record: runs and lots as they count now, in whatever steps followed."""

import json

import pytest

from tests.registry import sample
from voltrail.registry.audit import audit
from voltrail.registry.lots import Scope

PLANT = sample.RECYCLER
BLACK, CARBONATE = f"{PLANT}/black-1", f"{PLANT}/carbonate-1"
PACKS = [sample.pack(number) for number in (1, 2, 3)]


def say(registry, organisation, *lines):
    """Report lines with an organisation's key; return the receipt."""
    return json.loads(registry.report(sample.report(sample.signer(organisation), list(lines))))


def shredded(codes=PACKS[:2], mass=800.0, day=3, **more):
    """Return the line of a shredder's run."""
    return sample.line(
        "recycled",
        f"2026-06-{day:02}T10:00:00+08:00",
        code=codes[0],
        codes=list(codes[1:]),
        mass_kg=mass,
        site="S-1",
        outputs=[{"lot": BLACK, "substance": "black_mass", "mass_kg": mass}],
        **more,
    )


def leached(taken=500.0, day=9, **more):
    """Return the line of a run that takes of the black mass."""
    return sample.line(
        "lot_processed",
        f"2026-06-{day:02}T10:00:00+08:00",
        process="leach",
        site="S-2",
        inputs=[{"lot": BLACK, "mass_kg": taken}],
        outputs=[{"lot": CARBONATE, "substance": "lithium_carbonate", "mass_kg": taken}],
        **more,
    )


@pytest.fixture
def plant(registry):
    """A registry with three packs of a model whose composition is known, at the recycler."""
    say(
        registry,
        sample.MAKER,
        sample.line(
            "model_registered",
            "2026-04-01T10:00:00+08:00",
            model_id="S-102",
            chemistry="LFP",
            composition={"Li": 6.5, "Cu": 40},
        ),
        *(line for code in PACKS for line in sample.first_life(code)),
    )
    return registry


def follow(registry, most=3):
    """Bring the tables up, by small steps."""
    while registry.lots.follow(most):
        pass


def indices(material):
    """Return the entries of the runs."""
    return [run.index for run in material.runs]


def test_runs_lots_and_models_are_read_as_recycling_needs_them(plant):
    """Each run with how many batteries of which model, each lot with its mass, what models are made of."""
    receipt = say(plant, PLANT, shredded(), leached())
    follow(plant)
    material = plant.lots.material()
    assert indices(material) == [receipt["first_index"], receipt["first_index"] + 1]
    assert material.runs[0].models == {"S-102": 2}
    assert material.runs[0].site == "S-1"
    assert {name: lot.mass_mg for name, lot in material.lots.items()} == {
        BLACK: 800_000_000,
        CARBONATE: 500_000_000,
    }
    assert material.models["S-102"].elements_kg == {"Li": 6.5, "Cu": 40}


def test_a_scope_has_what_its_lots_came_from(plant):
    """Of one site or period the lots that were made elsewhere are known all the same."""
    receipt = say(plant, PLANT, shredded(batch="B1"), leached())
    follow(plant)
    there = plant.lots.material(Scope(site="S-2"))
    assert indices(there) == [receipt["first_index"] + 1]
    assert set(there.lots) == {BLACK, CARBONATE}
    assert indices(plant.lots.material(Scope(organisation=PLANT, batch="B1"))) == [receipt["first_index"]]
    assert indices(plant.lots.material(Scope(organisation=sample.MAKER))) == []


def test_a_corrected_run_counts_as_it_was_corrected(plant):
    """The line that stands in its place is read, void ones are not there, and the audit agrees."""
    first = say(plant, PLANT, shredded())["first_index"]
    follow(plant)
    right = shredded(PACKS[1:], 790.0)
    correction = sample.line(
        "corrected",
        "2026-06-20T10:00:00+08:00",
        code=PACKS[0],
        codes=PACKS[1:],
        lots=[BLACK],
        corrects=first,
        line=right.decode(),
    )
    receipt = say(plant, PLANT, correction)
    assert receipt["refused"] == []
    follow(plant)
    material = plant.lots.material()
    assert indices(material) == [first]
    assert material.lots[BLACK].mass_mg == 790_000_000
    assert material.runs[0].models == {"S-102": 2}
    void = sample.line(
        "corrected",
        "2026-06-21T10:00:00+08:00",
        code=PACKS[0],
        codes=PACKS[1:],
        lots=[BLACK],
        corrects=receipt["first_index"],
        void=True,
    )
    assert say(plant, PLANT, void)["refused"] == []
    plant.follow()
    assert indices(plant.lots.material()) == []
    assert list(audit(plant)) == []


def test_more_than_there_is_cannot_be_reported(plant):
    """A second run that takes what the first one had is refused, with what is left."""
    say(plant, PLANT, shredded(), leached(500.0))
    again = sample.line(
        "lot_processed",
        "2026-06-10T10:00:00+08:00",
        process="leach",
        inputs=[{"lot": BLACK, "mass_kg": 300.000001}],
    )
    (refused,) = say_refused(plant, again)
    assert refused["rule"] == "lot.overdrawn"
    assert "300.0 kg are left" in refused["message"]


def say_refused(registry, line):
    """Report one line beside a good one; return what was refused."""
    good = sample.line(
        "lot_created",
        "2026-06-01T10:00:00+08:00",
        lot=f"{PLANT}/other",
        substance="copper",
        mass_kg=1,
        origin="primary",
    )
    return say(registry, PLANT, good, line)["refused"]


def test_a_forged_row_is_named(plant):
    """What follows of lots is held against the record, row by row."""
    say(plant, PLANT, shredded(), leached())
    while plant.follow():
        pass
    assert list(audit(plant)) == []
    with plant.database.pool.connection() as connection:
        connection.execute("update lot set taken_mg = 0 where lot = %s", (BLACK,))
        connection.execute("delete from lot_battery where code = %s", (PACKS[0],))
        connection.execute("update lot_run set site = 'S-9' where site = 'S-2'")
    assert {one.what for one in audit(plant)} == {"lot", "lot_battery", "lot_run"}

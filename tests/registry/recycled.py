"""
A story of recycled content: two packs become black mass, sulphate, cathode material, and part of new packs.

    2 × 40 kg Ni, 2 × 5 kg Co  →  black mass 500 kg: 75 kg Ni, 9 kg Co
    → sulphate 300 kg: 66 kg Ni, 9 kg Co; with as much from a mine
    → cathode 240 kg: 120 kg Ni, of them 66 × 120/132 = 60; 14.4 kg Co, of them 9 × 14.4/18 = 7.2; 16.8 kg Li
    → 60 kg into two packs, 30 kg each: 15 kg Ni, 7.5 of them recycled; 1.8 kg Co, 0.9 of them; 2.1 kg Li

A new pack has 40 kg Ni, 5 kg Co and 6 kg Li: 18.75 %, 18 % and 0 %.
"""

import json

from tests.registry import sample

PLANT, MAKER = sample.RECYCLER, sample.MAKER
BLACK, SULPHATE = f"{PLANT}/black-1", f"{PLANT}/sulphate-1"
MINED, CATHODE = f"{MAKER}/mined-1", f"{MAKER}/cathode-1"
OLD = [sample.pack(number) for number in (1, 2)]
NEW = [sample.pack(number) for number in (11, 12)]
COMPOSITION = {"Ni": 40, "Co": 5, "Li": 6}
SHARES = {
    "recycled_nickel_pre_percent": 0.0,
    "recycled_nickel_post_percent": 18.75,
    "recycled_cobalt_pre_percent": 0.0,
    "recycled_cobalt_post_percent": 18.0,
    "recycled_lithium_pre_percent": 0.0,
    "recycled_lithium_post_percent": 0.0,
}


def assays(**shares):
    """Return assays of elements."""
    return [{"element": element, "fraction": share} for element, share in shares.items()]


def lot(name, substance, mass, **shares):
    """Return the members of a lot as a process gives it."""
    return {"lot": name, "substance": substance, "mass_kg": mass, "assays": assays(**shares)}


def model(**points):
    """Return the lines of the model, and what its maker declares of recycled content."""
    lines = [
        sample.line(
            "model_registered", "2026-04-01T10:00:00+08:00", model_id="S-102", composition=COMPOSITION
        )
    ]
    if points:
        lines.append(
            sample.line("points_declared", "2026-04-02T10:00:00+08:00", model_id="S-102", points=points)
        )
    return lines


RECYCLED = sample.line(
    "recycled",
    "2026-06-03T10:00:00+08:00",
    code=OLD[0],
    codes=OLD[1:],
    mass_kg=1000,
    site="S-1",
    outputs=[lot(BLACK, "black_mass", 500, Ni=0.15, Co=0.018)],
    emissions=[{"substance": "other", "mass_kg": 500}],
)
LEACHED = sample.line(
    "lot_processed",
    "2026-06-04T10:00:00+08:00",
    process="leach",
    site="S-1",
    inputs=[{"lot": BLACK, "mass_kg": 500}],
    outputs=[lot(SULPHATE, "nickel_sulfate", 300, Ni=0.22, Co=0.03)],
    emissions=[{"substance": "wastewater", "mass_kg": 200}],
)
MOVED = sample.line("lot_moved", "2026-06-05T10:00:00+08:00", lot=SULPHATE, to=MAKER)
CREATED = sample.line(
    "lot_created",
    "2026-06-05T11:00:00+08:00",
    origin="primary",
    **lot(MINED, "nickel_sulfate", 300, Ni=0.22, Co=0.03),
)
BLENDED = sample.line(
    "lot_processed",
    "2026-06-06T10:00:00+08:00",
    process="synthesise",
    inputs=[{"lot": SULPHATE, "mass_kg": 300}, {"lot": MINED, "mass_kg": 300}],
    additions=[{"substance": "reagent", "mass_kg": 40}],
    outputs=[lot(CATHODE, "cathode_material", 240, Ni=0.5, Co=0.06, Li=0.07)],
    emissions=[{"substance": "gas", "mass_kg": 400}],
)
SPENT = sample.line(
    "credit_spent", "2026-06-08T10:00:00+08:00", code=NEW[0], codes=NEW[1:], lot=CATHODE, mass_kg=60
)


def say(registry, organisation, *lines):
    """Report lines with an organisation's key, all of which are taken; return the receipt."""
    receipt = json.loads(registry.report(sample.report(sample.signer(organisation), list(lines))))
    assert receipt["refused"] == []
    return receipt


def tell(registry, spent=SPENT, **declared):
    """Tell the whole story to a registry."""
    lives = [line for code in OLD for line in sample.first_life(code)]
    made = [
        sample.line("manufactured", "2026-06-07T10:00:00+08:00", code=code, model_id="S-102") for code in NEW
    ]
    say(registry, MAKER, *model(**declared), *lives)
    say(registry, PLANT, RECYCLED, LEACHED, MOVED)
    say(registry, MAKER, CREATED, BLENDED, *made, spent)

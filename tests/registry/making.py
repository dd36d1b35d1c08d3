"""A small pilot line that reports: an electrode lot and one made of it, cells, a module, a pack."""

import json
from datetime import date

from tests.registry import sample
from voltrail.codes import build

MAKER = sample.MAKER
LINE = "Pilot 1"
FIRST, SECOND, OTHER = (f"{MAKER}/EL-{number}" for number in (1, 2, 3))
CELLS = [sample.cell(serial) for serial in range(1, 7)]
LONE = sample.cell(99)
PACK = sample.pack(1)
MODULE = build(maker="9ZZ", level="module", battery_type="B", production_date=date(2026, 4, 12), serial=1)


def say(registry, *lines, organisation=MAKER):
    """Report lines; return the entry of the first. Nothing is refused."""
    receipt = json.loads(registry.report(sample.report(sample.signer(organisation), list(lines))))
    assert not receipt["refused"], receipt
    return receipt["first_index"]


def step(name, day=10, lot=None, codes=(), **more):
    """Return the line of a step's report."""
    about = ({"lot": lot} if lot else {}) | ({"code": codes[0], "codes": list(codes[1:])} if codes else {})
    told = {"unit": "pieces", "entered": 10, "good": 9, "scrapped": {"leak": 1}} | more
    return sample.line(
        "step_reported", f"2026-04-{day:02}T10:00:00+08:00", production_line=LINE, step=name, **about, **told
    )


def begin(registry):
    """Report a line's work: two lots, the second made of the first; cells of each; a module; a pack."""
    say(
        registry,
        *(
            sample.line(
                "lot_created",
                "2026-04-01T10:00:00+08:00",
                lot=lot,
                substance="electrodes",
                mass_kg=20,
                origin="primary",
            )
            for lot in (FIRST, OTHER)
        ),
        step("coating", 2, FIRST, unit="m", entered=100, good=96, scrapped={"edges": 4}),
        sample.line(
            "lot_processed",
            "2026-04-03T10:00:00+08:00",
            process="split",
            inputs=[{"lot": FIRST, "mass_kg": 10}],
            outputs=[{"lot": SECOND, "substance": "electrodes", "mass_kg": 10}],
        ),
        sample.line("manufactured", "2026-04-05T10:00:00+08:00", code=CELLS[0], codes=[*CELLS[1:], LONE]),
        step("formation", 6, FIRST, CELLS[:2]),
        step("formation", 7, SECOND, CELLS[2:4]),
        step("grading", 8, None, CELLS[:4], readings=[{"quantity": "capacity_ah", "mean": 20.4}]),
        sample.line(
            "credit_spent", "2026-04-08T10:00:00+08:00", code=CELLS[4], codes=[CELLS[5]], lot=OTHER, mass_kg=1
        ),
        sample.line("manufactured", "2026-04-09T10:00:00+08:00", code=MODULE),
        sample.line("assembled", "2026-04-09T11:00:00+08:00", code=MODULE, codes=CELLS[1:6]),
        sample.line("manufactured", "2026-04-10T10:00:00+08:00", code=PACK, model_id="S-102"),
        sample.line("assembled", "2026-04-10T11:00:00+08:00", code=PACK, codes=[MODULE]),
    )
    follow(registry)


def follow(registry):
    """Bring up what is asked of a line."""
    while registry.lines.follow() or registry.lots.follow():
        pass

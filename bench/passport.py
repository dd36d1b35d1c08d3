"""
Measure what a passport costs: one at a time over HTTP at an offered load, and all of them into a file.

    python bench/passport.py --batteries 10000000

Batteries are drawn at random from those stored, each stored by a report as everything is: made with the
points that are measured at the end of the line, of a model whose points its maker declared, so that each
passport has every mandatory point. One in ten was measured again later.
"""

from __future__ import annotations

import random
import sys
from datetime import datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench import ledger

import voltrail
from voltrail.demo import dossier
from voltrail.demo.market import LFP
from voltrail.registry.registry import Registry

MODEL, SITE = "S-102", "BENCH-1"
MADE = datetime(2026, 2, 1, 8, tzinfo=ledger.CHINA)
AGAIN = datetime(2026, 8, 1, 8, tzinfo=ledger.CHINA)
TESTED = dossier.tested(LFP)


def begin(folder: Path) -> None:
    """Make a registry with one maker, its plant, and the points of its model."""
    ledger.begin(folder)
    since = datetime(2020, 1, 2, tzinfo=ledger.CHINA)
    address = "1 Sample Road, Ningde"
    trust = [
        ledger.line(
            "organisation_registered", since, organisation=ledger.MAKER, name="Sample", address=address
        ),
        ledger.line(
            "site_registered", since, site=SITE, organisation=ledger.MAKER, name="Plant", site_type="plant",
            address=address,
        ),
    ]  # fmt: skip
    model = [
        ledger.line("model_registered", since, model_id=MODEL, level="pack", chemistry="LFP"),
        ledger.line("points_declared", since, model_id=MODEL, points=dossier.declared(1, LFP, MODEL)),
    ]
    with voltrail.open(folder) as registry:
        registry.report(ledger.file(trust, random.Random(0), ledger.signer(ledger.AUTHORITY)))
        registry.report(ledger.file(model, random.Random(0)))


def made(number: int) -> list[bytes]:
    """Return the lines of one battery."""
    code = ledger.pack(number)
    lines = [
        ledger.line(
            "manufactured", MADE, code=code, model_id=MODEL, site=SITE, mass_kg=612.5, energy_kwh=55.0,
            points=TESTED,
        )
    ]  # fmt: skip
    if number % 10 == 0:
        lines.append(ledger.line("measured", AGAIN, code=code, soh_fraction=0.97, cycles=number % 400))
    return lines


def fill(registry: Registry, stored: int, size: int) -> None:
    """Report batteries until `size` are stored."""
    rng = random.Random(1)
    for start in range(stored, size, 10_000):
        lines = [line for n in range(start, min(start + 10_000, size)) for line in made(n)]
        registry.report(ledger.file(lines, rng))
        if sys.stderr.isatty():
            print(f"\r{start + 10_000:,} stored", end="", file=sys.stderr)
    with registry.database.connect() as connection:
        connection.autocommit = True
        connection.execute("vacuum analyze")
        connection.execute("checkpoint")

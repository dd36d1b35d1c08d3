"""Recycled content of one battery from its upstream rows: as of the whole record, and in its passport."""

import json
import re
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.recycling.content_strategies import CODES, FIRMS, materials
from tests.registry import recycled, sample
from voltrail.events import encode
from voltrail.organisations.access import Reader
from voltrail.recycling.content import content
from voltrail.recycling.content_arrays import table
from voltrail.registry.recycled_content import spent_on, upstream


def points(registry, code, **asked):
    """Return the points of recycled content in a battery's passport, and the entries that they rest on."""
    told = registry.passport(code, **asked)
    found = {name: known for name, known in told.values.items() if name.startswith("recycled_")}
    return {name: known.value for name, known in found.items()}, {
        (known.derived, known.entries) for known in found.values()
    }


def test_a_passport_says_what_the_record_shows(registry):
    """By hand: 7.5 of 40 kg nickel, 0.9 of 5 kg cobalt; over what is declared, and with where it is from."""
    recycled.tell(registry, recycled_nickel_post_percent=30, recycled_lead_percent=1)
    values, whence = points(registry, recycled.NEW[0])
    assert values == recycled.SHARES | {"recycled_lead_percent": 1}
    spent = registry.history(recycled.NEW[0])["events"][0]
    assert (spent["kind"], (True, (spent["index"],)) in whence) == ("credit_spent", True)


def test_a_file_of_all_passports_says_the_same(registry):
    """Read for many batteries at once, each has what it has by itself."""
    recycled.tell(registry, recycled_nickel_post_percent=30)
    registry.lots.follow()
    lines = b"".join(lines for _, _, lines in registry.export_passports("en18223", Reader("operator")))
    written = {
        code: line
        for line in lines.splitlines()
        for code in (*recycled.NEW, *recycled.OLD)
        if code.encode() in line
    }
    assert all(b"18.75" in written[code] for code in recycled.NEW)
    assert all(b"18.75" not in written[code] for code in recycled.OLD)


def test_without_a_credit_what_the_maker_declares_stands(registry):
    """The old packs have no credit in their chain: what is declared of the model is told as it is."""
    recycled.tell(registry, recycled_nickel_post_percent=30)
    assert points(registry, recycled.OLD[0])[0] == {"recycled_nickel_post_percent": 30}


def test_a_later_correction_of_a_lot_changes_what_packs_show(registry):
    """Half of the black mass turns out to be no nickel: the passport says so without anything kept."""
    recycled.tell(registry)
    assert points(registry, recycled.NEW[0])[0]["recycled_nickel_post_percent"] == 18.75
    made = json.loads(recycled.RECYCLED)
    made["outputs"][0]["assays"][0]["fraction"] = 0.05
    index = registry.lots.find(recycled.BLACK).made
    correction = sample.line(
        "corrected",
        "2026-06-20T10:00:00+08:00",
        code=recycled.OLD[0],
        codes=recycled.OLD[1:],
        lots=[recycled.BLACK],
        corrects=index,
        line=json.dumps(made, separators=(",", ":")),
    )
    recycled.say(registry, recycled.PLANT, correction)
    # 25 kg came into the leaching and 66 kg out of it: 25 × 120/132 = 22.727… kg in 240 kg of cathode, so
    # 22.727 × 30/240 = 2.841 kg in a pack: 7.1022 % of 40 kg.
    assert points(registry, recycled.NEW[0])[0]["recycled_nickel_post_percent"] == 7.1022


def test_what_went_into_cells_is_in_the_pack(registry):
    """The credit was spent on two cells: the pack has both parts of it, until one is taken out."""
    cells = [sample.cell(1), sample.cell(2)]
    line = json.loads(recycled.SPENT) | {"code": cells[0], "codes": cells[1:], "mass_kg": 30}
    recycled.tell(registry, spent=json.dumps(line, separators=(",", ":")).encode())
    pack = recycled.NEW[0]
    assert points(registry, pack)[0] == {}
    recycled.say(
        registry,
        recycled.MAKER,
        sample.line("assembled", "2026-06-09T10:00:00+08:00", code=pack, codes=cells),
    )
    registry.lots.follow()
    assert points(registry, pack)[0] == recycled.SHARES
    recycled.say(
        registry,
        recycled.MAKER,
        sample.line("disassembled", "2026-06-10T10:00:00+08:00", code=pack, codes=cells[:1]),
    )
    assert points(registry, pack)[0]["recycled_nickel_post_percent"] == 18.75 / 2


def test_a_cell_that_two_packs_claim_counts_in_one(registry):
    """It is in the pack that its own record says: nobody has its content twice."""
    cell = sample.cell(1)
    line = json.loads(recycled.SPENT) | {"code": cell, "codes": [], "mass_kg": 30}
    recycled.tell(registry, spent=json.dumps(line, separators=(",", ":")).encode())
    for day, pack in enumerate(recycled.NEW, 9):
        assembled = sample.line("assembled", f"2026-06-{day:02}T10:00:00+08:00", code=pack, codes=[cell])
        recycled.say(registry, recycled.MAKER, assembled)
    registry.lots.follow()
    found = [points(registry, pack)[0] for pack in recycled.NEW]
    assert sum(bool(one) for one in found) <= 1


def test_a_passport_of_a_past_day_knows_no_later_credit(registry):
    """As of a day between two credits, one counts."""
    recycled.tell(registry)
    later = sample.line(
        "credit_spent", "2026-06-18T10:00:00+08:00", code=recycled.NEW[0], lot=recycled.CATHODE, mass_kg=30
    )
    recycled.say(registry, recycled.MAKER, later)
    then = datetime(2026, 6, 15, tzinfo=UTC)
    assert points(registry, recycled.NEW[0], as_of=then)[0] == recycled.SHARES
    assert points(registry, recycled.NEW[0])[0]["recycled_nickel_post_percent"] == 37.5


@pytest.fixture
def plants(registry):
    """A registry in which maker and recycler may report everything of lots."""
    lines = [
        sample.line("role_granted", "2020-01-01T00:00:00+08:00", organisation=name, role=role)
        for name in (sample.MAKER, sample.RECYCLER)
        for role in ("battery_maker", "utilisation_enterprise")
    ]
    registry.report(sample.report(sample.authority(), lines))
    return registry


@given(materials(), st.randoms(use_true_random=False))
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, *HealthCheck]
)
def test_one_battery_has_what_the_whole_record_says(plants, found, random):
    """Reported in any order, some refused: upstream rows, all rows and arrays give one result for each."""
    said = next(_numbers)
    reports = [(_line(run.event, said), run.reporter) for run in found.runs]
    random.shuffle(reports)
    for line, firm in reports:
        plants.report(sample.report(sample.signer(_AS[firm]), [line]))
    while plants.lots.follow():
        pass
    material = plants.lots.material()
    whole, fast = content(material), table(material)
    rows = {index: row for row, index in enumerate(fast.runs)}
    codes = [sample.pack(100_000 + said * len(CODES) + n) for n in range(len(CODES))]
    with plants.database.pool.connection() as connection:
        for spent in spent_on(connection, codes).values():
            told = upstream(connection, spent).content()
            for index in spent:
                assert told.credits[index] == whole.credits[index]
                counted = {
                    element: tuple(map(int, fast.counted[rows[index], column]))
                    for column, element in enumerate(fast.elements)
                }
                for element, amount in told.credits[index].recycled.items():
                    assert counted[element] == amount


_AS = dict(zip(FIRMS, (sample.RECYCLER, sample.MAKER), strict=True))
_numbers = iter(range(10_000))


def _line(event, said):
    """Return an event as the sample's firms report it; lots and codes of each example are its own."""
    text = encode(event).decode()
    for firm, name in _AS.items():
        text = text.replace(f'"{firm}/', f'"{name}/{said}-')
    for number, code in enumerate(CODES):
        text = text.replace(code, sample.pack(100_000 + said * len(CODES) + number))
    text = re.sub(r"(?<=:)\d+(\.\d+)?(e-\d+)?(?=[,}])", _plain, text)
    return text.replace('"2031-', '"2026-').encode()


def _plain(number):
    return f"{float(number[0]):.6f}".rstrip("0").rstrip(".")

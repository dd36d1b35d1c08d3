"""Networks of stations made up for tests, along a road from south to north: by hand, or drawn."""

from hypothesis import strategies as st

from voltrail.swap.network import PackThere, StationThere
from voltrail.swap.way import Point

NOW_MS = 1_780_000_000_000
SOUTH, NORTH = Point(latitude=30, longitude=114), Point(latitude=31.6, longitude=114)


def pack(code, ready=0.0, health=1.0, pack_type="qiji-171", refused=None, charge=1.0):
    return PackThere(
        code=code,
        pack_type=pack_type,
        energy_kwh=171.0,
        charge=charge,
        ready_min=ready,
        health=health,
        refused=refused,
    )


def station(number, latitude, packs, **changed):
    """Return a station by the road; it has a bay, nobody waits, nobody is expected, it spoke just now."""
    members = {
        "site": f"site-{number}",
        "name": f"Station {number}",
        "operator": "operator",
        "latitude": latitude,
        "longitude": 114.0,
        "interfaces": ("qiji",),
        "bays": 1,
        "slots": 12,
        "chargers": 4,
        "charger_kw": 300.0,
        "swap_min": 5.0,
        "packs": tuple(packs),
        "queue": 0,
        "per_hour": (0.0,) * 24,
        "said_ms": NOW_MS,
    }
    return StationThere(**(members | changed))


HOURLY = st.lists(st.sampled_from([0.0, 2.0, 10.0, 14.0]), min_size=24, max_size=24).map(tuple)


@st.composite
def networks(draw, most=5, most_packs=4):
    """Draw a few stations between SOUTH and NORTH, some of them of no use."""
    found = []
    for number in range(draw(st.integers(1, most))):
        packs = [
            pack(
                f"{number}-{place}",
                ready=draw(st.sampled_from([0.0, 30.0, 200.0, 400.0])),
                health=draw(st.sampled_from([0.7, 0.9, 1.0])),
                refused=draw(st.sampled_from([None, None, None, "It is worn out."])),
            )
            for place in range(draw(st.integers(1, most_packs)))
        ]
        found.append(
            station(
                number,
                draw(st.floats(30.0, 31.6)),
                packs,
                longitude=114 + draw(st.floats(-0.2, 0.2)),
                interfaces=draw(st.sampled_from([("qiji",), ("qiji",), ("qiji",), ("t-imas-052-1",)])),
                queue=draw(st.integers(0, 8)),
                per_hour=draw(HOURLY),
                said_ms=draw(st.sampled_from([NOW_MS, None, NOW_MS - 10**8])),
            )
        )
    return found

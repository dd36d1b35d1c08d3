"""What the record says against putting a pack in, as of the swap."""

import pytest

from tests.lifecycle.strategies import ORGANISATIONS, PACKS, VINS, at, recorded
from voltrail.events import kinds as k
from voltrail.events import subjects
from voltrail.lifecycle import effective_events, fold
from voltrail.lifecycle.swapping import reasons, unfit
from voltrail.swap.fitness import MISFITS, UNFITS

PACK, VIN = PACKS[0], VINS[0]
ALL = (*MISFITS, *UNFITS)


class Record:
    """A record in memory, which counts how often a life was read."""

    def __init__(self, *events):
        self.log = [recorded(event, index) for index, event in enumerate(events)]
        self.read = 0

    def state(self, subject):
        return fold(subject, [one for one in self.log if subject in subjects(one.event)])

    def events(self, subject):
        self.read += 1
        return effective_events(self.log, subject)

    def speaks(self, hours=20, among=ALL):
        """Return what speaks against the pack at a time."""
        swap = k.Swapped(occurred_at=at(hours), codes=(PACK,), put_in=PACK, vin=VIN, station="S1")
        return reasons(swap, self, among)


MODEL = k.ModelRegistered(occurred_at=at(0), model_id="Q", swap_pack="qiji-171")
MADE = k.Manufactured(occurred_at=at(1), code=PACK, model_id="Q")
THERE = k.Received(occurred_at=at(3), code=PACK, station="S1")
SENT = k.Shipped(occurred_at=at(2), code=PACK, to=ORGANISATIONS[0])
SOUND = (MODEL, MADE, SENT, THERE)


def vehicle(interface):
    return k.VehicleCertified(occurred_at=at(0), vin=VIN, codes=(), swap_interface=interface)


def station(*interfaces):
    return k.SiteRegistered(
        occurred_at=at(0),
        site="S1",
        organisation=ORGANISATIONS[0],
        site_type="station",
        interfaces=interfaces,
    )


def incident(what, **more):
    return k.IncidentReported(occurred_at=at(5), code=PACK, incident=what, **more)


ELSEWHERE = k.Enrolled(occurred_at=at(5), code=PACK, place="in_vehicle", basis="vin", vin=VINS[1])


def recalled(hours):
    return k.Recalled(occurred_at=at(hours), code=PACK, campaign="R-1")


@pytest.mark.parametrize(
    ("more", "found"),
    [
        ((), ()),
        ((vehicle(None), station()), ()),
        ((vehicle("qiji"), station("t-imas-052-1", "qiji")), ()),
        ((vehicle("t-imas-052-1"),), ("vehicle_interface",)),
        ((station("t-imas-052-1"),), ("station_interface",)),
        ((recalled(5),), ("open_recall",)),
        ((recalled(5), k.Serviced(occurred_at=at(6), code=PACK, campaign="R-1")), ()),
        ((incident("leak"),), ("open_incident",)),
        ((incident("other", alarm_level=3),), ("open_incident",)),
        (
            (
                incident("leak"),
                k.Assessed(occurred_at=at(6), code=PACK, decision="reuse", transport="normal"),
            ),
            (),
        ),
        ((k.Retired(occurred_at=at(5), code=PACK),), ("out_of_use",)),
        ((k.Measured(occurred_at=at(5), code=PACK, soh_fraction=0.69),), ("worn",)),
        ((k.Measured(occurred_at=at(5), code=PACK, soh_fraction=0.71),), ()),
        ((k.Installed(occurred_at=at(5), code=PACK, vin=VINS[1]),), ()),
        ((ELSEWHERE,), ("disputed",)),
    ],
)  # fmt: skip
def test_the_record_speaks(more, found):
    """Interfaces, recalls, incidents, waste, wear and a dispute, each until the record says otherwise."""
    assert Record(*SOUND, *more).speaks() == found


def test_what_comes_later_does_not_count():
    """A swap that is told late is judged by what was on record of the time before it."""
    record = Record(*SOUND, recalled(30), k.Retired(occurred_at=at(31), code=PACK))
    assert record.speaks(hours=20) == ()
    assert record.speaks(hours=40) == ("out_of_use", "open_recall")


def test_a_life_is_read_only_where_it_matters():
    """Whether interfaces agree needs no look at the life: so the cheap question stays cheap."""
    record = Record(*SOUND, vehicle("t-imas-052-1"))
    assert record.speaks(among=MISFITS) == ("vehicle_interface",)
    assert record.read == 0


def test_the_gravest_reason_is_named_first():
    """What is asked for a list of packs is one word: that it is waste comes before that it is worn."""
    record = Record(
        *SOUND,
        k.Measured(occurred_at=at(5), code=PACK, soh_fraction=0.5),
        k.Retired(occurred_at=at(6), code=PACK),
    )
    battery, life = record.state("battery:" + PACK), record.events("battery:" + PACK)
    assert unfit(battery, life) == "out_of_use"

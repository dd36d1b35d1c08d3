"""A swap network for tests: an operator with two stations, a battery bank, trucks and packs."""

import json
from datetime import UTC, datetime, timedelta

from tests.registry import sample
from voltrail.organisations.identifiers import credit_code

SWAPPER = credit_code("91000000MA0000101")
RIVAL = credit_code("91000000MA0000102")
BANK = credit_code("91000000MA0000103")
STATION, OTHER = "ST-1", "ST-2"
VINS = tuple(f"LSVSAMP000000000{number}" for number in range(1, 4))
START = datetime(2026, 5, 4, tzinfo=UTC)


def at(hours):
    """Return a time of the tale: hours from its beginning."""
    return (START + timedelta(hours=hours)).isoformat()


def trust():
    """Return the lines of the authority: who takes part."""
    roles = ((SWAPPER, "swap_operator"), (RIVAL, "swap_operator"), (BANK, "battery_owner"))
    return [one for name, role in roles for one in sample.registrations(name, role)]


def send(registry, organisation, *lines):
    """Report lines; return the index of the first."""
    key = sample.authority() if organisation == sample.AUTHORITY else sample.signer(organisation)
    receipt = json.loads(registry.report(sample.report(key, list(lines))))
    assert not receipt["refused"], receipt["refused"]
    return receipt["first_index"]


def station(name=STATION, operator=SWAPPER, **members):
    """Return the line by which an operator registers a station."""
    about = {"site": name, "organisation": operator, "site_type": "station", "name": f"Station {name}"}
    about |= {"latitude": 22.7, "longitude": 114.1} | members
    return sample.line("site_registered", "2026-04-01T00:00:00+08:00", **about)


def begin(registry, packs, per_station=3):
    """
    Register all, make packs that belong to the bank: the first ones in trucks, the others in ST-1.

    Returns nothing; `packs` has a pack for each of `VINS`, then those of the station.
    """
    send(registry, sample.AUTHORITY, *trust())
    send(registry, SWAPPER, station(), station(OTHER, latitude=23.1, longitude=113.3))
    model = sample.line("model_registered", "2026-04-01T00:00:00+08:00", model_id="S-102", level="pack",
                        chemistry="LFP", energy_kwh=282)  # fmt: skip
    send(registry, sample.MAKER, model)
    for number, code in enumerate(packs):
        made, shipped = sample.first_life(code)
        owner = sample.line("ownership_transferred", "2026-04-13T11:00:00+08:00", code=code, to=BANK)
        if number < len(VINS):
            send(registry, sample.MAKER, made, shipped)
            send(registry, sample.CARMAKER, *sample.fitted(code, VINS[number]))
            send(registry, sample.MAKER, owner)
        else:
            shipped = sample.line("shipped", "2026-04-13T10:00:00+08:00", code=code, to=SWAPPER)
            send(registry, sample.MAKER, made, shipped, owner)
            send(registry, SWAPPER, received(code))


def received(code, name=STATION, when="2026-04-20T10:00:00+08:00"):
    """Return the line by which a pack comes to a station."""
    return sample.line("received", when, code=code, from_=sample.MAKER, station=name)


def swapped(hours, vin, out, in_, name=STATION, **members):
    """Return the line of a swap, some hours after the beginning."""
    about = {"codes": [out, in_], "taken_out": out, "put_in": in_, "vin": vin, "station": name}
    return sample.line("swapped", at(hours), **about | members)

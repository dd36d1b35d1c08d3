"""Where a battery is, step by step: the lives that really happen, and what is found when a step lacks."""

from tests.lifecycle.strategies import MODULES, ORGANISATIONS, PACKS, VINS, at, recorded
from voltrail.events import kinds as k
from voltrail.lifecycle import effective, fold

MAKER, CARMAKER, RECYCLER = ORGANISATIONS
PACK, OTHER, THIRD = PACKS
VIN, VIN_B = VINS
MODULE = MODULES[0]


def life(*told):
    """Return a history from (reporter, struct, fields), one hour apart."""
    return [
        recorded(struct(**{"occurred_at": at(hour), **fields}), hour, reporter)
        for hour, (reporter, struct, fields) in enumerate(told)
    ]


def state_of(code, history):
    """Return the state of a battery."""
    return fold(f"battery:{code}", [one for one in history if code in str(one.event)])


def rules(battery):
    """Return the rules of what was found."""
    return [finding.rule for finding in battery.findings]


MADE = (MAKER, k.Manufactured, {"code": PACK, "model_id": "S-102"})
SENT = (MAKER, k.Shipped, {"code": PACK, "to": CARMAKER})
CAME = (CARMAKER, k.Received, {"code": PACK})
FITTED = (CARMAKER, k.Installed, {"code": PACK, "vin": VIN})
SOLD = (CARMAKER, k.Sold, {"vin": VIN, "codes": (PACK,)})
OUT = (RECYCLER, k.Removed, {"code": PACK, "vin": VIN})


def test_a_whole_life_without_gaps_has_no_findings():
    """Made, shipped, fitted, sold, taken out, retired and recycled: nothing to find."""
    history = life(
        MADE,
        SENT,
        CAME,
        FITTED,
        SOLD,
        OUT,
        (RECYCLER, k.Retired, {"code": PACK}),
        (RECYCLER, k.Recycled, {"code": PACK}),
    )

    battery = state_of(PACK, history)

    assert (battery.place, battery.phase, battery.end, battery.findings) == ("gone", "ended", "recycled", ())
    assert battery.ended_at == at(7)
    assert battery.model_id == "S-102"


def test_custody_moves_when_received():
    """While in transit the sender is still the holder."""
    assert state_of(PACK, life(MADE, SENT)).holder == MAKER
    assert state_of(PACK, life(MADE, SENT, CAME)).holder == CARMAKER


def test_the_sender_may_receive_back():
    """A shipment that comes back is received by whoever sent it, without a finding."""
    battery = state_of(PACK, life(MADE, SENT, (MAKER, k.Received, {"code": PACK})))

    assert (battery.holder, battery.findings) == (MAKER, ())


def test_a_handover_not_reported_is_a_gap_that_names_who():
    """A battery fitted by someone who never received it: the gap names the sender."""
    battery = state_of(PACK, life(MADE, FITTED))

    assert battery.place == "in_vehicle"
    assert rules(battery) == ["lifecycle.handover_not_reported"]
    assert MAKER in battery.findings[0].message


def test_a_missing_step_that_arrives_late_mends_the_gap():
    """The removal reported weeks later, at its own time, leaves no gap."""
    history = life(MADE, SENT, CAME, FITTED, SOLD, (RECYCLER, k.Collected, {"code": PACK}))
    assert rules(state_of(PACK, history)) == ["lifecycle.removal_not_reported"]

    late = recorded(k.Removed(occurred_at=at(4.5), code=PACK, vin=VIN), 99, RECYCLER)

    assert rules(state_of(PACK, [*history, late])) == []


def test_two_vehicles_at_once_are_disputed_until_a_removal_arrives():
    """Fitted into B while the record has it in A: two claims, and one again once A's removal is known."""
    history = life(MADE, SENT, CAME, FITTED, (CARMAKER, k.Installed, {"code": PACK, "vin": VIN_B}))
    disputed = state_of(PACK, history)
    assert (disputed.place, rules(disputed)) == ("disputed", ["lifecycle.two_places"])
    assert {claim.vin for claim in disputed.claims} == {VIN, VIN_B}

    late = recorded(k.Removed(occurred_at=at(3.5), code=PACK, vin=VIN), 99, CARMAKER)
    mended = state_of(PACK, [*history, late])

    assert (mended.place, mended.whereabouts.vin, mended.findings) == ("in_vehicle", VIN_B, ())


def test_a_correction_mends_a_dispute():
    """The wrong VIN corrected to the right one leaves one place."""
    history = life(MADE, SENT, CAME, FITTED, (CARMAKER, k.Installed, {"code": PACK, "vin": VIN_B}))
    void = k.Corrected(occurred_at=at(90), code=PACK, vin=VIN_B, corrects=4, void=True)

    battery = state_of(PACK, [*history, recorded(void, 90, CARMAKER)])

    assert (battery.place, battery.whereabouts.vin) == ("in_vehicle", VIN)
    assert battery.mended == ((4, 90),)


def test_the_last_of_a_chain_of_corrections_counts():
    """A void that is itself corrected by a line: the line stands, with the index of the first."""
    history = life(MADE, SENT, CAME, FITTED)
    void = k.Corrected(occurred_at=at(90), code=PACK, vin=VIN, corrects=3, void=True)
    line = f'{{"kind":"installed","occurred_at":"2026-05-01T03:00:00+00:00","code":"{PACK}","vin":"{VIN_B}"}}'
    again = k.Corrected(occurred_at=at(91), code=PACK, vin=VIN_B, corrects=90, line=line)

    battery = state_of(PACK, [*history, recorded(void, 90, CARMAKER), recorded(again, 91, CARMAKER)])

    assert battery.whereabouts.vin == VIN_B
    assert battery.holder == CARMAKER


def test_anything_after_an_end_is_a_conflict():
    """A recycled pack that is measured again is in two places: gone, and somewhere."""
    history = life(
        MADE, (MAKER, k.Recycled, {"code": PACK}), (CARMAKER, k.Measured, {"code": PACK, "soh_fraction": 0.9})
    )

    battery = state_of(PACK, history)

    assert battery.place == "disputed"
    assert battery.end == "recycled"


def test_exported_is_left_by_imported():
    """A battery that comes back into the country lives again in the phase it had."""
    history = life(
        MADE,
        (MAKER, k.Retired, {"code": PACK}),
        (MAKER, k.Exported, {"code": PACK, "country": "DE"}),
        (CARMAKER, k.Imported, {"code": PACK, "cleared_at": at(3)}),
    )
    assert state_of(PACK, history[:3]).end == "exported"

    battery = state_of(PACK, history)

    assert (battery.place, battery.holder, battery.end, battery.phase) == (
        "in_stock",
        CARMAKER,
        None,
        "waste",
    )
    assert battery.findings == ()


def test_missing_is_left_by_found():
    """A stolen battery that turns up is in stock at whoever reports it."""
    history = life(MADE, (MAKER, k.Lost, {"code": PACK, "how": "stolen"}))
    assert state_of(PACK, history).place == "missing"

    found = recorded(k.Found(occurred_at=at(9), code=PACK), 9, RECYCLER)

    battery = state_of(PACK, [*history, found])
    assert (battery.place, battery.holder, battery.findings) == ("in_stock", RECYCLER, ())


def test_a_swap_moves_both_packs():
    """One pack goes from the vehicle to the station, the other from the station into the vehicle."""
    history = life(
        (MAKER, k.Enrolled, {"code": PACK, "place": "in_vehicle", "basis": "vin", "vin": VIN}),
        (MAKER, k.Enrolled, {"code": OTHER, "place": "in_swap_station", "basis": "label", "site": "S1"}),
        (
            MAKER,
            k.Swapped,
            {"codes": (PACK, OTHER), "taken_out": PACK, "put_in": OTHER, "vin": VIN, "station": "S1"},
        ),
    )

    out, into = state_of(PACK, history), state_of(OTHER, history)
    vehicle = fold(f"vehicle:{VIN}", [history[0], history[2]])

    assert (out.place, out.whereabouts.site, out.findings) == ("in_swap_station", "S1", ())
    assert (into.place, into.whereabouts.vin, into.findings) == ("in_vehicle", VIN, ())
    assert vehicle.batteries == (OTHER,)


def test_a_pack_that_is_first_heard_of_in_use_has_a_gap():
    """A pack nobody made or enrolled: its making is not reported; a module may first appear by assembly."""
    assert rules(state_of(PACK, life(FITTED))) == ["lifecycle.not_begun"]

    module = state_of(MODULE, life((MAKER, k.Assembled, {"code": PACK, "codes": (MODULE,)})))

    assert (module.place, module.findings) == ("in_parent", ())


def test_a_module_is_where_its_pack_is_and_ends_with_it():
    """Effective place, holder and end come from the parent while in_parent."""
    history = life(
        MADE,
        (MAKER, k.Assembled, {"code": PACK, "codes": (MODULE,)}),
        SENT,
        CAME,
        FITTED,
    )
    states = {code: state_of(code, history) for code in (PACK, MODULE)}

    there = effective(states[MODULE], states.get)

    assert (there.place, there.vin, there.holder, there.through) == ("in_vehicle", VIN, CARMAKER, (PACK,))
    assert states[PACK].parts == (MODULE,)


def test_repurposing_links_old_and_new_for_ever():
    """The old pack ends as succeeded; the new one begins in stock and names its predecessor."""
    history = life(
        MADE,
        (MAKER, k.Shipped, {"code": PACK, "to": RECYCLER}),
        (RECYCLER, k.Received, {"code": PACK}),
        (RECYCLER, k.Repurposed, {"codes": (PACK, OTHER), "into": (OTHER,), "use": "storage"}),
    )

    old, new = state_of(PACK, history), state_of(OTHER, history)

    assert (old.end, old.successors, old.findings) == ("succeeded", (OTHER,), ())
    assert (new.place, new.holder, new.phase, new.predecessors) == (
        "in_stock",
        RECYCLER,
        "repurposed",
        (PACK,),
    )


def test_dismantling_sets_the_modules_free():
    """The pack ends; its modules are in stock at the dismantler under their own codes."""
    history = life(
        MADE,
        (MAKER, k.Assembled, {"code": PACK, "codes": (MODULE,)}),
        (MAKER, k.Dismantled, {"code": PACK, "codes": (MODULE,)}),
    )

    pack, module = state_of(PACK, history), state_of(MODULE, history)

    assert (pack.end, pack.parts) == ("dismantled", ())
    assert (module.place, module.holder, module.findings) == ("in_stock", MAKER, ())


def test_a_vehicle_sold_with_another_battery_than_the_record_has_is_a_finding():
    """Vehicle events name the batteries; where they differ from the record, that is found."""
    history = life(FITTED, (CARMAKER, k.Sold, {"vin": VIN, "codes": (OTHER,)}))

    vehicle = fold(f"vehicle:{VIN}", history)

    assert [finding.rule for finding in vehicle.findings] == ["vehicle.batteries_differ"]
    assert vehicle.batteries == (OTHER,)


def test_stocktaking_changes_nothing():
    """A pack counted where the record does not have it stays where it was, with a finding."""
    history = life(MADE, SENT, CAME, FITTED, (MAKER, k.Stocktaken, {"site": "W1", "codes": (PACK,)}))

    battery = state_of(PACK, history)

    assert (battery.place, rules(battery)) == ("in_vehicle", ["lifecycle.stock_differs"])


def test_a_vehicle_exported_takes_its_battery_and_brings_it_back():
    """vehicle_exported ends the battery with the vehicle; vehicle_imported brings both back."""
    history = life(
        MADE,
        SENT,
        CAME,
        FITTED,
        (CARMAKER, k.VehicleExported, {"vin": VIN, "codes": (PACK,)}),
        (CARMAKER, k.VehicleImported, {"vin": VIN, "codes": (PACK,)}),
    )
    assert state_of(PACK, history[:5]).end == "exported"

    battery = state_of(PACK, history)

    assert (battery.place, battery.end, battery.phase, battery.findings) == (
        "in_vehicle",
        None,
        "original",
        (),
    )


def test_two_makers_of_one_code_are_a_conflict():
    """A second manufactured elsewhere: the code stands for two batteries."""
    battery = state_of(PACK, life(MADE, (CARMAKER, k.Manufactured, {"code": PACK})))

    assert battery.place == "disputed"
    assert rules(battery) == ["lifecycle.two_places"]

"""What is refused at the door, what is taken, and with which findings."""

from base64 import b64encode
from datetime import UTC, datetime, timedelta

import pytest

from tests.lifecycle.strategies import MODULES, ORGANISATIONS, PACKS, VINS, at, recorded
from voltrail.events import kinds as k
from voltrail.events import subjects
from voltrail.lifecycle import fold, judge, judge_intention
from voltrail.organisations.trust import Organisation, RolePeriod
from voltrail.regimes import RULES

MAKER, CARMAKER, RECYCLER = ORGANISATIONS
AUTHORITY = "91000000MA00000009"
PACK, OTHER, _ = PACKS
MODULE = MODULES[0]
LONG_AGO = datetime(2018, 1, 1, tzinfo=UTC)


class Record:
    """A record in memory: what `World` asks for."""

    def __init__(self, *history):
        self.history = {one.index: one for one in history}
        self.roles = {
            MAKER: "battery_maker",
            CARMAKER: "vehicle_maker",
            RECYCLER: "utilisation_enterprise",
            AUTHORITY: "authority",
        }
        self.former = {}

    def state(self, subject):
        return fold(subject, [one for one in self.history.values() if subject in subjects(one.event)])

    def organisation(self, identifier):
        if identifier not in self.roles:
            return None
        period = RolePeriod(self.roles[identifier], LONG_AGO)
        known = self.state("organisation:" + identifier)
        keys = known.keys if known is not None else ()
        return Organisation(identifier, roles=(period,), keys=keys, former=self.former.get(identifier))

    def recorded(self, index):
        return self.history.get(index)


def ms(when):
    """Return a time in milliseconds since 1970."""
    return int(when.timestamp() * 1000)


def verdict(event, reporter, world=None, received=None):
    """Return the verdict on an event, received as it happened."""
    received = event.occurred_at if received is None else received
    return judge(event, reporter, ms(received), world or Record(), RULES)


def rule(event, reporter, world=None, received=None):
    """Return the rule of the refusal, or None."""
    refusal = verdict(event, reporter, world, received).refusal
    return refusal and refusal.rule


MADE = k.Manufactured(occurred_at=at(0), code=PACK)


def test_what_may_be_true_is_taken():
    """A maker reports a battery: taken, nothing found."""
    found = verdict(MADE, MAKER)

    assert (found.refusal, found.findings) == (None, ())


def test_a_reporter_must_be_registered():
    """An organisation nobody registered is told to register."""
    assert rule(MADE, "91000000MA0000000Z") == "role.unregistered"


def test_a_role_that_never_reports_the_kind_is_refused_and_told_who_may():
    """A recycler makes no batteries; the refusal names who does."""
    refusal = verdict(MADE, RECYCLER).refusal

    assert refusal.rule == "role.may_not"
    assert "battery_maker" in refusal.fix


def test_roles_are_those_of_the_day_it_happened():
    """A battery made before the maker had its role is refused."""
    early = k.Manufactured(occurred_at=LONG_AGO - timedelta(days=1), code=PACK)

    assert rule(early, MAKER) == "role.may_not"


def test_five_minutes_ahead_are_allowed_and_no_more():
    """Clocks differ by minutes; what has not happened is no fact."""
    assert rule(MADE, MAKER, received=at(0) - timedelta(minutes=5)) is None
    assert rule(MADE, MAKER, received=at(0) - timedelta(minutes=5, seconds=1)) == "time.future"


RECYCLED = recorded(k.Recycled(occurred_at=at(5), code=PACK), 1, RECYCLER)


def test_nothing_happens_after_an_end():
    """A recycled battery is not shipped; a late report of what was before is taken."""
    world = Record(recorded(MADE, 0, MAKER), RECYCLED)

    assert rule(k.Shipped(occurred_at=at(6), code=PACK, to=CARMAKER), MAKER, world) == "lifecycle.ended"
    assert rule(k.Shipped(occurred_at=at(4), code=PACK, to=RECYCLER), MAKER, world, at(6)) is None
    assert rule(k.Found(occurred_at=at(6), code=PACK), MAKER, world) is None


def test_a_part_ends_with_its_parent():
    """A module still in a recycled pack cannot be measured."""
    world = Record(
        recorded(MADE, 0, MAKER),
        RECYCLED,
        recorded(k.Assembled(occurred_at=at(1), code=PACK, codes=(MODULE,)), 2, MAKER),
    )

    assert rule(k.Measured(occurred_at=at(6), code=MODULE), MAKER, world) == "lifecycle.ended"


def test_exported_may_be_imported():
    """Coming back from abroad is no event after an end."""
    gone = recorded(k.Exported(occurred_at=at(5), code=PACK, country="DE"), 1, MAKER)
    world = Record(recorded(MADE, 0, MAKER), gone)

    assert rule(k.Imported(occurred_at=at(6), code=PACK, cleared_at=at(6)), MAKER, world) is None
    assert rule(k.Retired(occurred_at=at(6), code=PACK), MAKER, world) == "lifecycle.ended"


VOID = k.Corrected(occurred_at=at(9), code=PACK, corrects=0, void=True)


def test_corrections_belong_to_the_first_reporter_its_successor_and_the_authority():
    """Nobody else puts words into a reporter's mouth."""
    world = Record(recorded(MADE, 0, MAKER))

    assert rule(VOID, MAKER, world) is None
    assert rule(VOID, AUTHORITY, world) is None
    assert rule(VOID, CARMAKER, world) == "correction.not_yours"
    world.former[CARMAKER] = MAKER
    assert rule(VOID, CARMAKER, world) is None


def test_a_correction_names_an_event_and_all_its_subjects():
    """An index that is not there, or a battery left out, is refused."""
    world = Record(recorded(MADE, 0, MAKER))
    unknown = k.Corrected(occurred_at=at(9), code=PACK, corrects=7, void=True)
    elsewhere = k.Corrected(occurred_at=at(9), code=OTHER, corrects=0, void=True)

    assert rule(unknown, MAKER, world) == "correction.unknown"
    assert rule(elsewhere, MAKER, world) == "correction.subjects"


def test_a_second_correction_continues_the_chain():
    """Who corrects what was corrected already is shown the last of the chain."""
    world = Record(recorded(MADE, 0, MAKER), recorded(VOID, 1, MAKER))
    again = k.Corrected(occurred_at=at(10), code=PACK, corrects=0, void=True)
    last = k.Corrected(occurred_at=at(10), code=PACK, corrects=1, void=True)

    assert rule(again, MAKER, world) == "correction.not_last"
    assert rule(last, MAKER, world) is None


def key(organisation, **fields):
    """Return a key_added with a good key unless told otherwise."""
    good = {"key_id": "line-1", "algorithm": "ed25519", "public_key": b64encode(bytes(32)).decode()}
    return k.KeyAdded(occurred_at=at(1), organisation=organisation, **{**good, **fields})


def test_keys_are_added_by_their_organisation_or_the_authority():
    """An organisation speaks for its own keys and sites, not for another's."""
    assert rule(key(MAKER), MAKER) is None
    assert rule(key(MAKER), AUTHORITY) is None
    assert rule(key(MAKER), CARMAKER) == "role.may_not"


@pytest.mark.parametrize(
    "fields",
    [
        {"algorithm": "rsa"},
        {"public_key": b64encode(bytes(31)).decode()},
        {"public_key": "A" * 42 + "B="},
        {"algorithm": "ecdsa-p256-sha256", "public_key": b64encode(bytes(65)).decode()},
    ],
)
def test_a_key_that_cannot_be_used_is_refused(fields):
    """Unknown algorithm, wrong length, stray bits, compressed form."""
    assert rule(key(MAKER, **fields), MAKER) == "key.form"


def test_the_name_of_a_key_is_never_used_again():
    """A second key of the same name would make old signatures ambiguous."""
    assert rule(key(MAKER), MAKER, Record(recorded(key(MAKER), 0, MAKER))) == "key.taken"


def test_trust_is_granted_by_the_authority():
    """Organisations and roles are the authority's to register and grant."""
    event = k.RoleGranted(occurred_at=at(1), organisation=MAKER, role="carrier")

    assert rule(event, MAKER) == "role.may_not"
    assert rule(event, AUTHORITY) is None


def test_a_model_belongs_to_its_maker():
    """A second maker cannot declare, or certify, what another declared."""
    declared = k.ModelRegistered(occurred_at=at(1), model_id="S-102")
    world = Record(recorded(declared, 0, MAKER))
    world.roles[CARMAKER] = "importer"

    assert rule(declared, MAKER, world) is None
    assert rule(declared, CARMAKER, world) == "model.taken"
    assert rule(declared, RECYCLER, world) == "role.may_not"


def test_waste_taken_in_is_reported_within_thirty_days():
    """Order 73 article 24(7): on the thirtieth day in time, on the thirty-first late."""
    event = k.Collected(occurred_at=at(0), code=PACK)

    assert verdict(event, RECYCLER, received=at(30 * 24)).findings == ()
    late = verdict(event, RECYCLER, received=at(31 * 24)).findings
    assert [(one.kind, one.rule) for one in late] == [("late", "duty.o73-04")]
    assert "24(7)" in late[0].source


def test_a_past_date_is_judged_by_the_rules_of_that_date():
    """In 2020 a recycler had thirty working days, not thirty days."""
    event = k.Collected(occurred_at=datetime(2020, 6, 1, tzinfo=UTC), code=PACK)

    assert verdict(event, RECYCLER, received=datetime(2020, 7, 10, tzinfo=UTC)).findings == ()
    late = verdict(event, RECYCLER, received=datetime(2020, 7, 14, tzinfo=UTC)).findings
    assert [one.rule for one in late] == ["duty.t18-11"]


def test_waste_handed_to_nobody_lawful_is_a_breach():
    """Order 73 article 19: taken as a fact, with a breach for the authority."""
    world = Record(recorded(MADE, 0, MAKER))
    world.roles["91000000MA0000000D"] = "carrier"
    event = k.HandedOver(occurred_at=at(1), code=PACK, to="91000000MA0000000D")

    found = verdict(event, MAKER, world)
    assert found.refusal is None
    assert [(one.kind, one.rule) for one in found.findings] == [("breach", "breach.o73-a19")]
    good = k.HandedOver(occurred_at=at(1), code=PACK, to=RECYCLER)
    assert verdict(good, MAKER, world).findings == ()


def test_electric_bicycles_are_a_breach():
    """Order 73 article 22, from April 2026 on."""
    event = k.Repurposed(occurred_at=at(1), codes=(PACK, OTHER), into=(OTHER,), use="electric_bicycle")
    before = k.Repurposed(occurred_at=LONG_AGO, codes=(PACK, OTHER), into=(OTHER,), use="electric bicycle")

    assert [one.rule for one in verdict(event, RECYCLER).findings] == ["breach.o73-a22"]
    assert verdict(before, RECYCLER).findings == ()


def test_intentions_are_refused_with_their_article():
    """May I hand this over? No, and here is the article; a report of the same would be taken."""
    world = Record(recorded(MADE, 0, MAKER))
    event = k.HandedOver(occurred_at=at(1), code=PACK, to=CARMAKER)
    world.roles[CARMAKER] = "carrier"

    asked = judge_intention(event, MAKER, ms(at(1)), world, RULES)

    assert asked.refusal.rule == "breach.o73-a19"
    assert "article 19" in asked.refusal.source


def test_intentions_are_refused_for_gaps_and_conflicts():
    """Who does not hold the battery may not ship it."""
    world = Record(recorded(MADE, 0, MAKER))
    mine = k.Shipped(occurred_at=at(1), code=PACK, to=RECYCLER)

    assert judge_intention(mine, MAKER, ms(at(1)), world, RULES).refusal is None
    not_mine = judge_intention(mine, CARMAKER, ms(at(1)), world, RULES).refusal
    assert not_mine.rule == "lifecycle.handover_not_reported"


def test_a_vehicle_number_is_its_own_subject():
    """A vehicle's chain is folded beside its batteries' without troubling the judge."""
    event = k.Installed(occurred_at=at(1), code=PACK, vin=VINS[0])

    assert rule(event, CARMAKER, Record(recorded(MADE, 0, MAKER))) is None

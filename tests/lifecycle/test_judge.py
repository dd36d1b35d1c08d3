"""What is refused at the door, what is taken, and with which findings."""

from base64 import b64encode
from datetime import UTC, datetime, timedelta

import pytest

from tests.lifecycle.strategies import MODULES, ORGANISATIONS, PACKS, VINS, at, recorded
from voltrail.events import batteries, subjects
from voltrail.events import kinds as k
from voltrail.lifecycle import effective_events, fold, judge, judge_intention
from voltrail.organisations.identifiers import credit_code
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
        self.outlets = set()

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

    def events(self, subject):
        return effective_events(self.history.values(), subject)

    def has_outlet(self, organisation):
        return organisation in self.outlets


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
    assert rule(k.Found(occurred_at=at(6), code=PACK), MAKER, world) == "lifecycle.ended"


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
    """In 2020 a recycler had thirty working days, not thirty days; the Dragon Boat Festival was none."""
    event = k.Collected(occurred_at=datetime(2020, 6, 1, tzinfo=UTC), code=PACK)

    assert verdict(event, RECYCLER, received=datetime(2020, 7, 14, tzinfo=UTC)).findings == ()
    late = verdict(event, RECYCLER, received=datetime(2020, 7, 15, tzinfo=UTC)).findings
    assert [one.rule for one in late] == ["duty.t18-11"]


def test_waste_handed_to_nobody_lawful_is_a_breach():
    """Order 73 article 19: taken as a fact, with a breach for the authority."""
    world = Record(recorded(MADE, 0, MAKER))
    world.roles[credit_code("91000000MA000000D")] = "carrier"
    event = k.HandedOver(occurred_at=at(1), code=PACK, to=credit_code("91000000MA000000D"))

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


# ---------------------------------------------------------------- corrections cannot do what a report cannot


def correction(line, about=None, when=9, corrects=0):
    """Return the correction of the event at an index into this one."""
    codes = tuple(code for code in batteries(line) if code != PACK)
    more = {"organisation": line.organisation} if about else {}
    return k.Corrected(
        occurred_at=at(when), code=PACK, codes=codes, corrects=corrects, line=k.encode(line).decode(), **more
    )


MEASURED = recorded(k.Measured(occurred_at=at(2), code=PACK, soh_fraction=0.9), 1, MAKER)


def test_a_correction_cannot_say_what_its_reporter_may_not():
    """A maker cannot turn a measurement into a recycling, which it has no role for."""
    world = Record(recorded(MADE, 0, MAKER), MEASURED)
    recycled = k.Recycled(occurred_at=at(3), code=PACK, process="hydrometallurgical")
    assert rule(correction(recycled, corrects=1), MAKER, world) == "role.may_not"
    right = k.Measured(occurred_at=at(2), code=PACK, soh_fraction=0.8)
    assert rule(correction(right, corrects=1), MAKER, world) is None


def test_a_correction_cannot_reach_into_the_future_or_behind_an_end():
    """The line of a correction is judged by its own time: not yet, or after the end, is refused."""
    world = Record(recorded(MADE, 0, MAKER), MEASURED)
    later = k.Measured(occurred_at=at(300), code=PACK, soh_fraction=0.8)
    assert rule(correction(later, corrects=1), MAKER, world) == "time.future"
    world = Record(recorded(MADE, 0, MAKER), MEASURED, recorded(RECYCLED.event, 2, RECYCLER))
    serviced = k.Serviced(occurred_at=at(7), code=PACK, work="inspection")
    assert rule(correction(serviced, corrects=1), MAKER, world) == "lifecycle.ended"


@pytest.mark.parametrize(
    "line",
    [
        k.RoleGranted(occurred_at=at(3), organisation=MAKER, role="authority"),
        k.OrganisationRegistered(occurred_at=at(3), organisation=MAKER, name="M", former=CARMAKER),
        k.KeyAdded(
            occurred_at=at(3), organisation=MAKER, key_id="k", algorithm="ed25519", public_key="A" * 43 + "="
        ),
    ],
    ids=lambda line: line.kind,
)
def test_a_correction_cannot_make_trust(line):
    """No event becomes one about who is who by being corrected."""
    world = Record(recorded(MADE, 0, MAKER), MEASURED)
    assert rule(correction(line, about=True, corrects=1), MAKER, world) == "correction.kind"


def test_trust_is_not_rewritten():
    """Keys, roles and registrations are ended or replaced by further events, never corrected."""
    revoked = k.KeyRevoked(occurred_at=at(2), organisation=MAKER, key_id="k")
    world = Record(recorded(revoked, 0, MAKER))
    void = k.Corrected(occurred_at=at(3), organisation=MAKER, corrects=0, void=True)
    for reporter in (MAKER, AUTHORITY):
        assert rule(void, reporter, world) == "correction.trust"


def test_a_revoked_authority_cannot_act_by_an_earlier_date():
    """Whether the authority's role holds is a matter of when the event came, not of the date it bears."""
    world = Record()
    ended = Organisation(AUTHORITY, roles=(RolePeriod("authority", LONG_AGO, at(5)),))
    world.organisation = lambda identifier: ended if identifier == AUTHORITY else None
    granted = k.RoleGranted(occurred_at=at(1), organisation=MAKER, role="authority")
    assert rule(granted, AUTHORITY, world, received=at(4)) is None
    assert rule(granted, AUTHORITY, world, received=at(6)) == "role.may_not"


def test_keys_are_folded_in_the_order_of_the_log():
    """A revocation dated before the key was added still revokes it."""
    added = k.KeyAdded(
        occurred_at=at(5), organisation=MAKER, key_id="k", algorithm="ed25519", public_key="A" * 43 + "="
    )
    revoked = k.KeyRevoked(occurred_at=at(1), organisation=MAKER, key_id="k")
    state = fold("organisation:" + MAKER, [recorded(added, 3, MAKER), recorded(revoked, 4, MAKER)])
    assert [(key.added, key.revoked) for key in state.keys] == [(3, 4)]


@pytest.mark.parametrize(
    ("event", "found"),
    [
        (k.Retired(occurred_at=at(3), code=PACK), "lifecycle.not_holder"),
        (k.Destroyed(occurred_at=at(3), code=PACK, reason="fire"), "lifecycle.not_holder"),
        (k.OwnershipTransferred(occurred_at=at(3), code=PACK, to=CARMAKER), "lifecycle.not_owner"),
        (k.ResponsibilityTransferred(occurred_at=at(3), code=PACK, to=CARMAKER), "lifecycle.not_operator"),
    ],
    ids=lambda value: getattr(value, "kind", None),
)
def test_a_stranger_leaves_a_gap(event, found):
    """Who speaks for a battery that another holds, owns or answers for is asked how it came there."""
    world = Record(
        recorded(MADE, 0, MAKER),
        recorded(k.OwnershipTransferred(occurred_at=at(1), code=PACK, to=MAKER), 1, MAKER),
        recorded(k.ResponsibilityTransferred(occurred_at=at(2), code=PACK, to=MAKER), 2, MAKER),
    )
    stranger = verdict(event, RECYCLER, world)
    if stranger.refusal is None:
        assert found in [one.rule for one in stranger.findings]
    assert found not in [one.rule for one in verdict(event, MAKER, world).findings]
    assert found not in [one.rule for one in verdict(event, AUTHORITY, world).findings]


def test_organisations_are_named_by_their_identifiers():
    """A wrong check character is found before anything is sent to nobody."""
    wrong = k.Shipped(occurred_at=at(1), code=PACK, to=CARMAKER[:-1] + ("0" if CARMAKER[-1] != "0" else "1"))
    assert rule(wrong, MAKER, Record(recorded(MADE, 0, MAKER))) == "identity.organisation"
    nobody = k.OrganisationRegistered(occurred_at=at(1), organisation="foo/bar \n x", name="X")
    assert rule(nobody, AUTHORITY) == "identity.organisation"


def test_a_correction_of_the_same_kind_cannot_reach_behind_an_end():
    """Another time, or another battery that had ended by then, is refused though the kind stays the same."""
    ended = recorded(RECYCLED.event, 2, RECYCLER)
    world = Record(recorded(MADE, 0, MAKER), MEASURED, ended)
    later = k.Measured(occurred_at=at(7), code=PACK, soh_fraction=0.8)
    assert rule(correction(later, corrects=1), MAKER, world) == "lifecycle.ended"

    world = Record(recorded(k.Measured(occurred_at=at(2), code=OTHER, soh_fraction=0.9), 1, MAKER), ended)
    onto = k.Corrected(
        occurred_at=at(9), code=PACK, codes=(OTHER,), corrects=1, line=k.encode(later).decode()
    )
    assert rule(onto, MAKER, world) == "lifecycle.ended"


def test_an_end_may_be_told_with_another_time():
    """A wrong time of recycling is corrected to a later one: its own end does not stand in its way."""
    world = Record(recorded(MADE, 0, MAKER), recorded(RECYCLED.event, 2, RECYCLER))
    assert rule(correction(k.Recycled(occurred_at=at(6), code=PACK), corrects=2), RECYCLER, world) is None


def test_a_correction_names_no_more_than_it_is_about():
    """Nobody writes into the chain of a battery or organisation that a correction is not about."""
    world = Record(recorded(MADE, 0, MAKER))
    more = [{"codes": (OTHER,)}, {"organisation": CARMAKER}, {"vin": VINS[0]}]
    for names in more:
        event = k.Corrected(occurred_at=at(9), code=PACK, corrects=0, void=True, **names)
        assert rule(event, MAKER, world) == "correction.subjects"


def test_the_line_of_a_correction_has_findings_like_a_report():
    """Waste corrected into another receiver's hands is the breach that a report of it would be."""
    nobody = credit_code("91000000MA000000D")
    lawful = k.HandedOver(occurred_at=at(1), code=PACK, to=RECYCLER)
    world = Record(recorded(MADE, 0, MAKER), recorded(lawful, 1, MAKER))
    world.roles[nobody] = "carrier"
    line = k.HandedOver(occurred_at=at(1), code=PACK, to=nobody)
    found = verdict(correction(line, corrects=1), MAKER, world)
    assert found.refusal is None
    assert [one.rule for one in found.findings] == ["breach.o73-a19"]


def test_a_chain_of_corrections_ends_with_words_that_are_true():
    """After 64 corrections the event is still there: what is said is that it was corrected too often."""
    history = [recorded(MADE, 0, MAKER)]
    for n in range(64):
        void = k.Corrected(occurred_at=at(9), code=PACK, corrects=n, void=True)
        history.append(recorded(void, n + 1, MAKER))
    last = k.Corrected(occurred_at=at(9), code=PACK, corrects=64, void=True)
    assert rule(last, MAKER, Record(*history)) == "correction.too_many"


@pytest.mark.parametrize(
    ("event", "found"),
    [
        (k.OwnershipTransferred(occurred_at=at(3), code=PACK, to=CARMAKER), "lifecycle.not_owner"),
        (k.ResponsibilityTransferred(occurred_at=at(3), code=PACK, to=CARMAKER), "lifecycle.not_operator"),
        (k.Identified(occurred_at=at(3), code=PACK, codes=(OTHER,), right=OTHER), "lifecycle.not_holder"),
    ],
    ids=lambda value: getattr(value, "kind", None),
)
def test_where_no_owner_is_known_the_holder_speaks(event, found):
    """A stranger cannot take a battery over, or call it another, by being the first to name an owner."""
    world = Record(recorded(MADE, 0, MAKER))
    assert found in [one.rule for one in verdict(event, CARMAKER, world).findings]
    for own in (MAKER, AUTHORITY):
        assert found not in [one.rule for one in verdict(event, own, world).findings]


def test_a_stranger_is_found_however_it_dates_its_report():
    """A time just before the last event of a battery does not hide that another had it then."""
    measured = recorded(k.Measured(occurred_at=at(5), code=PACK, soh_fraction=0.9), 1, MAKER)
    world = Record(recorded(MADE, 0, MAKER), measured)
    retired = k.Retired(occurred_at=at(4), code=PACK)
    assert [one.rule for one in verdict(retired, RECYCLER, world, at(6)).findings] == ["lifecycle.not_holder"]
    assert verdict(retired, MAKER, world, at(6)).findings == ()


def test_an_authority_that_is_revoked_is_none_from_there_on():
    """A revocation that names a later day takes the authority's word away at once, as evidence does."""
    revoked = k.RoleRevoked(occurred_at=at(2), organisation=MAKER, role="authority", from_=at(900))
    granted = k.RoleGranted(occurred_at=at(1), organisation=MAKER, role="authority")
    state = fold("organisation:" + MAKER, [recorded(granted, 0), recorded(revoked, 1)])
    assert [period.until for period in state.roles] == [at(2)]


def test_roles_and_sites_are_given_to_organisations():
    """What is no identifier gets neither a role nor a site."""
    role = k.RoleGranted(occurred_at=at(1), organisation="foo/bar \n x", role="carrier")
    site = k.SiteRegistered(occurred_at=at(1), organisation=MAKER[:-1] + "-", site="S-1")
    assert [rule(one, AUTHORITY) for one in (role, site)] == ["identity.organisation"] * 2

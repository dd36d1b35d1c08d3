"""
Every rule of the data: the day before it is in force, on it and after it, around 1 April and 30 July 2026.

Driven by the data: a rule without its case here fails, and so does a case without its rule.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any

import msgspec
import pytest

from voltrail.codes import build
from voltrail.events import kinds as k
from voltrail.events import subjects
from voltrail.events.structs import Assay
from voltrail.lifecycle import (
    Model,
    Recorded,
    effective_events,
    fold,
    judge,
    judge_for_public,
    judge_intention,
)
from voltrail.organisations.identifiers import credit_code
from voltrail.organisations.trust import Organisation, RolePeriod
from voltrail.regimes import RULES, Rules, Step, duties
from voltrail.regimes.deadlines import CHINA
from voltrail.regimes.duties import bearer
from voltrail.registry.outlets import takers

REPORTER, RECEIVER, OTHER = (credit_code(f"91000000MA00004{n:02}") for n in range(3))
VIN, FRAME = "LSVAA4187E2184847", "LSVAA4184E2184840"
LONG_AGO = datetime(2010, 1, 1, tzinfo=CHINA)
TURNS = (date(2026, 4, 1), date(2026, 7, 30))


def a_pack(serial, **more):
    return build(
        maker="9ZZ",
        level="pack",
        battery_type="B",
        production_date=date(2015, 3, 12),
        serial=serial,
        specification="24",
        **more,
    )


PACK, NEW = a_pack(1), a_pack(2)
SECOND = a_pack(3, second_life="pack")


def noon(day):
    return datetime.combine(day, time(12), CHINA)


def ms(when):
    return int(when.timestamp() * 1000)


class World:
    """A record in memory: who has which role, and what was reported before."""

    def __init__(self, roles, history=(), outlets=(), country=None):
        self.roles, self.outlets, self.country = roles, outlets, country
        self.history = [
            Recorded(index, event, reporter, ms(event.occurred_at))
            for index, (event, reporter) in enumerate(history)
        ]

    def state(self, subject):
        return fold(subject, [one for one in self.history if subject in subjects(one.event)])

    def organisation(self, identifier):
        periods = tuple(RolePeriod(role, LONG_AGO) for role in self.roles.get(identifier, ()))
        return Organisation(identifier, roles=periods, country=self.country) if periods else None

    def recorded(self, index):
        return self.history[index] if index < len(self.history) else None

    def events(self, subject):
        return effective_events(self.history, subject)

    def has_outlet(self, organisation):
        return organisation in self.outlets


def made(when):
    return [(k.Manufactured(occurred_at=when - timedelta(days=90), code=PACK), OTHER)]


def retired(when):
    return [*made(when), (k.Retired(occurred_at=when - timedelta(days=30), code=PACK), OTHER)]


def fitted(when):
    installed = k.Installed(occurred_at=when - timedelta(days=60), code=PACK, vin=VIN, reason="new")
    return [*made(when), (installed, OTHER)]


def granted(when):
    """Return what is before, and that the receiver's role was granted on its papers."""
    grant = k.RoleGranted(
        occurred_at=LONG_AGO, organisation=RECEIVER, role="utilisation_enterprise", evidence="环评批复 12 号"
    )
    return [*retired(when), (grant, OTHER)]


@dataclass
class Term:
    """A deadline: what it is for, by whom, and of an event on one day the last day in time."""

    event: Callable[[datetime], Any]
    role: str
    told: tuple[str, str] | None = None
    history: Callable[[datetime], list] = made
    phase: str | None = "original"


@dataclass
class Gate:
    """What a rule bars, and the same done as it should be."""

    wrong: Callable[[datetime], Any]
    right: Callable[[datetime], Any]
    role: str
    receiver: str = "carrier"
    before_wrong: Callable[[datetime], list] = retired
    before_right: Callable[[datetime], list] | None = None
    right_receiver: str | None = None
    outlets: tuple[str, ...] = ()
    public: bool = True
    country: str | None = None


@dataclass
class Register:
    """A rule about no single event: outlets and taking back."""

    role: str
    more: dict = field(default_factory=dict)


def certified(when):
    return k.VehicleCertified(occurred_at=when, vin=VIN, codes=())


def collected(when):
    return k.Collected(occurred_at=when, code=PACK)


def shipped(when):
    return k.Shipped(occurred_at=when, code=PACK, to=RECEIVER)


def handed_over(when):
    return k.HandedOver(occurred_at=when, code=PACK, to=RECEIVER)


def serviced(when):
    return k.Serviced(occurred_at=when, code=PACK, work="模组更换")


def removed(when):
    return k.Removed(occurred_at=when, code=PACK, vin=VIN, reason="warranty")


def imported(when):
    return k.VehicleImported(occurred_at=when, vin=VIN, codes=(PACK,), cleared_at=when)


def scrapped(when, codes=(PACK,)):
    day = when.date().isoformat()
    return k.VehicleScrapped(occurred_at=when, vin=VIN, codes=codes, certificate_date=day)


def repurposed(when, **more):
    return k.Repurposed(occurred_at=when, codes=(PACK, NEW), into=(NEW,), **more)


def reborn(when, **more):
    return k.Repurposed(occurred_at=when, codes=(PACK, SECOND), into=(SECOND,), **more)


LOT = f"{REPORTER}/1"
GOOD = {"Ni": 0.2, "Co": 0.08, "Li": 0.04, "P": 0.001}
POOR = {"Ni": 0.05, "Co": 0.02, "Li": 0.01, "P": 0.02, "Fe": 0.03}


def black_mass(when, assays=GOOD):
    """Return how a lot of black mass begins."""
    lot = k.LotCreated(
        occurred_at=when - timedelta(days=5),
        lot=LOT,
        substance="black_mass",
        mass_kg=1000.0,
        origin="post_consumer",
        assays=tuple(Assay(element=name, fraction=share) for name, share in assays.items()),
    )
    return [(lot, REPORTER)]


def moved(when, origin, destination, **more):
    return k.LotMoved(
        occurred_at=when, lot=LOT, to=RECEIVER, from_country=origin, country=destination, **more
    )


def sent(when, origin, destination, **more):
    return k.Exported(occurred_at=when, code=PACK, from_country=origin, country=destination, **more)


def burnt(when, incident="fire"):
    event = k.IncidentReported(occurred_at=when - timedelta(days=2), code=PACK, incident=incident)
    return [*retired(when), (event, OTHER)]


def packed(when, packing):
    return k.Shipped(occurred_at=when, code=PACK, to=RECEIVER, carrier=OTHER, packing=packing)


QIJI = [
    (k.ModelRegistered(occurred_at=LONG_AGO, model_id="Q-171", swap_pack="qiji-171"), OTHER),
    (k.VehicleCertified(occurred_at=LONG_AGO, vin=VIN, codes=(), swap_interface="qiji"), OTHER),
    (k.VehicleCertified(occurred_at=LONG_AGO, vin=FRAME, codes=(), swap_interface="t-imas-052-1"), OTHER),
]


def swapped(when, vin=VIN):
    return k.Swapped(occurred_at=when, codes=(PACK,), put_in=PACK, vin=vin, station="S-1")


def in_station(when):
    begun = k.Manufactured(occurred_at=when - timedelta(days=90), code=PACK, model_id="Q-171")
    received = k.Received(occurred_at=when - timedelta(days=80), code=PACK, station="S-1")
    return [*QIJI, (begun, REPORTER), (received, REPORTER)]


def then_recalled(when):
    recall = k.Recalled(occurred_at=when - timedelta(days=9), code=PACK, campaign="R", risk="fire")
    return [*in_station(when), (recall, OTHER)]


def crossing(wrong, right, **more):
    return Gate(
        lambda when: moved(when, *wrong),
        lambda when: moved(when, *right[:2], consent=right[2] if right[2:] else None),
        "utilisation_enterprise",
        **{"before_wrong": black_mass, "public": False} | more,
    )


def travelling(incident, packing, country):
    return Gate(
        shipped,
        lambda when: packed(when, packing),
        "utilisation_enterprise",
        "utilisation_enterprise",
        before_wrong=lambda when: burnt(when, incident),
        public=False,
        country=country,
    )


def not_known(event, role):
    return Term(event, role)


CASES = {
    "o73-01": not_known(lambda when: k.Manufactured(occurred_at=when, code=NEW), "battery_maker"),
    "o73-02": Term(certified, "vehicle_maker", ("2026-05-01", "2026-05-21")),
    "o73-02-sale": Term(certified, "importer", ("2026-05-01", "2026-05-21")),
    "o73-03": Term(
        lambda when: k.ModelCertified(
            occurred_at=when, model_id="S-102", certificate="C", certified_on=when.date().isoformat()
        ),
        "battery_maker",
        ("2026-05-01", "2026-11-01"),
    ),
    "o73-04": Term(collected, "utilisation_enterprise", ("2026-05-01", "2026-05-31")),
    "o73-05": Term(
        shipped,
        "utilisation_enterprise",
        ("2026-05-01", "2026-05-31"),
        lambda when: [
            *retired(when),
            (k.PreparedForReuse(occurred_at=when - timedelta(days=9), code=PACK), OTHER),
        ],
        "re_used",
    ),
    "o73-06": not_known(lambda when: k.Manufactured(occurred_at=when, code=NEW), "battery_maker"),
    "o73-07": not_known(
        lambda when: k.Swapped(occurred_at=when, codes=(PACK,), put_in=PACK, vin=VIN, station="S-1"),
        "swap_operator",
    ),
    "o73-08": not_known(serviced, "repair_enterprise"),
    "o73-09": not_known(scrapped, "vehicle_dismantler"),
    "o73-10": not_known(collected, "collection_outlet"),
    "t18-01": Term(certified, "vehicle_maker", ("2026-03-02", "2026-03-23")),
    "t18-02": Term(imported, "importer", ("2026-03-02", "2026-03-23")),
    "t18-03": not_known(serviced, "repair_enterprise"),
    "t18-04": Term(removed, "vehicle_maker", ("2026-03-02", "2026-04-14")),
    "t18-05": Term(collected, "vehicle_maker", ("2026-03-02", "2026-04-14")),
    "t18-06": not_known(serviced, "repair_enterprise"),
    "t18-07": Term(scrapped, "vehicle_dismantler", ("2026-03-02", "2026-03-23")),
    "t18-08": Term(handed_over, "vehicle_dismantler", ("2026-03-02", "2026-03-23")),
    "t18-09": Term(
        lambda when: k.Shipped(occurred_at=when, code=NEW, to=RECEIVER),
        "utilisation_enterprise",
        ("2026-03-02", "2026-03-23"),
        lambda when: [*retired(when), (repurposed(when - timedelta(days=9)), OTHER)],
        "repurposed",
    ),
    "t18-10": Term(
        lambda when: k.Retired(occurred_at=when, code=PACK),
        "utilisation_enterprise",
        ("2026-03-02", "2026-03-23"),
    ),
    "t18-11": Term(collected, "utilisation_enterprise", ("2026-03-02", "2026-04-14")),
    "t18-12": Term(
        lambda when: k.Recycled(occurred_at=when, code=PACK),
        "utilisation_enterprise",
        ("2026-03-02", "2026-04-14"),
    ),
    "m20-01": not_known(removed, "vehicle_dismantler"),
    "o73-a19": Gate(handed_over, handed_over, "collection_outlet", right_receiver="utilisation_enterprise"),
    "o73-a22": Gate(
        lambda when: repurposed(when, use="电动自行车"),
        lambda when: repurposed(when, use="储能 storage"),
        "utilisation_enterprise",
    ),
    **{
        f"o73-a22-{n}": not_known(lambda when, use=use: repurposed(when, use=use), "utilisation_enterprise")
        for n, use in ((2, "electric motorcycle"), (3, "low-speed electric vehicle"), (4, "power tool"))
    },
    "eu-ban": crossing(("DE", "CN"), ("DE", "KR")),
    "eu-consent": crossing(("DE", "KR"), ("DE", "KR", "DE 1350 / 170011")),
    "eu-waste": not_known(lambda when: sent(when, "DE", "CN"), "battery_maker"),
    "cn-waste": Gate(
        lambda when: sent(when, "KR", "CN"), lambda when: sent(when, "KR", "JP"), "battery_maker"
    ),
    "cn-black-mass-ban": crossing(("KR", "CN"), ("KR", "JP")),
    "cn-black-mass": crossing(
        ("KR", "CN"),
        ("KR", "CN"),
        before_wrong=lambda when: black_mass(when, POOR),
        before_right=black_mass,
    ),
    "cn-export": not_known(lambda when: sent(when, "CN", "KR"), "battery_maker"),
    "basel-consent": Gate(
        lambda when: sent(when, "CN", "KR"), lambda when: sent(when, "CN", "KR", consent="7"), "battery_maker"
    ),
    "adr-normal": Register("battery_maker"),
    "adr-damaged": travelling("leak", "P908", "DE"),
    "adr-critical": travelling("fire", "LP 906", "DE"),
    "un-damaged": travelling("collision", "LP904", "CN"),
    "un-critical": travelling("fire", "P911", "CN"),
    "o73-a18": Gate(
        handed_over,
        handed_over,
        "collection_outlet",
        "utilisation_enterprise",
        before_right=granted,
        public=False,
    ),
    "o73-outlet": Gate(handed_over, handed_over, "vehicle_dismantler", "battery_maker", outlets=(RECEIVER,)),
    "o73-scrap": Gate(
        lambda when: scrapped(when, ()), scrapped, "vehicle_dismantler", before_wrong=fitted, public=False
    ),
    "o73-outlets-battery": Register("battery_maker"),
    "o73-outlets-vehicle": Register("vehicle_maker"),
    "o73-takeback-battery": Register("battery_maker"),
    "o73-takeback-vehicle": Register("vehicle_maker"),
    "o73-standard": Gate(
        repurposed, lambda when: repurposed(when, standard="GB/T 36276-2023"), "utilisation_enterprise"
    ),
    "norm24-echelon": not_known(repurposed, "utilisation_enterprise"),
    "swap-misfit": Gate(
        lambda when: swapped(when, FRAME),
        swapped,
        "swap_operator",
        before_wrong=in_station,
        public=False,
    ),
    "swap-unfit": Gate(
        swapped,
        swapped,
        "swap_operator",
        before_wrong=then_recalled,
        before_right=in_station,
        public=False,
    ),
    "miit20-echelon": Gate(
        reborn, lambda when: reborn(when, standard="GB/T 36276-2023"), "utilisation_enterprise"
    ),
}
BY_ID = {rule.id: rule for rule in RULES.all}


def days_of(rule):
    """Return the days on which a rule is tried: around its first and last, and around the two turns."""
    turns = {rule.valid_from, *TURNS} | ({rule.valid_to} if rule.valid_to is not None else set())
    return sorted({turn + timedelta(days=away) for turn in turns for away in (-1, 0, 1)})


def tried(kind):
    """Return every rule of a sort of case, with each of its days."""
    return [
        pytest.param(BY_ID[name], case, day, id=f"{name}@{day}")
        for name, case in CASES.items()
        if isinstance(case, kind) and name in BY_ID
        for day in days_of(BY_ID[name])
    ]


def test_every_rule_has_its_case():
    """Whoever adds a rule says here what keeps it and what breaks it."""
    assert set(CASES) == set(BY_ID)
    for rule in RULES.all:
        case = CASES[rule.id]
        assert isinstance(case, Term) == (rule.about == "deadline" or rule.value is None), rule.id
        if isinstance(case, Term):
            assert (case.told is None) == (rule.value is None), rule.id


def breaks(rule, case, day, received, rules=RULES):
    """Return whether a report of the case on a day, received at some time, is found against the rule."""
    world = World({REPORTER: (case.role,), RECEIVER: ("carrier",)}, case.history(noon(day)))
    verdict = judge(case.event(noon(day)), REPORTER, ms(received), world, rules)
    assert verdict.refusal is None
    return any(one.rule.endswith(f".{rule.id}") for one in verdict.findings)


def opened(rule, case, day):
    """Return the duty that the case opens under the rule, or None."""
    event = case.event(noon(day))
    step = Step(7, event, REPORTER, ms(noon(day)), case.phase)
    about = next(one for one in subjects(event) if one.startswith(bearer(event.kind)))
    found = duties(about, [step], lambda _: RULES, lambda _, roles: case.role in roles)
    return next((one for one in found if one.rule == rule.id), None)


@pytest.mark.parametrize(("rule", "case", "day"), tried(Term))
def test_a_deadline_holds_on_its_days_alone(rule, case, day):
    """The day before, the last day and the day after it: late only then, only in force, only if enforced."""
    duty = opened(rule, case, day)
    assert (duty is not None) == (rule.holds(day) and rule.value is not None)
    if rule.value is None:
        assert not breaks(rule, case, day, noon(day + timedelta(days=4_000)))
        return
    due = rule.value and RULES.due(rule, noon(day))
    if duty is not None:
        assert duty.due_on == due
        assert [duty.standing(due + timedelta(days=n)) for n in (-1, 0, 1)] == (
            ["due", "due", "overdue"] if rule.met_by and duty.met is None else ["met"] * 3
        )
    counts = rule.enforced and not rule.met_by and rule.holds(day)
    told = [breaks(rule, case, day, noon(due + timedelta(days=n))) for n in (-1, 0, 1)]
    assert told == [False, False, counts]


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if getattr(case, "told", None)])
def test_the_last_day_is_what_the_calendar_says(name):
    """By hand: days, working days of the notices (6 April 2026 was a holiday), months."""
    happened, last = map(date.fromisoformat, CASES[name].told)
    rule = BY_ID[name]

    assert rule.holds(happened)
    assert RULES.due(rule, noon(happened)) == last


def ask(case, day, rules, *, right=False, asked=judge_intention):
    """Return the verdicts on a deed and its report on a day: before it, and after it."""
    receiver = case.right_receiver if right and case.right_receiver else case.receiver
    before = case.before_right if right and case.before_right else case.before_wrong
    world = World(
        {REPORTER: (case.role,), RECEIVER: (receiver,)},
        before(noon(day)),
        case.outlets if right else (),
        case.country,
    )
    event = (case.right if right else case.wrong)(noon(day))
    args = (event, REPORTER, ms(noon(day)), world, rules)
    return asked(*args), judge(*args)


def against(rule, verdict):
    """Return whether a verdict refuses, finds or warns of something by a rule."""
    mine = f"breach.{rule.id}"
    return (
        verdict.refusal is not None and verdict.refusal.rule == mine,
        any(one.rule == mine for one in verdict.findings),
        any(one.rule == mine for one in verdict.warnings),
    )


def as_standing(rule, standing):
    """Return the rules with this one alone, and in a standing."""
    given = {
        "enforced": {"enforced": True},
        "advisory": {"enforced": False},
        "not configured": {"enforced": False, "value": None},
    }[standing]
    one = msgspec.structs.replace(rule, **given)
    assert one.standing == standing
    return Rules([one], RULES.calendar)


@pytest.mark.parametrize("standing", ["enforced", "advisory", "not configured"])
@pytest.mark.parametrize(("rule", "case", "day"), tried(Gate))
def test_a_gate_refuses_finds_or_warns_as_it_stands(rule, case, day, standing):
    """Enforced: refused before, with the article, and a breach after. Advisory: a warning. Else nothing."""
    rules, holds = as_standing(rule, standing), rule.holds(day)
    before, after = ask(case, day, rules)
    enforced, advisory = holds and standing == "enforced", holds and standing == "advisory"

    assert against(rule, before) == (enforced, enforced, advisory)
    assert against(rule, after) == (False, enforced, False)
    assert after.refusal is None
    if enforced:
        assert before.refusal.source == rule.article
        assert [one.kind for one in after.findings if one.rule == f"breach.{rule.id}"] == ["breach"]
    assert against(rule, ask(case, day, rules, right=True)[0]) == (False, False, False)
    assert against(rule, ask(case, day, rules, right=True)[1]) == (False, False, False)


@pytest.mark.parametrize(("rule", "case", "day"), tried(Gate))
def test_a_gate_stands_as_its_sources_support(rule, case, day):
    """With the data as it is: what only the press supports warns, and is found against nobody."""
    before, after = ask(case, day, RULES)
    holds = rule.holds(day)

    assert against(rule, before) == (
        holds and rule.enforced,
        holds and rule.enforced,
        holds and not rule.enforced,
    )
    assert against(rule, after)[1] == (holds and rule.enforced)


@pytest.mark.parametrize(("rule", "case", "day"), tried(Gate))
def test_the_public_is_answered_from_what_is_public(rule, case, day):
    """What a vehicle had in it, and on what a role was granted, is told to nobody who only asks."""
    for standing in ("enforced", "advisory"):
        verdict, _ = ask(case, day, as_standing(rule, standing), asked=judge_for_public)
        told = against(rule, verdict)
        shown = case.public and rule.holds(day)
        assert told == (shown and standing == "enforced", False, shown and standing == "advisory")


@pytest.mark.parametrize(("rule", "case", "day"), tried(Register))
def test_the_register_answers_by_the_rules_of_the_day(rule, case, day):
    """Who needs outlets and who must take a battery back: only from the day the rule is in force."""
    holds = rule.holds(day)
    assert (rule in RULES.standing_for(rule.about, day)) == holds
    assert all(not RULES.of(kind, noon(day)) for kind in rule.kinds)
    if rule.about != "takeback":
        return
    life = [
        Recorded(0, k.Manufactured(occurred_at=LONG_AGO, code=PACK), OTHER, 0),
        Recorded(1, k.Sold(occurred_at=LONG_AGO, vin=VIN, codes=(PACK,)), RECEIVER, 0),
    ]
    found = {
        one.rule.id: (one.role, one.organisation)
        for one in takers(life, Model("S-102"), RULES, day, sees_reporters=True)
    }
    maker = OTHER if case.role == "battery_maker" else RECEIVER
    assert found.get(rule.id) == ((case.role, maker) if holds else None)


def test_codes_of_19_characters_stay_valid_for_ever():
    """After 30 July 2026 an old code is reported of as before: nothing is found, nothing is refused."""
    born = noon(date(2026, 7, 1))
    day = noon(date(2027, 2, 1))
    history = [*retired(born), (reborn(born, standard="GB/T 36276-2023"), REPORTER)]
    world = World({REPORTER: ("utilisation_enterprise",), RECEIVER: ("storage_operator",)}, history)
    event = k.Shipped(occurred_at=day, code=SECOND, to=RECEIVER)

    verdict = judge_intention(event, REPORTER, ms(day), world, RULES)
    assert (verdict.refusal, verdict.findings, verdict.warnings) == (None, (), ())


def scrap(history, codes, rules=None):
    """Return whether a vehicle with this past, scrapped with these batteries, breaks the rule if enforced."""
    when = noon(date(2026, 9, 1))
    past = [
        (msgspec.structs.replace(event, occurred_at=when - timedelta(days=99 - n)), OTHER)
        for n, event in enumerate(history)
    ]
    world = World({REPORTER: ("vehicle_dismantler",)}, past)
    rules = rules or as_standing(BY_ID["o73-scrap"], "enforced")
    return bool(judge(scrapped(when, codes), REPORTER, ms(when), world, rules).findings)


IN = k.Installed(occurred_at=LONG_AGO, code=PACK, vin=VIN, reason="new")
ANOTHER = k.Installed(occurred_at=LONG_AGO, code=NEW, vin=VIN, reason="replacement")


def out(reason):
    return k.Removed(occurred_at=LONG_AGO, code=PACK, vin=VIN, reason=reason)


SWAP = k.Swapped(occurred_at=LONG_AGO, codes=(PACK,), taken_out=PACK, vin=VIN, station="S-1")


@pytest.mark.parametrize(
    ("history", "codes", "incomplete"),
    [
        ([IN], (PACK,), False),
        ([IN], (), True),
        ([IN], (NEW,), True),
        ([], (), True),
        ([], (PACK,), False),
        ([IN, SWAP], (), False),
        ([IN, out("replacement"), ANOTHER], (NEW,), False),
        ([IN, out("warranty"), ANOTHER], (NEW,), False),
        ([IN, out("replacement"), ANOTHER], (), True),
        ([IN, out("replacement")], (), True),
        ([IN, out("loan"), ANOTHER], (NEW,), True),
        ([IN, out(None), ANOTHER], (NEW,), True),
        ([IN, out("scrapping")], (), False),
        ([IN, out("warranty"), IN], (PACK,), False),
        ([IN, out("warranty"), IN], (), True),
    ],
)
def test_a_vehicle_is_scrapped_with_its_batteries(history, codes, incomplete):
    """But for swap models, and for a battery in whose place another was documented."""
    assert scrap(history, codes) == incomplete


def test_an_exception_is_data():
    """Once swap models have rules of their own, the exception ends with its value."""
    rule = msgspec.structs.replace(BY_ID["o73-scrap"], enforced=True, value=("replacement",))

    assert scrap([IN, SWAP], (), Rules([rule], RULES.calendar))

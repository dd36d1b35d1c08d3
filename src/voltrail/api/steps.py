"""
The next event of a battery that somebody stands before: which come into question, what each asks, its line.

The judge says which may be reported, as it is asked beforehand. Whose a battery is and where counts only for
what is on record as this organisation's, or on the way to it: of others' batteries no question may tell
anything, since asking leaves no trace.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final, Literal, NamedTuple

import msgspec

from voltrail.accounts import Person
from voltrail.api.answers import Asked, registry_of
from voltrail.api.work import sees
from voltrail.errors import UsageError
from voltrail.health.facts import TESTS
from voltrail.regimes.deadlines import CHINA
from voltrail.registry.membership import sites_of

Input = Literal["site", "text", "choice", "percent", "number", "organisation"]
MOST: Final = 3
MAX_TEXT: Final = 500


class Ask(NamedTuple):
    """What a kind asks: the member of its line, how it is asked, and whether it can be left out."""

    name: str
    how: Input
    needed: bool = False
    choices: tuple[str, ...] = ()


class Step(NamedTuple):
    """A kind that comes into question: what it asks, and the members that are known already."""

    kind: str
    asks: tuple[Ask, ...]
    known: dict[str, str]


_SITE: Final = Ask("site", "site")
_ROAD: Final = (Ask("carrier", "organisation"), Ask("packing", "text"))  # of packs that are not in order
_REASONS: Final = ("new", "replacement", "warranty", "loan", "scrapping")
ASKS: Final[dict[str, tuple[Ask, ...]]] = {
    "received": (_SITE,),
    "enrolled": (_SITE,),
    "found": (_SITE,),
    "removed": (Ask("vin", "text", True), Ask("reason", "choice", choices=_REASONS), _SITE),
    "collected": (_SITE,),
    "assessed": (Ask("decision", "choice", True, ("reuse", "repurpose", "recycle")), Ask("reasons", "text")),
    "dismantled": (_SITE,),
    "recycled": (_SITE, Ask("mass_kg", "number")),
    "prepared_for_reuse": (_SITE,),
    "retired": (Ask("reason", "text"),),
    "handed_over": (Ask("to", "organisation", True), *_ROAD, _SITE),
    "shipped": (Ask("to", "organisation", True), *_ROAD, _SITE),
    "measured": (Ask("soh_fraction", "percent", True), Ask("method", "text")),
    "serviced": (Ask("work", "text", True),),
}
"""In the order in which they come into question: what lies nearest for who has a battery before him."""
ASSESSING: Final = (
    *ASKS["assessed"],
    Ask("test", "choice", choices=TESTS),
    Ask("transport", "choice", choices=("normal", "damaged", "critical")),
    Ask("soh_low", "percent"),
    Ask("soh_high", "percent"),
    Ask("life_years_low", "number"),
    Ask("life_years_high", "number"),
    Ask("test_ordered", "choice", choices=("capacity",)),
)
"""What the page of a decision asks beside what one says who stands before a battery."""
_FROM_OUTSIDE: Final = ("removed", "collected", "measured", "serviced")
"""What is done every day with a battery that is on record as another's; who has it is not looked at then."""
_KNOWN: Final = {
    "received": ("from",),
    "collected": ("from",),
    "removed": ("vin", "system"),
    "enrolled": ("place", "basis"),
    "serviced": ("campaign",),
}
_INSTEAD: Final = {"work": "campaign", "vin": "system"}
"""What need not be asked where the other is known."""
_WASTE_ONLY: Final = {"assessed", "dismantled", "recycled", "prepared_for_reuse", "handed_over"}
_NOT_WASTE: Final = {"received", "retired", "shipped"}


def next_steps(request: Asked, person: Person, code: str, battery: dict[str, Any] | None) -> list[Step]:
    """Return up to three kinds that an organisation may report next; without a battery, of an unknown one."""
    registry = registry_of(request)
    if person.organisation in {*registry.authorities, registry.settings.host}:
        return []  # they report with a key alone
    registry.holdings.follow()
    bound = registry.holdings.bound(person.organisation, [code])
    is_theirs = bool(bound) or (battery is not None and battery.get("holder") == person.organisation)
    steps = _candidates(person, battery, bound[0].holder if bound else None, is_theirs=is_theirs)
    now = datetime.now(UTC)
    lines = [_line(step.kind, code, now, step.known | _example(request, step)) for step in steps]
    audience = "reporter" if is_theirs else "public"
    answers = registry.check(person.organisation, lines, audience) if lines else []
    fitting = [step for step, answer in zip(steps, answers, strict=True) if _fits(step, answer)]
    if is_theirs and fitting:  # what was reported last is not what comes next
        last = registry.history(code, limit=1)["events"][0]["kind"]
        fitting = [step for step in fitting if step.kind != last or "campaign" in step.known]
    return fitting[:MOST]


def line_of(kind: str, code: str, given: dict[str, str], asks: tuple[Ask, ...] | None = None) -> bytes:
    """
    Return the line that a form says, with its end; empty fields say nothing. `asks` may be more than usual.

    Raises UsageError (`scan.kind`, `scan.field`, `request.time`).
    """
    if kind not in ASKS:
        raise UsageError(
            "scan.kind", f"{kind[:40]!r} is not reported here.", "Report it on the page /report."
        )
    members: dict[str, Any] = {name: given[name] for name in _KNOWN.get(kind, ()) if given.get(name)}
    for ask in asks or ASKS[kind]:
        value = given.get(ask.name, "").strip()[:MAX_TEXT]
        if value:
            members[ask.name] = _read(ask, value)
        elif ask.needed and ask.name not in members and _INSTEAD.get(ask.name) not in members:
            raise UsageError("scan.field", f"{kind} needs {ask.name}.", "Fill it in, then report again.")
    return _line(kind, code, _when(given), members) + b"\n"


def sites_for(request: Asked, person: Person) -> list[dict[str, Any]]:
    """Return the sites that an organisation has on record."""
    found = sites_of(registry_of(request), person.organisation)
    return [{"site": one.identifier, "name": one.name} for one in found]


def _candidates(
    person: Person, battery: dict[str, Any] | None, sender: str | None, *, is_theirs: bool
) -> list[Step]:
    if battery is None:
        return [Step("enrolled", ASKS["enrolled"], {"place": "in_stock", "basis": "label"})]
    kinds = [kind for kind in ASKS if (is_theirs or kind in _FROM_OUTSIDE) and _may_follow(kind, battery)]
    known: dict[str, dict[str, str]] = {}
    if sender is not None:  # it is on the way here: whatever else may happen, first it arrives
        kinds = [kind for kind in kinds if kind in {"received", "collected"}] or kinds
        if sender != person.organisation and sees("holder"):
            known["received"] = known["collected"] = {"from": sender}
    else:
        has_it = battery.get("holder") == person.organisation
        kinds = [kind for kind in kinds if kind != "received" and not (kind == "collected" and has_it)]
    for name in ("vin", "system"):
        if battery.get(name):
            known["removed"] = {name: battery[name]}
    if battery.get("recalls"):  # the work that a recall asks for comes first
        known["serviced"] = {"campaign": battery["recalls"][0].campaign}
        kinds = ["serviced", *(kind for kind in kinds if kind != "serviced")]
    in_order = battery.get("transport", "normal") == "normal"
    return [_step(kind, known.get(kind, {}), in_order=in_order) for kind in kinds]


def _step(kind: str, known: dict[str, str], *, in_order: bool) -> Step:
    """Return a kind with what it still asks."""
    asks = [ask for ask in ASKS[kind] if ask.name not in known and _INSTEAD.get(ask.name) not in known]
    if in_order:
        asks = [ask for ask in asks if ask not in _ROAD]
    return Step(kind, tuple(asks), known)


def _may_follow(kind: str, battery: dict[str, Any]) -> bool:
    """Return whether a kind says anything new of a battery, as far as its reader sees it."""
    is_waste = battery["phase"] == "waste"
    place: str | None = battery.get("place")
    if kind == "enrolled" or (kind in _WASTE_ONLY and not is_waste) or (kind in _NOT_WASTE and is_waste):
        return False
    if kind == "found":
        return place == "missing"
    if kind == "dismantled":
        return bool(battery["level"] != "cell")
    return kind != "removed" or place in {None, "in_vehicle", "in_storage_system", "disputed"}


def _fits(step: Step, answer: dict[str, Any]) -> bool:
    """Return whether a kind may be reported; to whom it may go is judged once that is known."""
    goes_on = any(ask.name == "to" for ask in step.asks)
    return bool(answer["allowed"]) or (goes_on and str(answer["rule"]).startswith("breach."))


def _example(request: Asked, step: Step) -> dict[str, Any]:
    """Return what stands for what is not known before the form is filled in."""
    values = {
        "decision": "recycle",
        "soh_fraction": 0.5,
        "work": "-",
        "vin": "LSVAA4187E2184847",
        "to": min(registry_of(request).authorities),
    }
    return {ask.name: values[ask.name] for ask in step.asks if ask.needed}


def _read(ask: Ask, value: str) -> Any:
    if ask.how == "choice" and value not in ask.choices:
        raise UsageError("scan.field", f"{ask.name} is not {value[:40]!r}.", f"Use {', '.join(ask.choices)}.")
    if ask.name == "reasons":
        return [line.strip() for line in value.splitlines() if line.strip()]
    if ask.how not in {"percent", "number"}:
        return value
    try:
        number = float(value.replace(",", ".").removesuffix("%").strip())
    except ValueError:
        number = -1
    if not 0 <= number <= (150 if ask.how == "percent" else 1_000_000):
        raise UsageError(
            "scan.field", f"{ask.name} is {value[:40]!r}, which is no such number.", "Write digits."
        )
    return round(number / 100, 5) if ask.how == "percent" else number


def _when(given: dict[str, str]) -> datetime:
    """Return when it happened: what was filled in, in China's time, or when the battery was scanned."""
    text = given.get("when", "").strip() or given.get("scanned_at", "").strip()
    try:
        when = datetime.fromisoformat(text) if text else datetime.now(UTC)
    except ValueError as error:
        raise UsageError(
            "request.time",
            f"{text[:40]!r} is no time.",
            "Write it as 2026-05-03T08:00, or leave it empty: now.",
        ) from error
    return when if when.tzinfo is not None else when.replace(tzinfo=CHINA)


def _line(kind: str, code: str, when: datetime, members: dict[str, Any]) -> bytes:
    said = {"kind": kind, "occurred_at": when.isoformat(timespec="seconds"), "code": code}
    return msgspec.json.encode(said | members)

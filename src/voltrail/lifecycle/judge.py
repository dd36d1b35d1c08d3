"""
May it be taken? Decided once, at the door.

Facts are recorded, intentions are refused: a report of what has happened is
refused only when it cannot be. What may be true is taken, with its findings.
`judge_intention` answers the question before the deed, and refuses more.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from voltrail.errors import IdentityError, Refusal
from voltrail.events import Event, answers, batteries, decode, subjects
from voltrail.events.kinds import AnswerAccepted, Corrected, KeyAdded, PassportIssued, StageGranted
from voltrail.events.table import KINDS, TRUST_KINDS
from voltrail.lifecycle import lots, passports
from voltrail.lifecycle.findings import rule_findings, rule_of, warnings
from voltrail.lifecycle.fold import in_order, step
from voltrail.lifecycle.gates import is_private
from voltrail.lifecycle.stages import qualification_of
from voltrail.lifecycle.state import Battery, Finding, Model, Recorded, effective, from_ms
from voltrail.lifecycle.told import told_to_reporter, without_step
from voltrail.lifecycle.world import World
from voltrail.organisations.identifiers import check_organisation
from voltrail.organisations.trust import Organisation, check_key, has_role
from voltrail.regimes.rules import Rules

__all__ = ["Verdict", "World", "judge", "judge_for_public", "judge_for_reporter", "judge_intention"]

FUTURE_ALLOWANCE_MS: Final = 300_000
AUTHORITY: Final = frozenset({"authority"})
TESTING_LAB: Final = frozenset({"testing_lab"})
MAX_CHAIN: Final = 64

_AFTER_AN_END: Final = frozenset({"corrected", "identified", "recalled", "passport_ceased"})
_ENDS_WITH_PARTS: Final = frozenset({"recycled", "destroyed", "exported"})
_BACK: Final = frozenset({"imported", "vehicle_imported"})
_ABROAD: Final = frozenset({"passport_issued", *_BACK})
_PASSPORT_KINDS: Final = frozenset({"passport_issued", "passport_ceased"})
_SELF_KINDS: Final = frozenset({"key_added", "key_revoked", "site_registered"})
_MODEL_KINDS: Final = frozenset(
    {"model_registered", "model_certified", "document_added", "points_declared", "answer_accepted"}
)
_NEVER_CORRECTED: Final = frozenset(
    {"organisation_registered", "role_granted", "role_revoked", "key_added", "key_revoked"}
)
_ANSWERS: Final = {
    "retired": "holder",
    "lost": "holder",
    "destroyed": "holder",
    "identified": "holder",
    "ownership_transferred": "owner",
    "responsibility_transferred": "operator",
}
"""Who answers for what a kind says, where others may report it too: then that is a gap."""
_ORGANISATIONS: Final = {
    "shipped": ("to", "carrier"),
    "received": ("from_",),
    "collected": ("from_",),
    "handed_over": ("to", "carrier"),
    "transferred_in": ("operator",),
    "lot_moved": ("to", "carrier"),
    "ownership_transferred": ("to",),
    "responsibility_transferred": ("to",),
    "organisation_registered": ("organisation", "former"),
    "role_granted": ("organisation",),
    "role_revoked": ("organisation",),
    "site_registered": ("organisation", "makers"),
}
_ENDING: Final = frozenset(
    {"repurposed", "remanufactured", "dismantled", "recycled", "exported", "vehicle_exported", "destroyed"}
)
_DESIGN: Final = "docs/events.md"


class Verdict(msgspec.Struct, frozen=True, gc=False):
    """
    Whether an event is taken: with a refusal it is not; findings stand beside one that is.

    `warnings` are for who asks beforehand: what is done against rules that are advisory. They forbid nothing.
    """

    refusal: Refusal | None = None
    findings: tuple[Finding, ...] = ()
    warnings: tuple[Finding, ...] = ()


_TAKEN: Final = Verdict()
_check_organisation = lru_cache(4096)(check_organisation)


def judge(
    event: Event,
    reporter: str,
    received_ms: int,
    world: World,
    rules: Rules,
    about: Sequence[Battery] | None = None,
) -> Verdict:
    """
    Return whether a report of what has happened is taken, with the findings late and breach.

    `about` are the states of the event's batteries, where the caller has them at hand.
    """
    organisation = world.organisation(reporter)
    if organisation is None:
        return _refused(
            "role.unregistered",
            f"The organisation {reporter} is not registered.",
            "Ask the authority to register it and grant its roles.",
        )
    if about is None:
        about = _batteries(event, world)
    refusal = _refusal(event, organisation, received_ms, world, about)
    if refusal is None and isinstance(event, Corrected):
        refusal = _correction_refusal(event, organisation, received_ms, world)
    if refusal is not None:
        return Verdict(refusal)
    if isinstance(event, Corrected):
        findings = _findings_of_line(event, received_ms, world, rules)
    else:
        findings = _findings(event, organisation, received_ms, about, world, rules)
    return Verdict(None, findings) if findings else _TAKEN


def _refusal(
    event: Event,
    organisation: Organisation,
    received_ms: int,
    world: World,
    about: Sequence[Battery],
    standing: Event | None = None,
) -> Refusal | None:
    """
    Return why this organisation cannot have this to report, or None; of a correction, its line aside.

    `standing` is the event in whose place it would stand.
    """
    if event.occurred_at > from_ms(received_ms + FUTURE_ALLOWANCE_MS, event.occurred_at.tzinfo):
        return Refusal(
            "time.future",
            f"occurred_at {event.occurred_at.isoformat()} is more than five minutes after it was received.",
            "Report what has happened, and check the clock; ask beforehand with a check instead.",
        )
    return (
        _name_refusal(event)
        or _role_refusal(event, organisation, received_ms, world)
        or _state_refusal(event, about, world)
        or _passport_refusal(event, organisation, received_ms, world, about)
        or lots.refusal(event, organisation.identifier, world, standing)
    )


def _findings(
    event: Event,
    organisation: Organisation,
    received_ms: int,
    about: Sequence[Battery],
    world: World,
    rules: Rules,
) -> tuple[Finding, ...]:
    """Return what is late or barred, and whether someone else should have reported it."""
    found: tuple[Finding, ...] = ()
    if rules.speaks_of(event.kind):
        found = tuple(rule_findings(event, organisation, from_ms(received_ms), rules, about, world))
    found += tuple(lots.findings(event))
    if event.kind in _ANSWERS and not has_role(organisation, AUTHORITY, from_ms(received_ms)):
        found += tuple(_not_theirs(event, organisation, about, world))
    return found


def _findings_of_line(event: Corrected, received_ms: int, world: World, rules: Rules) -> tuple[Finding, ...]:
    """
    Return what the line of a correction is late for or breaks, as if its first reporter had reported it.

    The same fact told better is as old as its first report; another fact is new.
    """
    root = _root(world.recorded(event.corrects), world)
    first = world.organisation(root.reporter) if root is not None else None
    if event.line is None or root is None or first is None:
        return ()
    line = decode(event.line.encode())
    if line.kind == root.event.kind and subjects(line) == subjects(root.event):
        received_ms = root.received_ms
    return _findings(line, first, received_ms, _batteries(line, world), world, rules)


def _not_theirs(
    event: Event, organisation: Organisation, about: Sequence[Battery], world: World
) -> Iterator[Finding]:
    """Yield a gap for each battery of which another is known to be holder, owner or operator."""
    answers, reporter = _ANSWERS[event.kind], organisation.identifier
    for battery in about:
        if event.kind == "identified" and _is_maker(organisation, battery, world):
            continue
        known = getattr(battery, answers, None) if answers != "holder" else None
        theirs = {known} if known is not None else _holders(battery, event)
        if theirs and reporter not in theirs | {claim.to for claim in battery.claims}:
            who = "holder" if known is None else answers
            yield Finding(
                "gap",
                f"lifecycle.not_{answers}",
                f"{event.kind} of {battery.code} was not reported by its {who}, {min(theirs)}.",
                f"Report how it came to {reporter}, or correct the code.",
            )


def _holders(battery: Battery, event: Event) -> set[str]:
    """Return who had a battery when an event occurred; of what a holder did later nothing follows."""
    return {
        claim.holder
        for claim in battery.claims
        if claim.holder is not None and (claim.since is None or claim.since <= event.occurred_at)
    }


def _is_maker(organisation: Organisation, battery: Battery, world: World) -> bool:
    """Return whether an organisation declared the battery's model."""
    model = world.state("model:" + battery.model_id) if battery.model_id is not None else None
    return isinstance(model, Model) and model.maker == organisation.identifier


def judge_intention(event: Event, reporter: str, now_ms: int, world: World, rules: Rules) -> Verdict:
    """
    Return whether something may be done, before it is.

    Refused like a report, and also for what a report would be taken with: a
    gap, a conflict, a breach. A deadline that has passed does not forbid a deed; what an advisory rule
    says stands among the warnings.
    """
    verdict = judge(event, reporter, now_ms, world, rules)
    if verdict.refusal is not None:
        return verdict
    recorded = Recorded(-1, event, reporter, now_ms)
    intended = _intended((*verdict.findings, *_shown(recorded, world)))
    return replace(intended, warnings=_warnings(event, reporter, world, rules))


def judge_for_reporter(event: Event, reporter: str, now_ms: int, world: World, rules: Rules) -> Verdict:
    """
    Return what `judge_intention` does, as the organisation itself may know it.

    Asking leaves no trace: where another's battery is and who has it is not told, nor which step is lacking.
    """
    verdict = judge_intention(event, reporter, now_ms, world, rules)
    about, recorded = _batteries(event, world), Recorded(-1, event, reporter, now_ms)
    told = told_to_reporter(recorded, verdict.findings, about)
    if tuple(told) == verdict.findings:
        return verdict
    intended = _intended(tuple(map(without_step, verdict.findings)))
    return replace(intended, warnings=verdict.warnings)


def _intended(findings: tuple[Finding, ...]) -> Verdict:
    """Return the verdict on something that would show these findings: all but being late forbid it."""
    for finding in findings:
        if finding.kind != "late":
            refusal = Refusal(finding.rule, finding.message, finding.fix, source=finding.source or _DESIGN)
            return Verdict(refusal, findings)
    return Verdict(None, findings)


def judge_for_public(event: Event, reporter: str, now_ms: int, world: World, rules: Rules) -> Verdict:
    """
    Return what everybody may know of whether something may be done: role, time, end, and what is barred.

    Whose the battery is and where, which decides about gaps and conflicts, is not looked at.
    """
    if isinstance(event, Corrected):
        return _refused(
            "access.sign_in",
            "Whether an event may be corrected is told to its reporter.",
            "Ask with a signed report: `voltrail report FILE --check --key KEY.pem --to URL`",
        )
    verdict = judge(event, reporter, now_ms, world, rules)
    if verdict.refusal is not None:
        return verdict
    warned = _warnings(event, reporter, world, rules, public=True)
    for one in verdict.findings:
        if one.kind == "breach" and _is_public(one, event, rules):
            refusal = Refusal(one.rule, one.message, one.fix, source=one.source or _DESIGN)
            return Verdict(refusal, warnings=warned)
    return Verdict(warnings=warned) if warned else _TAKEN


def _warnings(
    event: Event, reporter: str, world: World, rules: Rules, *, public: bool = False
) -> tuple[Finding, ...]:
    """Return what an event does against advisory rules; of a correction nothing is said."""
    organisation = world.organisation(reporter)
    if organisation is None:
        return ()
    return tuple(warnings(event, organisation, rules, _batteries(event, world), world, public=public))


def _is_public(finding: Finding, event: Event, rules: Rules) -> bool:
    """Return whether what a breach says follows from what is public."""
    return not is_private(rule_of(finding, event, rules), event)


def _shown(recorded: Recorded, world: World) -> Iterator[Finding]:
    """Yield the findings that an event would show in the states of its subjects."""
    for subject in subjects(recorded.event):
        state = world.state(subject)
        if state is not None and not in_order(state, recorded):
            yield Finding(
                "conflict",
                "lifecycle.not_latest",
                f"The record of {subject} already goes beyond {recorded.event.occurred_at.isoformat()}.",
                "Ask with the time at which it shall happen.",
            )
            continue
        after = step(subject, state, recorded)
        yield from (one for one in getattr(after, "findings", ()) if one.index == recorded.index)


# ---------------------------------------------------------------- who reports


def _name_refusal(event: Event) -> Refusal | None:
    """Return why an organisation that the event brings up is named wrongly, or None."""
    for name in _ORGANISATIONS.get(event.kind, ()):
        named = getattr(event, name)
        if not named:
            continue
        try:
            for text in (named,) if isinstance(named, str) else named:
                _check_organisation(text)
        except IdentityError as error:
            message = f"{name.rstrip('_')}: {error.message}"
            return Refusal(error.rule, message, error.fix, source=error.source)
    return None


def _role_refusal(event: Event, organisation: Organisation, received_ms: int, world: World) -> Refusal | None:
    """Return why this organisation may not report this event, or None; corrections are for everybody."""
    if isinstance(event, Corrected):
        return None
    if event.kind in TRUST_KINDS:
        return _trust_refusal(event, organisation, received_ms, world)
    kind = KINDS[event.kind]
    if has_role(organisation, kind.roles, event.occurred_at):
        return None
    had = ", ".join(sorted({period.role for period in organisation.roles})) or "none"
    return Refusal(
        "role.may_not",
        f"{organisation.identifier} had no role on {event.occurred_at.date()} that reports {event.kind}"
        f" (its roles: {had}).",
        f"It is reported by: {kind.who}.",
        source=_DESIGN,
    )


def _trust_refusal(event: Any, organisation: Organisation, received_ms: int, world: World) -> Refusal | None:
    """
    Return why an event on an organisation, a site or a model is not this reporter's, or None.

    Who has the authority's role when it is received may report it: a date in it decides nothing.
    """
    if isinstance(event, KeyAdded) and (refusal := _key_refusal(event, world)) is not None:
        return refusal
    if isinstance(event, AnswerAccepted) and (refusal := _answer_refusal(event, world)) is not None:
        return refusal
    if isinstance(event, StageGranted):
        refusal = _stage_refusal(event, organisation, world)
        if refusal is not None:
            return refusal
    if has_role(organisation, AUTHORITY, from_ms(received_ms)):
        return None
    if isinstance(event, StageGranted) and has_role(organisation, TESTING_LAB, event.occurred_at):
        return None
    if event.kind == "site_registered" and (refusal := _site_refusal(event, world)) is not None:
        return refusal
    if event.kind in _SELF_KINDS and event.organisation == organisation.identifier:
        return None
    if event.kind in _MODEL_KINDS:
        return _model_refusal(event, organisation, world)
    return Refusal(
        "role.may_not",
        f"{organisation.identifier} may not report {event.kind} for {_about(event)}.",
        f"It is reported by: {KINDS[event.kind].who}.",
        source=_DESIGN,
    )


def _about(event: Any) -> str:
    return str(getattr(event, "organisation", None) or event.model_id)


def _stage_refusal(event: StageGranted, organisation: Organisation, world: World) -> Refusal | None:
    """Return what the gate of a stage still lacks, or None: a grant rests on the record."""
    return qualification_of(event.model_id, world).refusal(event, organisation.identifier)


def _site_refusal(event: Any, world: World) -> Refusal | None:
    """Return why a site cannot be registered: it is another organisation's."""
    site = world.state("site:" + event.site)
    owner = getattr(site, "organisation", "")
    if not owner or owner == event.organisation:
        return None
    message = f"The site {event.site} is registered by another organisation."
    return Refusal("site.taken", message, "Choose an identifier of your own.")


def _key_refusal(event: KeyAdded, world: World) -> Refusal | None:
    """Return why a key cannot be used, or None."""
    try:
        check_key(event.algorithm, event.public_key)
    except IdentityError as error:
        return error.as_refusal()
    owner = world.organisation(event.organisation)
    if owner is None:
        return Refusal(
            "role.unregistered",
            f"The organisation {event.organisation} is not registered.",
            "Register it first: organisation_registered, by the authority.",
        )
    if any(key.key_id == event.key_id for key in owner.keys):
        return Refusal(
            "key.taken",
            f"{event.organisation} has, or had, a key called {event.key_id}.",
            "Give every key a new name: names are never used again.",
        )
    return None


def _answer_refusal(event: AnswerAccepted, world: World) -> Refusal | None:
    """Return why an answer is not one to this model's maker, or not by the organisation it names, or None."""
    model = world.state("model:" + event.model_id)
    asked_by = answers.read(event.answer).asked_by
    if not isinstance(model, Model) or model.maker != asked_by:
        return Refusal(
            "answer.asked_by",
            f"The answer was given to {asked_by[:60]}, which has not declared the model {event.model_id}.",
            "Declare the model first; another maker asks the supplier itself.",
        )
    if event.supplier_id is None:
        return None
    supplier = world.organisation(event.supplier_id)
    keys = supplier.keys if supplier is not None else ()
    if any(key.public_key == event.public_key and key.revoked is None for key in keys):
        return None
    return Refusal(
        "answer.supplier_id",
        f"The key of the answer is none of {event.supplier_id} that counts.",
        "Leave supplier_id out, or name the organisation whose key it is.",
    )


def _model_refusal(event: Any, organisation: Organisation, world: World) -> Refusal | None:
    """Return why a model is not this reporter's, or None."""
    if not has_role(organisation, KINDS[event.kind].roles - AUTHORITY, event.occurred_at):
        return Refusal(
            "role.may_not",
            f"{organisation.identifier} may not report {event.kind}.",
            f"It is reported by: {KINDS[event.kind].who}.",
            source=_DESIGN,
        )
    model = world.state("model:" + event.model_id)
    maker = model.maker if isinstance(model, Model) else None
    if maker is None or maker == organisation.identifier:
        return None
    return Refusal(
        "model.taken",
        f"The model {event.model_id} is declared by {maker}.",
        "Only its maker or the authority speaks for a model; choose an identifier of your own.",
    )


def _passport_refusal(
    event: Any, organisation: Organisation, received_ms: int, world: World, about: Sequence[Battery]
) -> Refusal | None:
    """Return why a passport cannot be issued or ended, or None. To issue one is an act: it can be refused."""
    if event.kind not in _PASSPORT_KINDS:
        return None
    battery = next(iter(about), None)
    if not has_role(organisation, AUTHORITY, from_ms(received_ms)):
        before = [
            one for one in world.events("battery:" + event.code) if one.event.occurred_at <= event.occurred_at
        ]
        answering = passports.answers_for(before)
        refusal = passports.not_theirs(event, organisation.identifier, answering, battery)
        if refusal is not None:
            return refusal
    return passports.out_of_order(event, battery)


# ---------------------------------------------------------------- corrections


def _correction_refusal(
    event: Corrected, organisation: Organisation, received_ms: int, world: World
) -> Refusal | None:
    """Return why this correction cannot be taken, or None."""
    target = world.recorded(event.corrects)
    if target is None:
        return Refusal(
            "correction.unknown",
            f"There is no event at index {event.corrects} to correct.",
            "Name the index that the receipt gave for the event.",
        )
    root = _root(target, world)
    if root is None:
        return Refusal(
            "correction.too_many",
            f"The event was corrected {MAX_CHAIN} times, last at {event.corrects}; no more are taken.",
            "Report what is true as a new event.",
        )
    if root.event.kind in _NEVER_CORRECTED:
        return Refusal(
            "correction.trust",
            f"{root.event.kind} is not corrected: who is who must not be rewritten.",
            "Report what ends or replaces it: role_revoked, key_revoked, or the right event itself.",
            source=_DESIGN,
        )
    if not _may_correct(organisation, received_ms, root, world):
        return Refusal(
            "correction.not_yours",
            f"The event at {event.corrects} was first reported by another organisation.",
            "An event is corrected by its first reporter, its registered successor, or the authority.",
            source=_DESIGN,
        )
    lacking = (set(subjects(root.event)) | set(subjects(target.event))) - set(subjects(event))
    if lacking:
        return Refusal(
            "correction.subjects",
            f"The correction does not name all {len(lacking)} subjects of the event it corrects.",
            "Name the subjects of both, the wrong line and the right one.",
            source="formats.md, Event line",
        )
    return _not_last_refusal(event, root, world) or _replacement_refusal(
        event, target, root, received_ms, world
    )


def _replacement_refusal(
    event: Corrected, target: Recorded, root: Recorded, received_ms: int, world: World
) -> Refusal | None:
    """Return why the first reporter could not have reported the line of a correction, or None."""
    about = {*subjects(root.event), *subjects(target.event)}
    line = decode(event.line.encode()) if event.line is not None else None
    if not set(subjects(event)) <= about | set(subjects(line) if line is not None else ()):
        return Refusal(
            "correction.subjects",
            "The correction names more than the event it corrects and its own line are about.",
            "Name the subjects of both, the wrong line and the right one, and no others.",
            source="formats.md, Event line",
        )
    if line is None:
        return None
    if line.kind in TRUST_KINDS and line.kind != root.event.kind:
        return Refusal(
            "correction.kind",
            f"{root.event.kind} cannot be corrected into {line.kind}.",
            "Report the other event by itself, and void this one.",
            source=_DESIGN,
        )
    first = world.organisation(root.reporter)
    if first is None:
        return Refusal(
            "role.unregistered",
            f"The organisation {root.reporter}, which reported the event first, is not registered.",
            "Ask the authority to register it.",
        )
    standing = target.event
    if isinstance(standing, Corrected):
        standing = decode(standing.line.encode()) if standing.line is not None else root.event
    refusal = _refusal(line, first, received_ms, world, _bound(_batteries(line, world), standing), standing)
    if refusal is None:
        return None
    message = f"In the line of this correction: {refusal.message}"
    return Refusal(refusal.rule, message, refusal.fix, source=refusal.source)


def _bound(about: list[Battery], standing: Event) -> list[Battery]:
    """Return the batteries but those that ended by the very event that a correction replaces."""
    if isinstance(standing, PassportIssued):
        return [_without(battery, standing.number) for battery in about]
    if standing.kind not in _ENDING:
        return about
    return [battery for battery in about if battery.ended_at != standing.occurred_at]


def _without(battery: Battery, number: int) -> Battery:
    """Return a battery without the passport that has a number."""
    return replace(battery, passports=tuple(one for one in battery.passports if one.number != number))


def _root(recorded: Recorded | None, world: World) -> Recorded | None:
    """Return the event at the root of a chain of corrections."""
    for _ in range(MAX_CHAIN):
        if recorded is None or not isinstance(recorded.event, Corrected):
            return recorded
        recorded = world.recorded(recorded.event.corrects)
    return None


def _may_correct(organisation: Organisation, received_ms: int, root: Recorded, world: World) -> bool:
    """Return whether a reporter is the first, its registered successor, or the authority."""
    if has_role(organisation, AUTHORITY, from_ms(received_ms)):
        return True
    known: Organisation | None = organisation
    for _ in range(MAX_CHAIN):
        if known is None:
            return False
        if known.identifier == root.reporter:
            return True
        if known.former is None:
            return False
        if known.former == root.reporter:
            return True
        known = world.organisation(known.former)
    return False


def _not_last_refusal(event: Corrected, root: Recorded, world: World) -> Refusal | None:
    """
    Return why a correction does not continue its chain, or None.

    A chain without branches: each subject that an earlier correction brought
    in then learns of every later one.
    """
    for subject in subjects(root.event):
        state = world.state(subject)
        last = dict(getattr(state, "mended", ())).get(root.index)
        if last is not None and last != event.corrects:
            return Refusal(
                "correction.not_last",
                f"The event at {root.index} was corrected before, at {last}.",
                f"Correct {last}: only the last of a chain counts.",
            )
    return None


# ------------------------------------------------------------- after an end


def _state_refusal(event: Event, about: Sequence[Battery], world: World) -> Refusal | None:
    """Return why the state of one of the batteries forbids the event: it had already ended then."""
    if event.kind in _AFTER_AN_END:
        return None
    for battery in about:
        end, ended_at = battery.end, battery.ended_at
        claims = battery.claims
        if len(claims) == 1 and claims[0].place == "in_parent":
            above = effective(battery, lambda code: _battery(code, world))
            if above.end in _ENDS_WITH_PARTS:
                end, ended_at = above.end, above.ended_at
        if end is None or ended_at is None or event.occurred_at < ended_at:
            continue
        if end == "exported" and event.kind in _ABROAD:
            continue
        return Refusal(
            "lifecycle.ended",
            f"{battery.code} ended as {end} on {ended_at.date()}; after that there is no {event.kind}.",
            "Check code and occurred_at; if the end was reported wrongly, its reporter corrects it first.",
            source=_DESIGN,
        )
    return None


def _batteries(event: Event, world: World) -> list[Battery]:
    """Return the states of the event's batteries, as far as the record knows them."""
    states = [world.state("battery:" + code) for code in batteries(event)]
    return [state for state in states if isinstance(state, Battery)]


def _battery(code: str, world: World) -> Battery | None:
    """Return the state of one battery."""
    state = world.state("battery:" + code)
    return state if isinstance(state, Battery) else None


def _refused(rule: str, message: str, fix: str) -> Verdict:
    """Return the verdict that refuses."""
    return Verdict(Refusal(rule, message, fix))

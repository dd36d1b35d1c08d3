"""What a reporter is told of findings: nothing of where another's battery is, and who has it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from msgspec.structs import replace

from voltrail.lifecycle.fold import in_order
from voltrail.lifecycle.state import Battery, Finding, Recorded

_NAMES_NOBODY: Final = {
    "lifecycle.two_places": "This and another report cannot both be true.",
    "lifecycle.stock_differs": "The record has the battery elsewhere.",
    "lifecycle.not_holder": "The record names another as its holder.",
    "lifecycle.not_owner": "The record names another as its owner.",
    "lifecycle.not_operator": "The record names another as its operator.",
    "breach.swap-unfit": "The record has something that speaks against putting this pack in.",
    "vehicle.batteries_differ": "The record has other batteries in this vehicle.",
}
_NOT_REPORTED: Final = "_not_reported"


def told_to_reporter(
    recorded: Recorded, findings: Sequence[Finding], about: Sequence[Battery]
) -> list[Finding]:
    """
    Return findings as the event's reporter may know them: of batteries that are not its own, without names.

    Who has a battery and in which vehicle it is, is not told to whoever reports something about it.
    `about` are the states before.
    """
    knows = all(_is_party(battery, recorded) for battery in about)
    return [one if knows and not one.rule.startswith("vehicle.") else without_names(one) for one in findings]


def without_names(finding: Finding) -> Finding:
    """Return a finding in words that name nobody and no place: which step is lacking, not whose."""
    if finding.rule.startswith("lifecycle.") and finding.rule.endswith(_NOT_REPORTED):
        step = finding.rule.removeprefix("lifecycle.").removesuffix(_NOT_REPORTED)
        return replace(finding, message=f"A step before this one is not on record: the {step}.")
    return replace(finding, message=_NAMES_NOBODY.get(finding.rule, finding.message))


def without_step(finding: Finding) -> Finding:
    """Return a finding that does not even say which step is lacking: that would tell where a battery is."""
    if finding.rule.startswith("lifecycle.") and finding.rule.endswith(_NOT_REPORTED):
        return Finding(
            finding.kind,
            "lifecycle.step_not_reported",
            "A step before this one is not on record.",
            "Ask whoever has the battery, or had it, to report it; what its holder does is not yours.",
            finding.index,
        )
    return without_names(finding)


def _is_party(battery: Battery, recorded: Recorded) -> bool:
    """Return whether a reporter had the battery, was to receive it, or owned it, when nothing came later."""
    if not in_order(battery, recorded):
        return False
    claim = battery.claims[-1] if battery.claims else None
    known = {battery.owner} if claim is None else {battery.owner, claim.holder, claim.to}
    return recorded.reporter in known or not battery.claims

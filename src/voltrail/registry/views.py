"""What readers are given: plain values for JSON; what they may not see is left out and named."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec

from voltrail.codes import parse
from voltrail.events import split
from voltrail.lifecycle import Battery, Effective, Finding, Model, Organisation
from voltrail.organisations.access import BATTERY, Eyes
from voltrail.regimes.deadlines import CHINA
from voltrail.regimes.rules import Rule


def battery_view(
    state: Battery, where: Effective, model: Model | None, eyes: Eyes, travels: str | None = None
) -> dict[str, Any]:
    """
    Return what may be known of a battery; `withheld` names the rest.

    `travels` is in which state, from its chain, for whoever may see it.
    """
    code = parse(state.code)
    claim = state.whereabouts
    known = {
        "code": state.code,
        "level": code.level,
        "chemistry": code.chemistry,
        "production_date": code.production_date.isoformat() if code.production_date else None,
        "model": _model(model) if model else ({"model_id": state.model_id} if state.model_id else None),
        "phase": state.phase,
        "end": where.end,
        "ended_at": _time(where.ended_at),
        "place": where.place,
        "holder": where.holder,
        "vin": where.vin,
        "system": where.system,
        "site": where.site,
        "owner": state.owner,
        "operator": state.operator,
        "soh_fraction": state.soh_fraction,
        "measured_at": _time(state.measured_at),
        "transport": travels,
        "parent": claim.parent if claim else None,
    }
    more = {
        "history_before": state.history_before,
        "identified_as": list(state.identified),
        "predecessors": list(state.predecessors),
        "successors": list(state.successors),
        "parts": len(state.parts),
        "events": state.count,
    }
    hidden = [name for name in (*known, *more) if not eyes.see(BATTERY, name)]
    return {
        **{name: value for name, value in known.items() if name not in hidden},
        "withheld": sorted(hidden),
        **{name: value for name, value in more.items() if name not in hidden},
        "findings": findings_view(state.findings, eyes),
    }


def findings_view(findings: tuple[Finding, ...] | list[Finding], eyes: Eyes) -> list[dict[str, Any]]:
    """
    Return what may be known of findings: most learn their kinds, and of no breach.

    Which step is lacking would tell where a battery was and who held it, so only deadlines are named.
    """
    if eyes.see(BATTERY, "findings"):
        return [msgspec.to_builtins(finding_as_told(finding)) for finding in findings]
    return [
        {
            "kind": finding.kind,
            "rule": finding.rule if finding.kind == "late" else None,
            "index": finding.index,
        }
        for finding in findings
        if finding.kind != "breach"
    ]


def finding_as_told(finding: Finding) -> dict[str, Any]:
    """Return a finding with the names of its fields."""
    return {name: getattr(finding, name) for name in finding.__struct_fields__}


def warning_as_told(finding: Finding, rule: Rule) -> dict[str, Any]:
    """Return what an advisory rule says against something, with where that rule is from."""
    return {
        "rule": rule.id,
        "standing": rule.standing,
        "message": finding.message,
        "fix": finding.fix,
        "source": finding.source,
        "confidence": rule.confidence,
    }


def event_view(kind: str, line: bytes, eyes: Eyes) -> tuple[dict[str, Any], list[str]]:
    """Return the members that may be seen, as values, and the names of those withheld."""
    shown: list[bytes] = []
    withheld = []
    for member in split(line):
        name = member[1 : member.index(b'"', 1)].decode()
        if name == "kind":
            continue
        if eyes.see(kind, name):
            shown.append(member)
        else:
            withheld.append(name)
    return msgspec.json.decode(b"{" + b",".join(shown) + b"}"), withheld


def hidden_members(kind: str, line: bytes, eyes: Eyes) -> frozenset[str]:
    """Return the members of a line that may not be seen; with `reporter` where not even who said it may."""
    names = (member[1 : member.index(b'"', 1)].decode() for member in split(line))
    hidden = {name for name in names if name != "kind" and not eyes.see(kind, name)}
    return frozenset(hidden if eyes.see(BATTERY, "reporter") else {*hidden, "reporter"})


def organisation_view(organisation: Organisation) -> dict[str, Any]:
    """Return what everybody may know of an organisation: who it is, its roles and its keys."""
    return {
        "organisation": organisation.identifier,
        "name": organisation.name,
        "country": organisation.country,
        "former": organisation.former,
        "roles": [
            {"role": period.role, "from": _time(period.since), "until": _time(period.until)}
            for period in organisation.roles
        ],
        "keys": [
            {
                "key_id": key.key_id,
                "algorithm": key.algorithm,
                "public_key": key.public_key,
                "added_at_index": key.added,
                "revoked_at_index": key.revoked,
                "host_may_sign": key.host_may_sign,
            }
            for key in organisation.keys
        ],
        "events": organisation.count,
    }


def model_view(model: Model) -> dict[str, Any]:
    """Return what everybody may know of a model; what nobody has declared of it is left out."""
    told: dict[str, Any] = _model(model)
    for name in ("form_factor", "composition", "swap_pack"):
        if (value := getattr(model, name)) is not None:
            told[name] = value
    told["documents"] = [
        {
            "purpose": one.purpose,
            "title": one.title,
            "sha256": one.digest,
            "index": one.index,
            "issuer": one.issuer,
            "issued_on": one.issued_on,
        }
        for one in model.documents
    ]
    told["certificates"] = [{"certificate": name, "certified_on": day} for name, day in model.certificates]
    return told | {"events": model.count}


def iso_ms(unix_ms: int) -> str:
    """Return a time of ours, in UTC, from milliseconds since 1970."""
    return datetime.fromtimestamp(unix_ms / 1000, UTC).isoformat(timespec="milliseconds")


def _model(model: Model) -> dict[str, Any]:
    fields = (
        "model_id",
        "maker",
        "name",
        "level",
        "chemistry",
        "energy_kwh",
        "mass_kg",
        "voltage_v",
        "capacity_ah",
    )
    return {name: getattr(model, name) for name in fields if getattr(model, name) is not None}


def _time(when: datetime | None) -> str | None:
    """Return a time as it is told: in China's zone, by which the record counts days."""
    return when.astimezone(CHINA).isoformat() if when is not None else None

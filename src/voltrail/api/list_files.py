"""All other lists as files: models, organisations, recalls, grants; an authority's, an administrator's."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any, Final

from litestar.response import Stream

from voltrail.accounts.accounts import all_accounts
from voltrail.accounts.applications import all_applications
from voltrail.accounts.trail import all_deeds
from voltrail.api.access import administrator, applications_of, authority, signed_in
from voltrail.api.answers import Asked, registry_of
from voltrail.api.followed import followed_of
from voltrail.api.models import Maker
from voltrail.api.recalls import Named, Show, is_inside, not_yours, recalls_of, sees_holders, shown_of
from voltrail.api.take_away import take_away, taken
from voltrail.api.work import reading
from voltrail.errors import AccessError
from voltrail.registry.catalogue import all_models, all_organisations
from voltrail.registry.grants import all_grants, all_uses
from voltrail.registry.lately import find_lately, news_in
from voltrail.registry.recalls import Campaign, all_campaigns, all_members, all_mine
from voltrail.registry.snapshot import Snapshot
from voltrail.web import Page
from voltrail.web.catalogue import later
from voltrail.web.sheets import Column, Row, Sheet
from voltrail.web.sheets.sheet import Stands, as_text

_MODELS: Final = (
    Column("model_id", heading="Model"),
    Column("maker", heading="Maker"),
    Column("name", heading="Name"),
    Column("level", "name", "Level"),
    Column("chemistry", "name", "Chemistry"),
    Column("energy_kwh", "number"),
    Column("mass_kg", "number"),
    Column("voltage_v", "number"),
    Column("capacity_ah", "number"),
    Column("form_factor", heading="Form factor"),
    Column("composition", heading="Composition"),
    Column("certificates", "texts", "Certificates"),
    Column("events", "integer", "Events"),
)
_ORGANISATIONS: Final = (
    Column("organisation", heading="Organisation"),
    Column("name", heading="Name"),
    Column("country", heading="Country"),
    Column("roles", "names", "Roles now"),
    Column("former_roles", "names", "Roles ended"),
    Column("keys", "integer", "Keys that count"),
    Column("events", "integer", "Events"),
)
_RECALLS: Final = (
    Column("campaign", heading="Campaign"),
    Column("organisation", heading="Organisation"),
    Column("opened_at", "time", "Opened"),
    Column("title", heading="Title"),
    Column("risk", heading="What may happen"),
    Column("advice", heading="What to do"),
    Column("models", "texts", "Models"),
    Column("made_from", "day", "Made since"),
    Column("made_until", "day", "Made until"),
    Column("batteries", "integer", "Batteries"),
    Column("done", "integer", "Done"),
    Column("ended", "integer", "Ended"),
    Column("remaining", "integer", "Remaining"),
)
_MEMBERS: Final = (
    Column("code", heading="Code"),
    Column("stands", "name", "State"),
    Column("serviced_at", "time", "Work done at"),
    Column("holder", heading="Holder"),
    Column("owner", heading="Owner"),
    Column("shown_at", "time", "Notice shown"),
    Column("acknowledged_at", "time", "Notice acknowledged"),
)
_GRANTS: Final = (
    Column("grant", "integer", "Grant"),
    Column("giver", heading="Given by"),
    Column("grantee", heading="Given to"),
    Column("audience", "name", "As what"),
    Column("purpose", heading="What for"),
    Column("code", heading="Code"),
    Column("given_at", "time", "Given"),
    Column("until", "time", "Ends"),
    Column("ended_at", "time", "Ended"),
    Column("in_force", "flag", "In force"),
)
_USES: Final = (
    Column("grant", "integer", "Grant"),
    Column("grantee", heading="Given to"),
    Column("login", heading="Login"),
    Column("code", heading="Code"),
    Column("day", "day", "Day"),
    Column("at", "time", "First look"),
)
_APPLICATIONS: Final = (
    Column("number", "integer", "Number"),
    Column("organisation", heading="Organisation"),
    Column("name", heading="Name"),
    Column("country", heading="Country"),
    Column("state", "name", "State"),
    Column("made_at", "time", "When"),
    Column("roles", "names", "Roles"),
    Column("key", "flag", "With a key"),
    Column("approved_at", "time", "Approved"),
    Column("refused_at", "time", "Refused at"),
    Column("reasons", heading="Reasons"),
)
_TRAIL: Final = (
    Column("id", "integer", "Number"),
    Column("at", "time", "When"),
    Column("action", heading="What"),
    Column("login", heading="Login"),
    Column("organisation", heading="Organisation"),
    Column("address", heading="From where"),
    Column("detail", heading="Details"),
)
_ACCOUNTS: Final = (
    Column("login", heading="Login"),
    Column("organisation", heading="Organisation"),
    Column("role", "name", "Role"),
    Column("made_at", "time", "Made"),
    Column("disabled_at", "time", "Disabled"),
    Column("one_time_until", "time", "One-time password until"),
)
_FOLLOWED: Final = (
    Column("code", heading="Code"),
    Column("index", "integer", "Entry"),
    Column("kind", "kind", "Event"),
    Column("occurred_at", "time", "Occurred at"),
)
_LATELY: Final = (
    Column("kind", "name", "Finding"),
    Column("rule", heading="Rule"),
    Column("organisation", heading="In a report of"),
    Column("number", "integer", "How many"),
    Column("index", "integer", "Entry of the last"),
    Column("subject", heading="About"),
)


@taken("/models", summary="The list of models, as a file")
def models_file(request: Asked, maker: Maker = None) -> Stream:
    """Return all declared models in the order of their ids, of one maker or all."""

    def row(model: Any) -> Row:
        certificates = [f"{name} {day}" for name, day in model.certificates]
        return (
            *(getattr(model, column.name) for column in _MODELS[:10]),
            as_text(model.composition),
            certificates or None,
            model.count,
        )

    return _listed(request, "models", later("Models"), _MODELS, lambda at: all_models(at, maker or None), row)


@taken("/organisations", summary="The list of organisations, as a file")
def organisations_file(request: Asked) -> Stream:
    """Return all organisations of the record in the order of their identifiers, with their roles."""

    def row(one: Any) -> Row:
        now = [period.role for period in one.roles if period.until is None]
        ended = [period.role for period in one.roles if period.until is not None]
        keys = sum(key.revoked is None for key in one.keys)
        return one.identifier, one.name, one.country, now or None, ended or None, keys, one.count

    return _listed(request, "organisations", later("Organisations"), _ORGANISATIONS, all_organisations, row)


@taken("/recalls", summary="The list of recalls, as a file")
def recalls_file(request: Asked) -> Stream:
    """Return all campaigns, the last one first, each with how much of it is done."""
    return _listed(request, "recalls", later("Recalls"), _RECALLS, all_campaigns, _campaign)


@taken("/recalls/mine", summary="The recalls of batteries of mine, as a file")
def mine_file(request: Asked) -> Stream:
    """Return the batteries that who is signed in holds or owns and that still need the work of a recall."""
    mine = reading(request).organisation
    columns = (Column("code", heading="Code"), *_RECALLS[:6])
    return _listed(
        request,
        "recalls-of-mine",
        later("Recalls of batteries of mine"),
        columns,
        lambda at: all_mine(at, mine),
        lambda one: (one[0], *_campaign(one[1])[:6]),
    )


@taken("/recalls/batteries", summary="The batteries of a recall, as a file")
def members_file(request: Asked, campaign: Named, show: Show = "remaining") -> Stream:
    """Return all batteries of a campaign that stand so; for its organisation and the authority."""
    found, shown = recalls_of(request).read(campaign), shown_of(show)
    if not is_inside(request, found):
        raise not_yours()
    sees = sees_holders(request)
    if shown == "told" and not sees:
        raise AccessError(
            "recall.told",
            "Which of the batteries are with somebody who was told would say who holds them.",
            "Take the remaining ones.",
        )
    columns = _MEMBERS if sees else _MEMBERS[:3]

    def row(one: Any) -> Row:
        return [getattr(one, column.name) for column in columns]

    def making(snapshot: Snapshot, page: Page) -> Sheet:
        runs = ([row(one) for one in run] for run in all_members(snapshot, found.id, shown))
        title = page.say("Batteries of recall {campaign}", campaign=found.id)
        return Sheet(f"{found.id}-{shown}", title, columns, runs)

    return take_away(request, making)


@taken("/grants/given", summary="Grants that I gave, as a file")
def given_file(request: Asked) -> Stream:
    """Return all grants of one's organisation, a row for each battery, the last first."""
    mine = signed_in(request).organisation
    return _grants(request, later("What you let others see"), lambda at: all_grants(at, mine, given=True))


@taken("/grants/received", summary="Grants that I was given, as a file")
def received_file(request: Asked) -> Stream:
    """Return all grants to one's organisation, a row for each battery, the last first."""
    mine = signed_in(request).organisation
    return _grants(request, later("What others let you see"), lambda at: all_grants(at, mine, given=False))


@taken("/grants/uses", summary="Who looked under grants of mine, as a file")
def uses_file(request: Asked) -> Stream:
    """Return the first look of each day at each battery, the last first."""
    mine = signed_in(request).organisation
    row = _attributes("grant", "grantee", "login", "code", "day", "at")
    return _listed(
        request, "looks", later("Who looked"), _USES, lambda at: all_uses(at, mine), row, stands="beside"
    )


@taken("/followed", summary="News of the batteries that I follow, as a file")
def followed_file(request: Asked) -> Stream:
    """Return the batteries that who is signed in follows, with what happened since they last looked."""
    person = signed_in(request)

    def rows(snapshot: Snapshot) -> Iterator[list[Row]]:
        for code, seen in followed_of(request).of(person.account).items():
            news = news_in(snapshot.connection, code, seen)
            told = [(code, one.index, one.kind, datetime.fromisoformat(one.occurred_at)) for one in news]
            yield [*told] or [(code, None, None, None)]

    return _listed(request, "followed", later("Batteries you follow"), _FOLLOWED, rows, tuple)


@taken("/authority/findings", summary="Findings lately, as a file")
def findings_file(request: Asked) -> Stream:
    """Return the findings in the newest 20,000 entries, by kind, rule, organisation; for an authority."""
    authority(request)
    registry = registry_of(request)
    row = _attributes("kind", "rule", "organisation", "number", "index", "subject")

    def found(at: Snapshot) -> list[Any]:
        return [find_lately(registry.database, at.standing.base + at.standing.size)]

    return _listed(
        request, "findings", later("Findings lately, by kind and organisation"), _LATELY, found, row
    )


@taken("/applications", summary="Applications, as a file")
def applications_file(request: Asked) -> Stream:
    """Return all applications, the last first, and what was decided; for an authority."""
    authority(request)
    applications = applications_of(request)
    for one in applications.waiting(limit=1_000):
        applications.settle(one)  # what the record has approved meanwhile

    def row(one: Any) -> Row:
        asked = one.asked
        roles = [role.role for role in asked.roles]
        return (
            *(one.id, asked.organisation, asked.name or None, asked.country, one.state, one.made_at),
            *(roles or None, asked.vkey is not None, one.approved_at, one.refused_at, one.refused_because),
        )

    return _listed(
        request, "applications", later("Applications"), _APPLICATIONS, all_applications, row, stands="beside"
    )


@taken("/accounts", summary="Accounts, as a file")
def accounts_file(request: Asked) -> Stream:
    """Return who may sign in, in the order of their logins; for administrators."""
    administrator(request)
    row = _attributes(*(column.name for column in _ACCOUNTS))
    title = later("Accounts of this registry")
    return _listed(request, "accounts", title, _ACCOUNTS, all_accounts, row, stands="beside")


@taken("/accounts/trail", summary="The audit trail, as a file")
def trail_file(request: Asked) -> Stream:
    """Return the whole audit trail, the last first; for administrators."""
    administrator(request)
    row = _attributes(*(column.name for column in _TRAIL))
    return _listed(request, "audit-trail", later("Audit trail"), _TRAIL, all_deeds, row, stands="beside")


def _listed(
    request: Asked,
    name: str,
    title: str,
    columns: tuple[Column, ...],
    found: Callable[[Snapshot], Iterable[Iterable[Any]]],
    row: Callable[[Any], Row],
    *,
    stands: Stands = "exactly",
) -> Stream:
    """Return the file of a list: what is found in a snapshot, in runs, a row for each."""

    def making(snapshot: Snapshot, page: Page) -> Sheet:
        runs = ([row(one) for one in run] for run in found(snapshot))
        return Sheet(name, page.say(title), columns, runs, stands=stands)

    return take_away(request, making)


def _grants(request: Asked, title: str, found: Callable[[Snapshot], Iterator[list[Any]]]) -> Stream:
    def rows(snapshot: Snapshot) -> Iterator[list[Row]]:
        for run in found(snapshot):
            yield [
                (
                    *(one.id, one.giver, one.grantee, one.audience, one.purpose, code),
                    *(one.given_at, one.until, one.ended_at, one.in_force),
                )
                for one in run
                for code in one.codes
            ]

    return _listed(request, "grants", title, _GRANTS, rows, lambda one: one, stands="beside")


def _campaign(one: Campaign) -> Row:
    return (
        *(one.id, one.organisation, one.opened_at, one.title, one.risk, one.advice, one.models or None),
        *(one.made_from, one.made_until, one.batteries, one.done, one.ended, one.remaining),
    )


def _attributes(*names: str) -> Callable[[Any], Row]:
    return lambda one: [getattr(one, name) for name in names]


ROUTES: Final = (
    *models_file,
    *organisations_file,
    *recalls_file,
    *mine_file,
    *members_file,
    *given_file,
    *received_file,
    *uses_file,
    *followed_file,
    *findings_file,
    *applications_file,
    *accounts_file,
    *trail_file,
)

"""
Recalls as campaigns: what a campaign's organisation says, who was told, what remains.

The record decides which batteries are recalled and for which the work was done: `recall_rows` counts it.
Here a campaign is opened, its lines are made, and everything is read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from typing import Any, Final, Literal, cast

import msgspec

from voltrail.codes import parse
from voltrail.codes.tables import (
    FIRST_YEAR,
    LAST_DATE,
    encode_date,
)
from voltrail.database.database import Connection, Database
from voltrail.errors import AccessError, CodeError, NotFound, UsageError
from voltrail.lifecycle import Model, Organisation, decode_state
from voltrail.organisations.trust import has_role
from voltrail.registry.catalogue import list_models
from voltrail.registry.snapshot import Snapshot

OPENERS: Final = frozenset({"battery_maker", "vehicle_maker", "importer"})
MAX_CODES: Final = 100_000
MAX_MODELS: Final = 200
MAX_TITLE: Final = 200
MAX_WORDS: Final = 2_000
FIRST_SHOWN: Final = 20  # codes of a preview
STEP_LINES: Final = 20_000  # reported in one go
SHOWN_STATES: Final = ("remaining", "told", "done", "ended")

Shown = Literal["remaining", "told", "done", "ended"]

_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{2,63}")
_TAKEN_WORDS: Final = frozenset({"new", "open", "report", "acknowledge", "lines"})
_TAKEN_ENDS: Final = (".csv", ".xlsx", ".parquet")  # addresses of files
_STANDING: Final = """
select b.code, b.stands, b.serviced_at, b.holder, b.owner, t.shown_at, t.acknowledged_at
from campaign_battery b
left join campaign_told t on t.campaign = b.campaign and t.organisation = coalesce(b.holder, b.owner)
where b.campaign = %(campaign)s and b.stands = %(stands)s and b.code > %(after)s
order by b.code limit %(limit)s
"""
# By who was told, since among many open batteries those of few who were told are not looked for one by one.
_TOLD: Final = """
select b.code, b.stands, b.serviced_at, b.holder, b.owner, t.shown_at, t.acknowledged_at
from campaign_told t join campaign_holder h using (campaign, organisation) cross join lateral (
    (select * from campaign_battery where holder = t.organisation and campaign = t.campaign
        and stands = 'open' and code > %(after)s order by code limit %(limit)s)
    union all
    (select * from campaign_battery where owner = t.organisation and holder is null and campaign = t.campaign
        and stands = 'open' and code > %(after)s order by code limit %(limit)s)
) b where t.campaign = %(campaign)s and h.batteries > 0 order by b.code limit %(limit)s
"""
_ALL_MINE: Final = """
select b.code, c.* from (
    select code, campaign from campaign_battery where holder = %(who)s and stands = 'open' union
    select code, campaign from campaign_battery where owner = %(who)s and stands = 'open'
) b join campaign c on c.id = b.campaign order by c.number desc, b.code
"""
_ALL: Final = 2**62
_STANDS: Final = {"remaining": "open", "told": "open", "done": "done", "ended": "ended"}


class Campaign(msgspec.Struct, frozen=True):
    """A recall: what its organisation says of it, and how many batteries the record has in it."""

    id: str
    number: int
    organisation: str
    opened_at: datetime
    risk: str | None
    title: str | None
    advice: str | None
    opened_by: str | None
    models: list[str]
    made_from: date | None
    made_until: date | None
    listed: int
    planned: int
    complete: bool
    batteries: int
    done: int
    ended: int

    @property
    def remaining(self) -> int:
        """How many batteries still need the work."""
        return self.batteries - self.done - self.ended

    @property
    def on_record(self) -> bool:
        """Whether its scope is put on record, by the page or by lines that its organisation signed."""
        return self.complete or 0 < self.planned <= self.batteries


class Scope(msgspec.Struct, frozen=True):
    """Which batteries: those of the models made between two days, and those listed by their codes."""

    models: tuple[str, ...] = ()
    made_from: date | None = None
    made_until: date | None = None
    codes: tuple[str, ...] = ()


class Words(msgspec.Struct, frozen=True):
    """What a campaign says: its id, a title, the risk, what a holder should do."""

    id: str
    title: str
    risk: str
    advice: str


class Plan(msgspec.Struct, frozen=True):
    """What a scope holds: how many batteries, and the first of them."""

    scope: Scope
    batteries: int
    first: list[str]


class Member(msgspec.Struct, frozen=True):
    """One battery of a campaign; who holds or owns it, and whether they know, only while it is open."""

    code: str
    stands: str
    serviced_at: datetime | None
    holder: str | None
    owner: str | None
    shown_at: datetime | None
    acknowledged_at: datetime | None


class Holder(msgspec.Struct, frozen=True):
    """An organisation that has to see to batteries of a campaign, and when it was told."""

    organisation: str
    batteries: int
    shown_at: datetime | None
    acknowledged_at: datetime | None


class Acknowledged(msgspec.Struct, frozen=True):
    """Who acknowledged a notice, when, and how many batteries it had to see to then."""

    organisation: str
    at: datetime
    batteries: int


class Notice(msgspec.Struct, frozen=True):
    """What an organisation is told of a campaign: how many of the batteries it holds or owns are recalled."""

    campaign: Campaign
    batteries: int
    shown_at: datetime | None
    acknowledged_at: datetime | None


class OpenRecall(msgspec.Struct, frozen=True):
    """A recall of one battery for which the work is not done, as everybody may know it."""

    campaign: str
    organisation: str
    title: str | None
    risk: str | None
    advice: str | None


class Recalls:
    """The campaigns of a registry. It writes no event: lines go to the record as anybody's do."""

    def __init__(self, database: Database) -> None:
        self._pool = database.pool

    # ------------------------------------------------------------------ reading

    def page(self, limit: int, before: int | None = None) -> tuple[list[Campaign], int | None]:
        """Return campaigns, the last known first, and the `before` of the next page or None."""
        with self._pool.connection() as connection:
            rows = connection.execute(
                "select * from campaign where %(before)s::bigint is null or number < %(before)s"
                " order by number desc limit %(limit)s",
                {"before": before, "limit": limit + 1},
            ).fetchall()
        found = [Campaign(*row) for row in rows[:limit]]
        return found, found[-1].number if len(rows) > limit else None

    def totals(self) -> tuple[int, int]:
        """Return how many campaigns there are, and how many batteries remain in all of them."""
        with self._pool.connection() as connection:
            row = connection.execute(
                "select count(*), coalesce(sum(batteries - done - ended), 0)::bigint from campaign"
            ).fetchone()
        return row or (0, 0)

    def read(self, identifier: str) -> Campaign:
        """Return a campaign. Raises NotFound."""
        with self._pool.connection() as connection:
            return _read(connection, identifier)

    def members(
        self, campaign: str, shown: Shown, limit: int, after: str | None = None
    ) -> tuple[list[Member], str | None]:
        """Return batteries of a campaign in the order of their codes, and the `after` of the next page."""
        _check(after)
        values = {"campaign": campaign, "after": after or "", "limit": limit + 1}
        query = _TOLD if shown == "told" else _STANDING
        with self._pool.connection() as connection:
            rows = connection.execute(query, values | {"stands": _STANDS[shown]}).fetchall()
        found = [Member(*row) for row in rows[:limit]]
        return found, found[-1].code if len(rows) > limit else None

    def holders(self, campaign: str, limit: int = 100) -> list[Holder]:
        """Return who has to see to batteries of a campaign, those with the most first."""
        with self._pool.connection() as connection:
            rows = connection.execute(
                "select h.organisation, h.batteries, t.shown_at, t.acknowledged_at from campaign_holder h"
                " left join campaign_told t using (campaign, organisation)"
                " where h.campaign = %s and h.batteries > 0"
                " order by h.batteries desc, h.organisation limit %s",
                (campaign, limit),
            ).fetchall()
        return [Holder(*row) for row in rows]

    def told(self, campaign: str) -> int:
        """Return how many open batteries of a campaign are with somebody who was shown the notice."""
        with self._pool.connection() as connection:
            row = connection.execute(
                "select coalesce(sum(h.batteries), 0)::bigint from campaign_holder h"
                " join campaign_told t using (campaign, organisation) where h.campaign = %s",
                (campaign,),
            ).fetchone()
        return row[0] if row else 0

    def acknowledged(self, campaign: str, limit: int = 100) -> list[Acknowledged]:
        """Return who acknowledged the notice, the last first."""
        with self._pool.connection() as connection:
            rows = connection.execute(
                "select organisation, acknowledged_at, batteries from campaign_told"
                " where campaign = %s and acknowledged_at is not null order by acknowledged_at desc limit %s",
                (campaign, limit),
            ).fetchall()
        return [Acknowledged(*row) for row in rows]

    def of_battery(self, code: str) -> list[OpenRecall]:
        """
        Return the recalls of a battery that are open, the first first.

        What a campaign says is given only of a recall by its own organisation: others may use its id.
        """
        with self._pool.connection() as connection:
            rows = connection.execute(
                "select b.campaign, b.recalled_by, c.title, c.risk, c.advice, c.organisation"
                " from campaign_battery b join campaign c on c.id = b.campaign"
                " where b.code = %s and b.stands = 'open' order by b.recalled",
                (code,),
            ).fetchall()
        return [
            OpenRecall(name, by, title, risk, advice)
            if by == organisation
            else OpenRecall(name, by, None, None, None)
            for name, by, title, risk, advice, organisation in rows
        ]

    def notices_for(self, organisation: str) -> list[Notice]:
        """
        Return what an organisation is to be told: its open recalls, those not acknowledged first.

        It is not thereby told: `note_shown` says that it was.
        """
        with self._pool.connection() as connection:
            rows = connection.execute(
                "select c.*, h.batteries + h.owned, t.shown_at, t.acknowledged_at"
                " from campaign_holder h join campaign c on c.id = h.campaign"
                " left join campaign_told t on t.campaign = h.campaign and t.organisation = h.organisation"
                " where h.organisation = %(who)s and h.batteries + h.owned > 0"
                " order by t.acknowledged_at is not null, c.number desc",
                {"who": organisation},
            ).fetchall()
        return [Notice(Campaign(*row[:-3]), *row[-3:]) for row in rows]

    def mine(
        self, organisation: str, campaign: str, limit: int, after: str | None = None
    ) -> tuple[list[str], str | None]:
        """Return the open batteries of a campaign that an organisation holds or owns, and the next page."""
        _check(after)
        with self._pool.connection() as connection:
            rows = connection.execute(
                "(select code from campaign_battery where holder = %(who)s and campaign = %(campaign)s"
                " and stands = 'open' and code > %(after)s order by code limit %(limit)s) union"
                " (select code from campaign_battery where owner = %(who)s and campaign = %(campaign)s"
                " and stands = 'open' and code > %(after)s order by code limit %(limit)s)"
                " order by code limit %(limit)s",
                {"who": organisation, "campaign": campaign, "after": after or "", "limit": limit + 1},
            ).fetchall()
        codes = [code for (code,) in rows[:limit]]
        return codes, codes[-1] if len(rows) > limit else None

    # ------------------------------------------------------------------ telling

    def note_shown(self, organisation: str, campaigns: Sequence[str]) -> None:
        """Take down that an organisation has been shown these notices; the first time counts."""
        if not campaigns:
            return
        with self._pool.connection() as connection:
            connection.execute(
                "insert into campaign_told (campaign, organisation) select unnest(%s::text[]), %s"
                " on conflict do nothing",
                (sorted(campaigns), organisation),
            )

    def acknowledge(self, organisation: str, campaign: str, login: str) -> None:
        """
        Take down that an organisation has acknowledged a notice; the first time counts.

        Raises NotFound where it has no battery of the campaign to see to.
        """
        mine = {one.campaign.id: one for one in self.notices_for(organisation)}
        if campaign not in mine:
            raise NotFound(
                "recall.none_of_yours",
                f"You hold and own no battery that still needs the work of {campaign[:80]}.",
                "What is open for you stands on the page /recalls?mine=1.",
            )
        with self._pool.connection() as connection:
            connection.execute(
                "insert into campaign_told"
                " (campaign, organisation, acknowledged_at, acknowledged_by, batteries)"
                " values (%s, %s, now(), %s, %s) on conflict (campaign, organisation) do update"
                " set acknowledged_at = coalesce(campaign_told.acknowledged_at, excluded.acknowledged_at),"
                " acknowledged_by = coalesce(campaign_told.acknowledged_by, excluded.acknowledged_by),"
                " batteries = coalesce(campaign_told.batteries, excluded.batteries)",
                (campaign, organisation, login, mine[campaign].batteries),
            )

    # ------------------------------------------------------------------ opening

    def check_may_open(self, organisation: str, *, is_authority: bool) -> None:
        """Raise AccessError unless an organisation may open campaigns now."""
        if is_authority:
            return
        with self._pool.connection() as connection:
            state = _state(connection, f"organisation:{organisation}")
        if not isinstance(state, Organisation) or not has_role(state, OPENERS, datetime.now(UTC)):
            raise AccessError(
                "recall.role",
                "Campaigns are opened by battery makers, vehicle makers and importers, and by the authority.",
                "Ask the maker of the batteries to open it.",
            )

    def plan(self, scope: Scope, organisation: str, *, is_authority: bool) -> Plan:
        """
        Return what a scope holds. Raises UsageError where it holds nothing, or more than may be asked for.

        But for an authority the models must be declared by the organisation, and each listed battery be of
        such a model, or one of which the organisation has reported something: the record does not say whose
        the maker's part of a code is.
        """
        with self._pool.connection() as connection:
            scope = _settled(connection, scope, None if is_authority else organisation)
            count, first = _counted(connection, scope)
        if not count:
            raise UsageError(
                "recall.nothing",
                "No battery on record is in this scope.",
                "Look at the models and the dates; dates are those that stand in the codes.",
            )
        return Plan(scope, count, first)

    def open(self, words: Words, plan: Plan, organisation: str, login: str) -> Campaign:
        """
        Open a campaign for a scope that was planned; nothing is recalled before its lines are reported.

        One that the record knows already, from lines of the same organisation, is given its words and scope.
        Raises UsageError where the words are not in order or the id is taken.
        """
        _check_words(words)
        scope = plan.scope
        with self._pool.connection() as connection, connection.transaction():
            made = connection.execute(
                "insert into campaign (id, organisation, opened_at, risk, title, advice, opened_by, models,"
                " made_from, made_until, listed, planned, complete)"
                " values (%s, %s, date_trunc('second', now()), %s, %s, %s, %s, %s, %s, %s, %s, %s, false)"
                " on conflict (id) do update set risk = excluded.risk, title = excluded.title,"
                " advice = excluded.advice, opened_by = excluded.opened_by, models = excluded.models,"
                " made_from = excluded.made_from, made_until = excluded.made_until,"
                " listed = excluded.listed, planned = excluded.planned, complete = false"
                " where campaign.title is null and campaign.organisation = excluded.organisation",
                (
                    *(words.id, organisation, words.risk, words.title, words.advice, login),
                    *(
                        list(scope.models),
                        scope.made_from,
                        scope.made_until,
                        len(scope.codes),
                        plan.batteries,
                    ),
                ),
            ).rowcount
            if not made:
                raise UsageError(
                    "recall.taken",
                    f"There is a campaign {words.id} already.",
                    "Choose another id; ids are never used again.",
                )
            connection.execute(
                "insert into campaign_code select %s, unnest(%s::text[])", (words.id, list(scope.codes))
            )
            return _read(connection, words.id)

    def lines(self, campaign: Campaign, limit: int | None = None) -> list[bytes]:
        """
        Return the next lines to be reported for a campaign, 20,000 or so many, in the order of their codes.

        A line is the same whenever it is made, so that sent again it is known and not taken twice.
        """
        with self._pool.connection() as connection:
            rows = connection.execute(
                _TO_REPORT,
                _values(Scope(tuple(campaign.models), campaign.made_from, campaign.made_until))
                | {"campaign": campaign.id, "limit": limit or STEP_LINES},
            ).fetchall()
        about = {
            "kind": "recalled",
            "occurred_at": campaign.opened_at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        }
        said = {"campaign": campaign.id} | ({"risk": campaign.risk} if campaign.risk else {})
        return [msgspec.json.encode(about | {"code": code} | said) for (code,) in rows]

    def complete(self, campaign: str) -> None:
        """Note that all batteries of a campaign's scope are reported, or as many as the record takes."""
        with self._pool.connection() as connection:
            connection.execute("update campaign set complete = true where id = %s", (campaign,))


# ---------------------------------------------------------------------- a scope

_COUNT: Final = """
select count(*) from campaign_scope(%(models)s, %(dated)s, %(since)s, %(until)s, %(campaign)s, %(codes)s)
"""
_FIRST: Final = """
select code from campaign_scope(%(models)s, %(dated)s, %(since)s, %(until)s, %(campaign)s, %(codes)s)
order by code limit %(limit)s
"""
_TO_REPORT: Final = """
select w.code from campaign_scope(%(models)s, %(dated)s, %(since)s, %(until)s, %(campaign)s, %(codes)s) w
where not exists (select 1 from campaign_battery b where b.code = w.code and b.campaign = %(campaign)s)
order by w.code limit %(limit)s
"""


def _values(scope: Scope) -> dict[str, Any]:
    dated = scope.made_from is not None or scope.made_until is not None
    return {
        "models": list(scope.models),
        "dated": dated,
        "since": _day(scope.made_from or date(FIRST_YEAR, 1, 1)),
        "until": _day(scope.made_until or LAST_DATE),
        "codes": list(scope.codes),
        "campaign": None,
    }


def _day(day: date) -> str:
    return encode_date(max(date(FIRST_YEAR, 1, 1), min(day, LAST_DATE))).replace("0", "Z")


def _counted(connection: Connection, scope: Scope) -> tuple[int, list[str]]:
    values = _values(scope) | {"limit": FIRST_SHOWN}
    (count,) = connection.execute(_COUNT, values).fetchone() or (0,)
    rows = connection.execute(_FIRST, values)
    return count, [code for (code,) in rows]


def _settled(connection: Connection, scope: Scope, organisation: str | None) -> Scope:
    """Return a scope whose models and codes are on record and, of an organisation, its own."""
    if scope.made_from and scope.made_until and scope.made_until < scope.made_from:
        raise UsageError("recall.dates", "The last day is before the first.", "Change them round.")
    models = scope.models
    dated = scope.made_from is not None or scope.made_until is not None
    if not models and dated and organisation is not None:
        models = tuple(one.model_id for one in _own_models(connection, organisation))
    if not models and not scope.codes:
        raise UsageError(
            "recall.scope", "Nothing says which batteries.", "Name models, or codes; dates narrow models."
        )
    for one in models:
        _check(one)
    if len(models) > MAX_MODELS or len(scope.codes) > MAX_CODES:
        raise UsageError(
            "recall.too_many",
            f"A campaign has at most {MAX_MODELS} models and {MAX_CODES:,} listed codes.",
            "Open several campaigns.",
        )
    if organisation is not None:
        _check_models(connection, models, organisation)
    codes = tuple(sorted({_code(text, at) for at, text in enumerate(scope.codes, 1)}))
    _check_codes(connection, codes, organisation)
    return Scope(models, scope.made_from, scope.made_until, codes)


def _code(text: str, line: int) -> str:
    try:
        return parse(text).text
    except CodeError as error:
        error.line = line
        raise


def _own_models(connection: Connection, organisation: str) -> list[Model]:
    found: list[Model] = []
    after: str | None = ""
    while after is not None and len(found) <= MAX_MODELS:
        more, after = list_models(connection, organisation, MAX_MODELS + 1, after)
        found += more
    return found


def _check_models(connection: Connection, models: Sequence[str], organisation: str) -> None:
    own = _makers(connection, models)
    foreign = [one for one in models if own.get(one) != organisation]
    if foreign:
        raise AccessError(
            "recall.not_your_model",
            f"The model {foreign[0][:80]} is not declared by you.",
            "Name models of your own; batteries of others' models are listed by their codes.",
        )


def _makers(connection: Connection, models: Sequence[str]) -> dict[str, str | None]:
    rows = connection.execute(
        "select id, state from subject where id = any(%s)", ([f"model:{one}" for one in models],), binary=True
    ).fetchall()
    states = [cast("Model", decode_state(name, bytes(state))) for name, state in rows]
    return {one.model_id: one.maker for one in states}


_REPORTED: Final = """
with recursive walk as (
    select s.id, e.report, e.before[array_position(e.subjects, s.id)] as previous
    from subject s join event e on e.seq = s.seq where s.id = any(%(subjects)s)
  union all
    select w.id, e.report, e.before[array_position(e.subjects, w.id)]
    from walk w join event e on e.seq = w.previous
)
select distinct w.id from walk w join report r on r.id = w.report where r.organisation = %(organisation)s
"""


def _check_codes(connection: Connection, codes: Sequence[str], organisation: str | None) -> None:
    """Raise unless all these batteries are on record and, of an organisation, its own."""
    rows = connection.execute(
        "select substr(id, 9), model from subject where id = any(%s)", ([f"battery:{one}" for one in codes],)
    ).fetchall()
    known = dict(rows)
    unknown = [one for one in codes if one not in known]
    if unknown:
        raise UsageError(
            "recall.unknown_codes",
            f"The record does not know {len(unknown):,} of these batteries: {_some(unknown)}.",
            "Take them out, or report first how they came to be.",
        )
    if organisation is None:
        return
    makers = _makers(connection, sorted({one for one in known.values() if one is not None}))
    others = [code for code, model in known.items() if makers.get(model or "") != organisation]
    if not others:
        return
    values = {"subjects": [f"battery:{one}" for one in others], "organisation": organisation}
    reported = {name.removeprefix("battery:") for (name,) in connection.execute(_REPORTED, values)}
    foreign = sorted(set(others) - reported)
    if foreign:
        raise AccessError(
            "recall.not_yours",
            f"{len(foreign):,} of these batteries are not of your models, and you have not reported of them:"
            f" {_some(foreign)}.",
            "Take them out; an authority may recall any.",
        )


def _some(codes: Sequence[str]) -> str:
    return ", ".join(codes[:5]) + (", …" if len(codes) > 5 else "")


def _check_words(words: Words) -> None:
    if not _ID.fullmatch(words.id) or words.id in _TAKEN_WORDS or words.id.endswith(_TAKEN_ENDS):
        raise UsageError(
            "recall.id",
            "A campaign's id has 3 to 64 letters, digits, dots, hyphens and underscores.",
            "Such as R-2026-014.",
        )
    for text, most in ((words.title, MAX_TITLE), (words.risk, MAX_WORDS), (words.advice, MAX_WORDS)):
        if not text or len(text) > most or "\0" in text:
            raise UsageError(
                "recall.words",
                f"Title, risk and what to do are all needed: {MAX_TITLE} characters at most for the title,"
                f" {MAX_WORDS:,} for the others.",
                "Say what may happen, and what whoever has such a battery should do.",
            )


# -------------------------------------------------------------------- the tables


def _read(connection: Connection, identifier: str) -> Campaign:
    _check(identifier)
    row = connection.execute("select * from campaign where id = %s", (identifier,)).fetchone()
    if row is None:
        raise NotFound(
            "recall.unknown",
            f"There is no campaign {identifier[:80]}.",
            "All campaigns are listed at /recalls.",
        )
    return Campaign(*row)


def _state(connection: Connection, subject: str) -> Any:
    row = connection.execute("select state from subject where id = %s", (subject,), binary=True).fetchone()
    return decode_state(subject, bytes(row[0])) if row else None


def _check(text: str | None) -> None:
    if text is not None and "\0" in text:
        raise UsageError("usage.text", "U+0000 stands in what is asked for.", "Leave it out: no name has it.")


def all_members(snapshot: Snapshot, campaign: str, shown: Shown) -> Iterator[list[Member]]:
    """Yield all batteries of a campaign that stand so, in the order of their codes."""
    values = {"campaign": campaign, "after": "", "limit": _ALL, "stands": _STANDS[shown]}
    for run in snapshot.rows(_TOLD if shown == "told" else _STANDING, values):
        yield [Member(*row) for row in run]


def all_campaigns(snapshot: Snapshot) -> Iterator[list[Campaign]]:
    """Yield all campaigns, the last one first."""
    for run in snapshot.rows("select * from campaign order by number desc"):
        yield [Campaign(*row) for row in run]


def all_mine(snapshot: Snapshot, organisation: str) -> Iterator[list[tuple[str, Campaign]]]:
    """Yield all open batteries of campaigns that an organisation holds or owns, by campaign and code."""
    for run in snapshot.rows(_ALL_MINE, {"who": organisation}):
        yield [(code, Campaign(*campaign)) for code, *campaign in run]

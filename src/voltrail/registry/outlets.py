"""
The register of outlets, and where makers sell: they follow from the record (`following.py`).

An outlet is copied as its site stands now. Sales are counted as they are reported, each once, by the roles as
of their entry; a correction takes back what it corrects. Beside them stand two
things that are no part of the log: what the authority found at an outlet, and who says that one refused.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from typing import Any, Final

import msgspec
from psycopg.errors import UniqueViolation

from voltrail.codes import parse
from voltrail.database.database import Connection
from voltrail.errors import CodeError, NotFound, UsageError
from voltrail.events import batteries, decode, kinds
from voltrail.lifecycle import Model, Recorded, State
from voltrail.organisations.regions import region_of
from voltrail.organisations.trust import Organisation, Site, has_role, roles_at
from voltrail.regimes.deadlines import CHINA
from voltrail.regimes.rules import Rule, Rules
from voltrail.registry.following import Copy, Known, Row, Step, Sums, Table
from voltrail.registry.world import World

MAX_FOUND: Final = 200
MAX_CHAIN: Final = 64
MAX_SAID: Final = 1_000  # characters
MAX_OPEN: Final = 20  # refusals of one organisation or vehicle that wait for the authority

_KINDS: Final = frozenset({"sold", "shipped", "site_registered", "corrected"})
_SELLING: Final = {
    "vehicle": frozenset({"vehicle_maker", "importer"}),
    "battery": frozenset({"battery_maker", "importer"}),
}
_BUYING: Final = frozenset({"swap_operator", "battery_owner", "repair_enterprise", "storage_operator"})
"""To whom a pack that its maker ships is sold: who uses it. Makers of vehicles have a rule of their own."""
TABLE: Final = Table(
    "outlet",
    {
        **dict.fromkeys(
            (
                *("site", "organisation", "name", "region", "province", "area"),
                *("address", "phone", "hours"),
            ),
            "text",
        ),
        "latitude": "float8",
        "longitude": "float8",
        "makers": "text[]",
    },
    key=1,
    by="site",
)
SUMS: Final = Sums(
    "sale",
    {"organisation": "text", "sold": "text", "month": "date", "province": "text", "area": "text"},
)
_COLUMNS: Final = (
    "site, o.organisation, name, region, province, area, address, phone, hours, latitude, longitude, makers,"
    " c.found, c.checked_at"
)
_FROM: Final = "outlet o left join outlet_check c using (site)"
_KM: Final = """
12742 * asin(least(1, sqrt(
    power(sin(radians(latitude - %(latitude)s) / 2), 2) + cos(radians(latitude))
    * cos(radians(%(latitude)s::float8)) * power(sin(radians(longitude - %(longitude)s) / 2), 2))))
"""  # the mean diameter of the earth

Sale = tuple[str, str, date, str, str]  # organisation, what was sold, month, province, area


class Outlet(msgspec.Struct, frozen=True):
    """
    One outlet of the register. `makers` are those for whom it takes back beside its own organisation.

    `km` is how far it is from where somebody asked, None where either place is not known. `found` is what the
    authority found at it, None where it has not looked.
    """

    site: str
    organisation: str
    name: str | None
    region: str | None
    province: str | None
    area: str | None
    address: str | None
    phone: str | None
    hours: str | None
    latitude: float | None
    longitude: float | None
    makers: tuple[str, ...]
    found: bool | None = None
    checked_at: datetime | None = None
    km: float | None = None


class Place(msgspec.Struct, frozen=True):
    """Where somebody is: a region by its code, a point in degrees (WGS 84), both or none."""

    region: str | None = None
    latitude: float | None = None
    longitude: float | None = None

    def check(self) -> None:
        """Raise UsageError for half a point or one beyond the earth."""
        if (self.latitude is None) != (self.longitude is None):
            raise UsageError("usage.point", "A point has two numbers.", "Give latitude and longitude.")
        if not (-90 <= (self.latitude or 0) <= 90 and -180 <= (self.longitude or 0) <= 180):
            raise UsageError(
                "usage.point",
                "There is no such point.",
                "Give degrees: latitude from -90 to 90, longitude from -180 to 180, as 31.23 and 121.47.",
            )


class Covered(msgspec.Struct, frozen=True):
    """One region in which an organisation sells: how much, and how many outlets there take back for it."""

    province: str
    area: str | None
    sold: int
    outlets: int


class Coverage(msgspec.Struct, frozen=True):
    """
    Places of sale against outlets, under one rule.

    `elsewhere` is what was sold with no region by its code: of that nothing can be said.
    """

    rule: Rule
    sold: str
    regions: tuple[Covered, ...]
    elsewhere: int

    @property
    def missing(self) -> tuple[Covered, ...]:
        """The regions without an outlet."""
        return tuple(one for one in self.regions if not one.outlets)


class Taker(msgspec.Struct, frozen=True):
    """
    An organisation that takes a battery back, in which role, and under which rule.

    `must` is False for the maker of a battery that was sold with a vehicle: then who sold that must.
    """

    organisation: str
    role: str
    rule: Rule
    must: bool = True


class Complaint(msgspec.Struct, frozen=True):
    """Somebody's word that an outlet would not take a battery."""

    id: int
    site: str
    code: str
    organisation: str | None
    vin: str | None
    said: str
    made_at: datetime


class Outlets(Copy):
    """The outlets of one database; threads and servers may share it."""

    upto = "outlet_upto"

    def kinds(self, connection: Connection) -> frozenset[str]:  # noqa: ARG002
        """Return the kinds of event that tell of outlets and sales."""
        return _KINDS

    def bring_up(self, step: Step) -> None:
        """Copy the sites that a step touches, and count the sales that it tells of."""
        SUMS.add(step.connection, sales_of((one.recorded for one in step.entries), step.known))
        names = sorted({name for one in step.entries for name in one.subjects if name.startswith("site:")})
        if names:
            step.known.load(names)
            followed = (row for name in names if (row := outlet_of(step.known.state(name))) is not None)
            TABLE.put(step.connection, [name.removeprefix("site:") for name in names], followed)

    # ------------------------------------------------------------------ reading

    def page(
        self,
        province: str | None = None,
        words: str | None = None,
        organisation: str | None = None,
        after: str | None = None,
        limit: int = 50,
    ) -> tuple[list[Outlet], str | None]:
        """
        Return outlets in the order of their identifiers, and the `after` of the next page or None.

        Those of a province; with these words in name, address or identifier; that take back for a maker.
        """
        conditions = ["site > %(after)s"]
        if province:
            conditions.append("province = %(province)s")
        if words:
            conditions.append(
                "position(lower(%(words)s) in lower(concat_ws(' ', site, name, address, o.organisation))) > 0"
            )
        if organisation:
            conditions.append(
                "(o.organisation = %(organisation)s or makers @> array[%(organisation)s::text])"
            )
        limit = max(1, min(limit, MAX_FOUND))
        values = {
            "after": after or "",
            "province": province,
            "words": words,
            "organisation": organisation,
            "limit": limit + 1,
        }
        query = (
            f"select {_COLUMNS} from {_FROM} where {' and '.join(conditions)}"  # noqa: S608 - our own words
            " order by site limit %(limit)s"
        )
        with self._database.pool.connection() as connection:
            found = [_outlet(row) for row in connection.execute(query, values)]
        return (found, None) if len(found) <= limit else (found[:limit], found[limit - 1].site)

    def one(self, site: str) -> Outlet:
        """Return one outlet. Raises NotFound."""
        query = f"select {_COLUMNS} from {_FROM} where site = %s"  # noqa: S608
        with self._database.pool.connection() as connection:
            row = connection.execute(query, (site,)).fetchone()
        if row is None:
            raise NotFound(
                "outlet.unknown", "The register has no outlet of that identifier.", "Look for it at /outlets."
            )
        return _outlet(row)

    def provinces(self) -> dict[str, int]:
        """Return how many outlets there are in each province; under '' those without a region by its code."""
        with self._database.pool.connection() as connection:
            found = connection.execute("select coalesce(province, ''), count(*) from outlet group by 1")
            return dict(found.fetchall())

    def near(self, place: Place, organisations: list[str] | None = None, limit: int = 5) -> list[Outlet]:
        """
        Return the nearest outlets that take back for one of some organisations; of all where None are given.

        Those in the same prefecture come first, then those of the province, where a region is given; among
        them by distance, where both ends of it are known. Raises UsageError.
        """
        place.check()
        province, area = region_of(place.region) or (None, None)
        values: dict[str, Any] = {
            "organisations": organisations,
            "province": province,
            "area": area,
            "latitude": place.latitude,
            "longitude": place.longitude,
            "limit": max(1, min(limit, MAX_FOUND)),
        }
        km = _KM if place.latitude is not None else "null::float8"
        condition = "o.organisation = any(%(organisations)s::text[]) or makers && %(organisations)s::text[]"
        query = (
            f"select {_COLUMNS}, {km} as km from {_FROM}"  # noqa: S608 - our own words
            f"{f' where {condition}' if organisations is not None else ''}"
            " order by case when area = %(area)s::text then 0 when province = %(province)s::text then 1"
            " else 2 end, km nulls last, site limit %(limit)s"
        )
        with self._database.pool.connection() as connection:
            return [_outlet(row) for row in connection.execute(query, values)]

    def coverage(self, organisation: str, rules: Rules, today: date) -> list[Coverage]:
        """Return where an organisation sells against its outlets, for each rule on that and its roles."""
        found = []
        with self._database.pool.connection() as connection:
            world = World(connection, self._authorities)
            known = world.organisation(organisation)
            now = datetime(today.year, today.month, today.day, 12, tzinfo=CHINA)
            roles = roles_at(known, now) if known is not None else frozenset()
            for rule in rules.standing_for("outlets", today):
                if roles.isdisjoint(rule.roles):
                    continue
                found.append(_covered(connection, organisation, rule))
        return found

    # ---------------------------------------------------------------- no record

    def check(self, site: str, login: str, *, found: bool, note: str | None) -> None:
        """Note what the authority found at an outlet; the last time counts. Raises NotFound, UsageError."""
        self.one(site)
        said = _said(note) if note else None
        with self._database.pool.connection() as connection:
            connection.execute(
                "insert into outlet_check (site, found, note, login) values (%s, %s, %s, %s)"
                " on conflict (site) do update set found = excluded.found, note = excluded.note,"
                " login = excluded.login, checked_at = now()",
                (site, found, said, login),
            )

    def refused(
        self, site: str, code: str, said: str, *, organisation: str | None = None, vin: str | None = None
    ) -> None:
        """
        Note that an outlet would not take a battery, as an organisation or a vehicle's owner says.

        Raises NotFound for an outlet that the register does not have; CodeError; UsageError for nothing said,
        for the same again, and for more than 20 that wait.
        """
        self.one(site)
        code, said = parse(code).text, _said(said)
        with self._database.pool.connection() as connection:
            waiting = connection.execute(
                "select count(*) from outlet_refusal where seen_at is null and organisation is not distinct"
                " from %s and vin is not distinct from %s",
                (organisation, vin),
            ).fetchone()
            if waiting is not None and waiting[0] >= MAX_OPEN:
                raise UsageError(
                    "outlet.too_many",
                    f"{MAX_OPEN} of yours wait for the authority already.",
                    "Wait until it has taken one up.",
                )
            try:
                connection.execute(
                    "insert into outlet_refusal (site, code, organisation, vin, said)"
                    " values (%s, %s, %s, %s, %s)",
                    (site, code, organisation, vin, said),
                )
            except UniqueViolation:
                raise UsageError(
                    "outlet.said", "You have said so already.", "The authority will take it up."
                ) from None

    def refusals(self, limit: int = MAX_FOUND) -> list[Complaint]:
        """Return what waits for the authority, the oldest first."""
        query = (
            "select id, site, code, organisation, vin, said, made_at from outlet_refusal"
            " where seen_at is null order by id limit %s"
        )
        with self._database.pool.connection() as connection:
            return [Complaint(*row) for row in connection.execute(query, (limit,))]

    def take_up(self, number: int, login: str) -> None:
        """Note that the authority took one up. Raises NotFound."""
        with self._database.pool.connection() as connection:
            done = connection.execute(
                "update outlet_refusal set seen_at = now(), seen_by = %s where id = %s and seen_at is null",
                (login, number),
            )
            if not done.rowcount:
                raise NotFound("outlet.taken_up", "Nothing of that number waits.", "Load the page again.")


def _covered(connection: Connection, organisation: str, rule: Rule) -> Coverage:
    """Return where an organisation sold since a rule is in force, and its outlets there."""
    sold = "vehicle" if "vehicle_maker" in rule.roles else "battery"
    by_area = isinstance(rule.value, tuple) and "prefecture" in rule.value
    column = "area" if by_area else "province"
    sales = connection.execute(
        f"select province, {column}, sum(number)::bigint from sale"  # noqa: S608 - our own words
        " where organisation = %s and sold = %s and month >= %s"
        " group by 1, 2 having sum(number) > 0 order by 1, 2",
        (organisation, sold, rule.valid_from.replace(day=1)),
    ).fetchall()
    outlets = dict(
        connection.execute(
            f"select {column}, count(*) from outlet"  # noqa: S608 - our own words
            " where (organisation = %(id)s or makers @> array[%(id)s::text])"
            f" and {column} is not null group by 1",
            {"id": organisation},
        ).fetchall()
    )
    regions = [
        Covered(province, key if by_area else None, number, outlets.get(key, 0))
        for province, key, number in sales
        if key
    ]
    regions.sort(key=lambda one: (one.outlets > 0, -one.sold, one.province, one.area or ""))
    return Coverage(rule, sold, tuple(regions), sum(number for _, key, number in sales if not key))


def sales_of(entries: Iterable[Recorded], known: Known) -> Counter[Sale]:
    """Return what entries add to the sales: a correction takes back what it corrects, as it was counted."""
    sales: Counter[Sale] = Counter()
    for one in entries:
        event = one.event
        if isinstance(event, kinds.Corrected):
            target, root = known.recorded(event.corrects), _root(event, known)
            if target is not None and root is not None:
                _count(sales, target, root.reporter, known, -1)
                _count(sales, one, root.reporter, known, 1)
        elif isinstance(event, kinds.Sold | kinds.Shipped):
            _count(sales, one, one.reporter, known, 1)
    return sales


def _root(event: kinds.Corrected, known: Known) -> Recorded | None:
    """Return the event that a correction corrects in the end."""
    root = known.recorded(event.corrects)
    for _ in range(MAX_CHAIN):
        if root is None or not isinstance(root.event, kinds.Corrected):
            break
        root = known.recorded(root.event.corrects)
    return root


def _line_of(event: Any) -> Any:
    """Return the event that stands, which a correction gives as a line; None where it is void."""
    if not isinstance(event, kinds.Corrected):
        return event
    return decode(event.line.encode()) if event.line is not None else None


def _count(sales: Counter[Sale], said: Recorded, reporter: str, known: Known, sign: int) -> None:
    for sale, number in _sales_of(_line_of(said.event), reporter, known, said.index):
        sales[sale] += sign * number


def _sales_of(event: Any, reporter: str, known: Known, index: int) -> Iterator[tuple[Sale, int]]:
    """Yield what one event says was sold by its reporter: a vehicle, or packs to who uses them."""
    if not isinstance(event, kinds.Sold | kinds.Shipped):
        return
    seller = known.organisation_at(reporter, index)
    if seller is None:
        return
    month = event.occurred_at.astimezone(CHINA).date().replace(day=1)
    if isinstance(event, kinds.Sold) and has_role(seller, _SELLING["vehicle"], event.occurred_at):
        province, area = region_of(event.buyer_region) or ("", "")
        yield (reporter, "vehicle", month, province, area or ""), 1
    if isinstance(event, kinds.Shipped) and has_role(seller, _SELLING["battery"], event.occurred_at):
        buyer = known.organisation_at(event.to, index)
        packs = sum(map(_is_pack, batteries(event)))
        if packs and buyer is not None and has_role(buyer, _BUYING, event.occurred_at):
            province, area = region_of(_seat(buyer)) or ("", "")
            yield (reporter, "battery", month, province, area or ""), packs


def _seat(organisation: Organisation) -> str | None:
    """Return the region in which an organisation is registered, as its credit code says (GB 32100-2015)."""
    return organisation.identifier[2:8] if len(organisation.identifier) == 18 else None


def _is_pack(code: str) -> bool:
    try:
        return parse(code).level in {"pack", "unknown"}
    except CodeError:
        return False


def outlet_of(state: State | None) -> Row | None:
    """Return a site as a row, if it is an outlet."""
    if not isinstance(state, Site) or state.site_type != "outlet" or state.closed:
        return None
    province, area = region_of(state.region) or (None, None)
    return (
        *(state.identifier, state.organisation, state.name, state.region, province, area),
        *(state.address, state.phone, state.hours, state.latitude, state.longitude, state.makers),
    )


def _outlet(row: Any) -> Outlet:
    told = dict(zip(Outlet.__struct_fields__, row, strict=False))
    km = told.get("km")
    return Outlet(**told | {"makers": tuple(told["makers"]), "km": None if km is None else round(km, 1)})


def _said(text: str) -> str:
    """Return words of a person. Raises UsageError when there are none, or too many."""
    said = text.strip()
    if not said or len(said) > MAX_SAID or "\0" in said:
        raise UsageError(
            "outlet.words", f"Say in up to {MAX_SAID:,} characters what happened.", "Write a sentence or two."
        )
    return said


def told(outlet: Outlet) -> dict[str, Any]:
    """Return an outlet for programs and pages."""
    found: dict[str, Any] = msgspec.to_builtins(outlet)
    return found


def takers(
    life: Sequence[Recorded], model: Model | None, rules: Rules, today: date, *, sees_reporters: bool
) -> list[Taker]:
    """
    Return who must take a battery back, by its life and model: who made the vehicle first, then the battery.

    A maker of batteries need not take those that it sold to a maker of vehicles; but it may not refuse those
    of leasing and swap enterprises, which are recognised by what was reported: swapped, or owned by another.
    Who may not see who reported what is told of the model's maker alone: whose vehicle it was is not public.
    """
    made = model.maker if model is not None else None
    fitted = None
    if sees_reporters:
        made = made or _last_reporter(life, (kinds.Manufactured, kinds.Imported))
        fitted = _last_reporter(life, (kinds.VehicleCertified, kinds.VehicleImported, kinds.Sold))
    by_role = {role: rule for rule in rules.standing_for("takeback", today) for role in rule.roles[:1]}
    found = [("vehicle_maker", fitted), ("battery_maker", made)]
    leased = any(isinstance(one.event, _LEASED) for one in life)
    return [
        Taker(one, role, by_role[role], role == "vehicle_maker" or fitted is None or leased)
        for role, one in found
        if one is not None and role in by_role
    ]


_LEASED: Final = (kinds.Swapped, kinds.OwnershipTransferred)


def _last_reporter(life: Sequence[Recorded], of: tuple[type, ...]) -> str | None:
    return next((one.reporter for one in reversed(life) if isinstance(one.event, of)), None)

"""
Who is liable for which kilowatt-hour and which loss of health: pure, from swaps with their meter readings.

Each swap has up to two readings: what was in the pack that was taken out, and in the one put in. A reading
ends the pack's stay at one place and begins its stay at the next: in a truck from put in to taken out, at a
station from taken out to put in. A `Stay` with both readings is settled in the period in which it ends: a
truck used what is missing at its end, a station charged what was gained. What lacks a counterpart is named by
its `reason` and never guessed:

- `no_reading`: a meter was not told;  `negative`: a truck gave back more than it got, a station less.
- `no_beginning`, `no_end`: no swap says how the pack came, or how it left: one was not told, or it was
  brought or taken away otherwise.
- `running`: it has not ended yet.

Loss of health between two measurements is shared by the energy that went through the stays that ended in
between, in billionths, remainders to the largest first, so that shares add up to the loss. Where one of these
stays is open (`open_stay`), none went through (`no_energy`) or health rose (`gained`), nothing is shared.

All numbers are whole: watt-hours, billionths of the health of a new pack.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Final, Literal, TypeVar, get_args

import msgspec

BILLION: Final = 1_000_000_000

PlaceKind = Literal["truck", "station"]
Of = Literal["truck", "station", "owner"]
OFS: Final[tuple[Of, ...]] = get_args(Of)
Reason = Literal["no_reading", "negative", "no_beginning", "no_end", "running"]
Unshared = Literal["open_stay", "no_energy", "gained"]


class Swap(msgspec.Struct, frozen=True):
    """
    One exchange, with whose each pack was then. Watt-hours.

    `energy_out_wh` was in the pack that was taken out, `energy_in_wh` in the one put in.
    """

    index: int
    at: datetime
    operator: str
    station: str
    vin: str
    taken_out: str | None
    put_in: str | None
    energy_out_wh: int | None
    energy_in_wh: int | None
    odometer_km: float | None
    owner_out: str | None
    owner_in: str | None


class Measured(msgspec.Struct, frozen=True):
    """A pack's state of health as measured, in billionths of that of a new one."""

    pack: str
    index: int
    at: datetime
    health_ppb: int


class Reading(msgspec.Struct, frozen=True):
    """What was in a pack at a swap, None where no meter was told; by whom, and whose the pack was."""

    index: int
    at: datetime
    wh: int | None
    operator: str
    owner: str | None

    @property
    def key(self) -> tuple[datetime, int]:
        """Its place in the order of time."""
        return self.at, self.index


class Stay(msgspec.Struct, frozen=True):
    """
    A pack's time in a truck (`where` is its VIN) or at a station, from one reading to another.

    `reason` is None for one that is settled.
    """

    pack: str
    place: PlaceKind
    where: str
    began: Reading | None
    ended: Reading | None
    reason: Reason | None

    @property
    def wh(self) -> int | None:
        """How much a truck used or a station charged; None for what is open."""
        if self.reason is not None or self.began is None or self.ended is None:
            return None
        gain = (self.ended.wh or 0) - (self.began.wh or 0)
        return gain if self.place == "station" else -gain

    @property
    def owner(self) -> str | None:
        """Whose the pack was; None where that is not known, or it changed hands meanwhile."""
        owners = {one.owner for one in (self.began, self.ended) if one is not None}
        return owners.pop() if len(owners) == 1 else None

    @property
    def parties(self) -> frozenset[str]:
        """Who operated the stations at its ends, and whose the pack was."""
        ends = [one for one in (self.began, self.ended) if one is not None]
        return frozenset(name for one in ends for name in (one.operator, one.owner) if name is not None)


class Loss(msgspec.Struct, frozen=True):
    """
    What a pack lost in health from one measurement to the next, and how it is shared among its stays.

    `unshared` says why it is not, None for one that is.
    """

    pack: str
    began: datetime
    ended: datetime
    lost_ppb: int
    shares: tuple[tuple[Stay, int], ...]
    unshared: Unshared | None


class Settlement(msgspec.Struct, frozen=True):
    """A period, from `since` up to and not including `until`: its stays and losses."""

    since: datetime
    until: datetime
    stays: tuple[Stay, ...]
    losses: tuple[Loss, ...]


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """
    The statement of a truck, a station or an owner (`key`; None for what has no single owner).

    `in_wh` are the readings of the period at which packs came, `out_wh` those at which they left. What came
    before and is settled now is `before_wh`; what came and is not settled yet `after_wh`; what left without a
    settled beginning `unmatched_wh`. So that `charged - used = out - unmatched - before - in + after`.
    """

    of: Of
    key: str | None
    settled: int
    open: dict[str, int]
    used_wh: int
    charged_wh: int
    in_wh: int
    out_wh: int
    before_wh: int
    after_wh: int
    unmatched_wh: int
    lost_ppb: int


class Proof(msgspec.Struct, frozen=True):
    """An identity with what stands on its two sides; it holds when they are equal."""

    name: str
    left: int
    right: int

    @property
    def holds(self) -> bool:
        """Whether both sides are equal."""
        return self.left == self.right


class _Touch(msgspec.Struct, frozen=True):
    """A pack leaves one place and comes to another, with one reading."""

    leaves: tuple[PlaceKind, str]
    comes: tuple[PlaceKind, str]
    reading: Reading


def settle(
    swaps: Iterable[Swap], measured: Iterable[Measured], since: datetime, until: datetime
) -> Settlement:
    """
    Return what is settled in a period, and what is open.

    Of packs that were swapped or measured in it, `swaps` and `measured` must go back to the last of each
    before it, and what lies between; their order does not matter. Those from `until` on do not count.
    """
    touches = _touches(one for one in swaps if one.at < until)
    told: dict[str, list[Measured]] = defaultdict(list)
    for one in measured:
        if one.at < until:
            told[one.pack].append(one)
    stays: list[Stay] = []
    losses: list[Loss] = []
    for pack in sorted({*touches, *told}):
        found = list(_stays(pack, touches.get(pack, ())))
        stays += (one for one in found if one.reason == "running" or _when(one) >= since)
        ordered = sorted(told.get(pack, ()), key=lambda one: (one.at, one.index))
        for before, after in pairwise(ordered):
            if after.at >= since and before.health_ppb != after.health_ppb:
                losses.append(_loss(before, after, found))
    return Settlement(since, until, tuple(stays), tuple(losses))


def seen_by(settlement: Settlement, organisation: str) -> Settlement:
    """Return what of a settlement is an organisation's: as operator at an end of a stay, or as owner."""
    own = tuple(one for one in settlement.stays if organisation in one.parties)
    losses = []
    for loss in settlement.losses:
        shares = tuple(share for share in loss.shares if organisation in share[0].parties)
        if shares:
            lost = sum(ppb for _, ppb in shares)
            losses.append(msgspec.structs.replace(loss, shares=shares, lost_ppb=lost))
    return msgspec.structs.replace(settlement, stays=own, losses=tuple(losses))


def accounts(settlement: Settlement, of: Of) -> list[Account]:
    """Return the statement of each truck, station or owner, in the order of their names."""
    groups: dict[str | None, list[Stay]] = defaultdict(list)
    for stay in settlement.stays:
        if _is_of(stay, of):
            groups[_key(stay, of)].append(stay)
    lost: dict[str | None, int] = defaultdict(int)
    for loss in settlement.losses:
        for stay, ppb in loss.shares:
            if _is_of(stay, of):
                lost[_key(stay, of)] += ppb
    keys = sorted({*groups, *lost}, key=lambda key: (key is None, key or ""))
    return [_account(of, key, groups.get(key, []), lost.get(key, 0), settlement.since) for key in keys]


def reconcile(settlement: Settlement, swaps: Iterable[Swap]) -> list[Proof]:
    """
    Return the identities by which the statements agree with the swaps of the period, each with its two sides.

    Of all swaps of a network, not of what one organisation sees of them.
    """
    since, until = settlement.since, settlement.until
    told = [one for one in swaps if since <= one.at < until]
    energy_in = sum(one.energy_in_wh or 0 for one in told if one.put_in is not None)
    energy_out = sum(one.energy_out_wh or 0 for one in told if one.taken_out is not None)
    sides = sum((one.put_in is not None) + (one.taken_out is not None) for one in told)
    trucks, stations, owners = (accounts(settlement, of) for of in OFS)
    stays = settlement.stays
    shared = sum(ppb for loss in settlement.losses for _, ppb in loss.shares)
    of_trucks = sum(ppb for loss in settlement.losses for stay, ppb in loss.shares if stay.place == "truck")
    proofs = [
        Proof("each reading begins one stay", sum(_in(one.began, since) for one in stays), sides),
        Proof("each reading ends one stay", sum(_in(one.ended, since) for one in stays), sides),
        Proof("what stations gave out came to trucks", _sum(stations, "out_wh"), energy_in),
        Proof("what came to trucks was put in", _sum(trucks, "in_wh"), energy_in),
        Proof("what trucks gave back was taken out", _sum(trucks, "out_wh"), energy_out),
        Proof("what came to stations was taken out", _sum(stations, "in_wh"), energy_out),
        Proof(
            "what trucks used is what owners' packs gave", _sum(trucks, "used_wh"), _sum(owners, "used_wh")
        ),
        Proof(
            "what stations charged is what owners' packs took",
            _sum(stations, "charged_wh"),
            _sum(owners, "charged_wh"),
        ),
        Proof(
            "health lost is shared in full",
            shared,
            sum(loss.lost_ppb for loss in settlement.losses if loss.unshared is None),
        ),
        Proof("health of trucks and stations is that of owners", shared, _sum(owners, "lost_ppb")),
        Proof("health of trucks is in their statements", of_trucks, _sum(trucks, "lost_ppb")),
    ]
    for account in (*trucks, *stations, *owners):
        gained = account.out_wh - account.unmatched_wh - account.before_wh - account.in_wh + account.after_wh
        name = f"the readings of {account.of} {account.key or '-'}"
        proofs.append(Proof(name, account.charged_wh - account.used_wh, gained))
    return proofs


# ------------------------------------------------------------------- stays


def _touches(swaps: Iterable[Swap]) -> dict[str, list[_Touch]]:
    found: dict[str, list[_Touch]] = defaultdict(list)
    for one in swaps:
        truck: tuple[PlaceKind, str] = ("truck", one.vin)
        station: tuple[PlaceKind, str] = ("station", one.station)
        if one.taken_out is not None:
            reading = Reading(one.index, one.at, one.energy_out_wh, one.operator, one.owner_out)
            found[one.taken_out].append(_Touch(truck, station, reading))
        if one.put_in is not None:
            reading = Reading(one.index, one.at, one.energy_in_wh, one.operator, one.owner_in)
            found[one.put_in].append(_Touch(station, truck, reading))
    for touches in found.values():
        touches.sort(key=lambda one: one.reading.key)
    return found


def _stays(pack: str, touches: Sequence[_Touch]) -> Iterator[Stay]:
    """Yield the stays of a pack in their order; the last one runs on."""
    before: _Touch | None = None
    for touch in touches:
        if before is not None and before.comes == touch.leaves:
            place, where = touch.leaves
            reason = _reason(place, before.reading.wh, touch.reading.wh)
            yield Stay(pack, place, where, before.reading, touch.reading, reason)
        else:
            if before is not None:
                yield Stay(pack, *before.comes, before.reading, None, "no_end")
            yield Stay(pack, *touch.leaves, None, touch.reading, "no_beginning")
        before = touch
    if before is not None:
        yield Stay(pack, *before.comes, before.reading, None, "running")


def _reason(place: PlaceKind, began: int | None, ended: int | None) -> Reason | None:
    if began is None or ended is None:
        return "no_reading"
    gain = ended - began
    return "negative" if (gain < 0) == (place == "station") and gain else None


def _when(stay: Stay) -> datetime:
    """Return when a stay ended; when it began, where its end was not told."""
    reading = stay.ended or stay.began
    assert reading is not None  # noqa: S101 - for the type checker: a stay has one at least
    return reading.at


# ------------------------------------------------------------------- health


def _loss(before: Measured, after: Measured, stays: Iterable[Stay]) -> Loss:
    lost = before.health_ppb - after.health_ppb
    between = [one for one in stays if one.reason != "running" and before.at < _when(one) <= after.at]
    through = [(one, wh) for one in between if (wh := one.wh)]
    unshared: Unshared | None = None
    if lost < 0:
        unshared = "gained"
    elif any(one.wh is None for one in between):
        unshared = "open_stay"
    elif not through:
        unshared = "no_energy"
    shares = () if unshared else tuple(_shared(lost, through))
    return Loss(before.pack, before.at, after.at, lost, shares, unshared)


_T = TypeVar("_T")


def _shared(amount: int, weights: Sequence[tuple[_T, int]]) -> list[tuple[_T, int]]:
    """Return an amount shared by weights in whole numbers that add up; remainders to the largest first."""
    total = sum(weight for _, weight in weights)
    parts = [divmod(amount * weight, total) for _, weight in weights]
    left = amount - sum(whole for whole, _ in parts)
    first = set(sorted(range(len(parts)), key=lambda place: (-parts[place][1], place))[:left])
    return [
        (one, whole + (place in first))
        for place, ((one, _), (whole, _)) in enumerate(zip(weights, parts, strict=True))
    ]


# ------------------------------------------------------------------- accounts


def _is_of(stay: Stay, of: Of) -> bool:
    return of in ("owner", stay.place)


def _key(stay: Stay, of: Of) -> str | None:
    return stay.owner if of == "owner" else stay.where


def _account(of: Of, key: str | None, stays: Sequence[Stay], lost_ppb: int, since: datetime) -> Account:
    settled = [one for one in stays if one.reason is None]
    unsettled = [one for one in stays if one.reason is not None]
    reasons: dict[str, int] = defaultdict(int)
    for one in unsettled:
        reasons[one.reason or ""] += 1
    return Account(
        of=of,
        key=key,
        settled=len(settled),
        open=dict(sorted(reasons.items())),
        used_wh=sum(one.wh or 0 for one in settled if one.place == "truck"),
        charged_wh=sum(one.wh or 0 for one in settled if one.place == "station"),
        in_wh=sum(_wh(one.began, since) for one in stays),
        out_wh=sum(_wh(one.ended, since) for one in stays),
        before_wh=sum((one.began.wh or 0) - _wh(one.began, since) for one in settled if one.began),
        after_wh=sum(_wh(one.began, since) for one in unsettled),
        unmatched_wh=sum(_wh(one.ended, since) for one in unsettled),
        lost_ppb=lost_ppb,
    )


def _in(reading: Reading | None, since: datetime) -> int:
    return int(reading is not None and reading.at >= since)


def _wh(reading: Reading | None, since: datetime) -> int:
    """Return a reading of the period; 0 for one before it, and for none."""
    return (reading.wh or 0) if reading is not None and reading.at >= since else 0


def _sum(found: Iterable[Account], name: str) -> int:
    return sum(getattr(one, name) for one in found)

"""
Mass balances by element, for each batch, site, organisation, month or chemistry.

    sheet = balance(material, by="site")
    sheet.claims                  # who says that more metal came out than came in
    sheet[0].rates                # recovery, with formula, numbers and targets of the date

A batch belongs to the period, the site and the month of its last event. What a cell made and used itself
cancels: so lots between two of its processes count on neither side, and what is left of them is named.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date
from functools import cached_property
from typing import Final, Literal, TypeAlias, overload

import msgspec
import numpy as np

from voltrail.events.masses import kilograms
from voltrail.lifecycle.state import Finding
from voltrail.recycling.claims import Claim, Excess, claims, threshold
from voltrail.recycling.contents import ELEMENTS, METALS
from voltrail.recycling.estimates import estimate
from voltrail.recycling.flows import BATTERY, SEPARATION, Batch, Flows
from voltrail.recycling.net import LOST, PRODUCT, Net
from voltrail.recycling.policy import POLICY, Policy
from voltrail.recycling.rates import Rate, Rates
from voltrail.recycling.record import Material
from voltrail.recycling.sources import COLUMN, FORMULA, Bools, Floats, Ints
from voltrail.recycling.spread import sums, variances

By: TypeAlias = Literal["batch", "site", "organisation", "month", "chemistry"]

_MAX_FINDINGS: Final = 20  # of one sort in one balance; how many more there are is said


class ElementBalance(msgspec.Struct, frozen=True, kw_only=True):
    """
    An element in and out, in kg; `gap_kg` is in − out, with the standard uncertainty of that difference.

    `recovered_kg` is what left in products, `lost_kg` in waste, residues and emissions, the rest of `out_kg`
    in powders and what is unfinished. `estimated_kg` of both sides was not measured; of `unknown_in_kg` and
    `unknown_out_kg` of matter the content is not known at all. `left_kg` is what is left at the end of the
    period of the lots that were made, in stock or handed on.
    """

    element: str
    in_kg: float
    out_kg: float
    recovered_kg: float
    lost_kg: float
    gap_kg: float
    uncertainty_kg: float
    estimated_kg: float
    unknown_in_kg: float
    unknown_out_kg: float
    left_kg: float


class MassBalance(msgspec.Struct, frozen=True, kw_only=True):
    """All mass in and out, moisture and reagents included, in kg; what is left of lots, by substance."""

    in_kg: float
    out_kg: float
    gap_kg: float
    left_kg: dict[str, float]


class Balance(msgspec.Struct, frozen=True, kw_only=True):
    """
    The balance of one batch, site, organisation, month or chemistry: the `name`, in the words of `by`.

    `first` and `last` are the days of the last events of its batches. `unmeasured` batches say what went in
    and not what came out: they are in the balance and in no rate.
    """

    by: By
    name: str
    organisation: str | None
    site: str | None
    first: date
    last: date
    batches: int
    unmeasured: int
    batteries: int
    mass: MassBalance
    elements: tuple[ElementBalance, ...]
    rates: tuple[Rate, ...]
    findings: tuple[Finding, ...]


class Sheet(Sequence[Balance]):
    """Balances, reckoned all at once and written out one by one as they are asked for; and the claims."""

    def __init__(self, flows: Flows, chosen: Bools, by: By, until: date | None) -> None:
        self.by, self.until, self._flows, self._chosen = by, until, flows, chosen
        keys = [_key(one, by) for one in flows.batches]
        ours = np.flatnonzero(chosen).tolist()
        self._keys = sorted({keys[place] for place in ours})
        place_of = {key: place for place, key in enumerate(self._keys)}
        self._cells: Ints = np.array([place_of.get(key, 0) for key in keys], np.int64)
        self._batches: dict[int, list[int]] = defaultdict(list)
        for place in ours:
            self._batches[int(self._cells[place])].append(place)

    def __len__(self) -> int:
        return len(self._keys)

    @overload
    def __getitem__(self, place: int) -> Balance: ...
    @overload
    def __getitem__(self, place: slice) -> list[Balance]: ...
    def __getitem__(self, place: int | slice) -> Balance | list[Balance]:
        if isinstance(place, slice):
            return [self._one(cell) for cell in range(*place.indices(len(self)))]
        return self._one(range(len(self))[place])

    def __iter__(self) -> Iterator[Balance]:
        return (self._one(cell) for cell in range(len(self)))

    # --------------------------------------------------------- all at once

    @cached_property
    def net(self) -> Net:
        """Return what entered and left each, by source."""
        return Net(self._flows, self._chosen, self._cells, len(self), passes_on=True)

    @cached_property
    def rates(self) -> Rates:
        """Return the rates of all."""
        return Rates(self._flows, self._chosen, self._cells, len(self))

    @cached_property
    def claims(self) -> tuple[Claim, ...]:
        """Return which sites claim that more metal came out than came in, the surest first."""
        flows, chosen = self._flows, self._chosen
        names = sorted({(one.reporter, one.site) for one in flows.batches})
        place_of = {name: place for place, name in enumerate(names)}
        sites = np.array([place_of[one.reporter, one.site] for one in flows.batches], np.int64)
        return tuple(claims(flows, chosen, sites, names, self._by_batch))

    @property
    def claiming_sites(self) -> tuple[str, ...]:
        """Return the names of the sites that claim more than came in."""
        return tuple(sorted({one.site for one in self.claims}))

    @cached_property
    def _by_batch(self) -> Excess:
        count = len(self._flows.batches)
        net = Net(self._flows, self._chosen, np.arange(count), count, passes_on=True)
        return Excess(net, count)

    @cached_property
    def _sums(self) -> tuple[Floats, ...]:
        """Return by cell and column: in, out, recovered, lost, estimated, unknown in and out, variance."""
        net, count = self.net, len(self)
        content = net.content
        out = ~net.comes_in[:, None]
        parts = [
            -content * ~out,
            content * out,
            content * (net.role == PRODUCT)[:, None],
            content * (net.role == LOST)[:, None],
            np.abs(content) * (net.basis >= FORMULA),
            net.unknown_kg * ~out,
            net.unknown_kg * out,
        ]
        spread = variances(self._flows, net.cell, net.row, net.units, count)
        return (*(sums(net.cell, part, count) for part in parts), spread)

    @cached_property
    def _mg(self) -> tuple[Ints, Ints]:
        into, out = (np.zeros(len(self), np.int64) for _ in range(2))
        mg = self.net.mg
        np.add.at(into, self.net.cell, np.where(mg < 0, -mg, 0))
        np.add.at(out, self.net.cell, np.where(mg > 0, mg, 0))
        return into, out

    @cached_property
    def _left(self) -> tuple[Ints, dict[int, list[int]]]:
        """Return what is left of each lot, and which lots the batches of each cell made."""
        flows = self._flows
        made: dict[int, list[int]] = defaultdict(list)
        left = flows.left_mg(self.until)
        ours = (flows.item_units > 0) & (flows.item_source < len(flows.lots)) & self._chosen[flows.item_batch]
        ours &= flows.item_role == 1
        ours[ours] = left[flows.item_source[ours]] > 0
        for cell, row in zip(
            self._cells[flows.item_batch[ours]].tolist(), flows.item_source[ours].tolist(), strict=True
        ):
            made[cell].append(row)
        return left, made

    # ----------------------------------------------------------- of batches

    @cached_property
    def _mass_gaps(self) -> dict[int, tuple[float, float, float]]:
        """Return in, out and gap in kg of the batches whose masses differ by more than they declared."""
        flows, net = self._flows, self._by_batch.net
        count = len(flows.batches)
        into, out = (np.zeros(count, np.int64) for _ in range(2))
        np.add.at(into, net.cell, np.where(net.mg < 0, -net.mg, 0))
        np.add.at(out, net.cell, np.where(net.mg > 0, net.mg, 0))
        declared = np.array([one.tolerance for one in flows.batches])
        sound = np.array([one.is_weighed and one.is_measured for one in flows.batches], np.bool_)
        beyond = self._chosen & sound & (np.abs(into - out) > declared * into)
        return {
            int(place): (
                kilograms(int(into[place])),
                kilograms(int(out[place])),
                kilograms(int(into[place] - out[place])),
            )
            for place in np.flatnonzero(beyond)
        }

    @cached_property
    def _disagreeing(self) -> dict[int, list[tuple[str, float, float]]]:
        """
        Return by batch the elements of which its models declare other than its assays find: element, how much
        more was found (or less), and its uncertainty, in kg.
        """
        flows, batch = self._flows, self._by_batch
        count = len(flows.batches)
        first = np.array([one.stage == SEPARATION and one.is_measured for one in flows.batches], np.bool_)
        has = np.zeros(count, np.bool_)
        has[batch.net.cell[batch.net.kind == BATTERY]] = True
        limit = threshold(flows.policy.family_chance / 2, 2 * batch.tests)
        doubt = np.maximum(batch.doubt, 1e-6)
        off = np.where(batch.excess > 0, batch.excess, -np.maximum(batch.shortfall(count), 0.0))
        off[~(first & has)] = 0.0
        found: dict[int, list[tuple[str, float, float]]] = defaultdict(list)
        for cell, column in np.argwhere(np.abs(off) > limit * doubt).tolist():
            found[cell].append((METALS[column], float(off[cell, column]), float(doubt[cell, column])))
        return found

    # -------------------------------------------------------------- of one

    def _one(self, cell: int) -> Balance:
        flows = self._flows
        batches = [flows.batches[place] for place in self._batches[cell]]
        days = [one.day for one in batches]
        organisation, site, name = self._named(cell)
        into, out = self._mg
        left, made = self._left
        kept_mg: dict[str, int] = defaultdict(int)
        for row in made.get(cell, ()):
            kept_mg[flows.lots[row].substance] += int(left[row])
        return Balance(
            by=self.by,
            name=name,
            organisation=organisation,
            site=site,
            first=min(days),
            last=max(days),
            batches=len(batches),
            unmeasured=sum(not one.is_measured for one in batches),
            batteries=sum(one.batteries for one in batches),
            mass=MassBalance(
                in_kg=kilograms(int(into[cell])),
                out_kg=kilograms(int(out[cell])),
                gap_kg=kilograms(int(into[cell] - out[cell])),
                left_kg={name: kilograms(mg) for name, mg in sorted(kept_mg.items())},
            ),
            elements=tuple(self._elements(cell)),
            rates=self.rates.of(cell, max(days)),
            findings=tuple(self._findings(cell)),
        )

    def _named(self, cell: int) -> tuple[str | None, str | None, str]:
        key = self._keys[cell]
        if self.by == "site":
            return key[0], key[1], key[1]
        if self.by == "batch":
            return key[0], self._flows.batches[self._batches[cell][0]].site, key[1]
        return (key[0] if self.by == "organisation" else None), None, key[0]

    def _elements(self, cell: int) -> Iterator[ElementBalance]:
        flows = self._flows
        left, made = self._left
        rows = made.get(cell, [])
        dry = np.array([left[row] * (1 - (flows.lots[row].moisture_fraction or 0)) for row in rows]) / 1e6
        kept = dry @ flows.sources.content[rows] if rows else np.zeros(flows.sources.content.shape[1])
        into, out, recovered, lost, estimated, unknown_in, unknown_out, spread = (
            [float(value) for value in part[cell]] for part in self._sums
        )
        for element in ELEMENTS:
            at = COLUMN[element]
            if not into[at] and not out[at]:
                continue
            yield ElementBalance(
                element=element,
                in_kg=into[at],
                out_kg=out[at],
                recovered_kg=recovered[at],
                lost_kg=lost[at],
                gap_kg=into[at] - out[at],
                uncertainty_kg=spread[at] ** 0.5,
                estimated_kg=estimated[at],
                unknown_in_kg=unknown_in[at],
                unknown_out_kg=unknown_out[at],
                left_kg=float(kept[at]),
            )

    def _findings(self, cell: int) -> Iterator[Finding]:
        flows = self._flows
        places = set(self._batches[cell])
        yield from _first(self._claimed(cell))
        yield from _first(self._gaps(places))
        yield from _first(self._differences(places))
        silent = [flows.batches[place] for place in places if not flows.batches[place].is_measured]
        if silent:
            yield Finding(
                "gap",
                "recycling.not_measured",
                f"Batches that say what went in and not what came out, so that they are in no rate: "
                f"{len(silent):,}, with batteries: {sum(one.batteries for one in silent):,}.",
                "Report the lots that came of them, with the same batch.",
            )
        rows = self.net.rows_of(cell)
        strange = {
            flows.name_of(int(row))[0]
            for row in self.net.row[rows]
            if len(flows.lots) <= row < flows.first_model
        }
        if strange:
            yield Finding(
                "gap",
                "recycling.lot_unknown",
                f"Of {', '.join(sorted(map(str, strange))[:5])} the record does not say how it came to be; "
                "its content is not known.",
                "Its maker reports it.",
            )

    @cached_property
    def _claims_of(self) -> dict[tuple[str, str | None, str | None], list[Claim]]:
        """Return the claims by organisation and batch, or organisation and site."""
        found: dict[tuple[str, str | None, str | None], list[Claim]] = defaultdict(list)
        for one in self.claims:
            found[one.organisation, one.batch, None if one.batch else one.site].append(one)
        return found

    def _claimed(self, cell: int) -> Iterator[Finding]:
        """Yield what is claimed of the sites, where a balance is of whole ones, and of the batches."""
        ours = [self._flows.batches[place] for place in self._batches[cell]]
        keys: list[tuple[str, str | None, str | None]] = []
        if self.by in {"site", "organisation"}:
            keys += sorted({(one.reporter, None, one.site) for one in ours}, key=str)
        keys += [(one.reporter, one.name, None) for one in ours]
        for key in keys:
            for one in self._claims_of.get(key, ()):
                yield Finding(
                    "conflict",
                    "recycling.more_than_came_in",
                    one.message,
                    "Whoever said a wrong mass, assay or composition corrects it.",
                    one.entries[0] if one.entries else -1,
                )

    def _gaps(self, places: set[int]) -> Iterator[Finding]:
        for place in sorted(places & self._mass_gaps.keys()):
            into, out, gap = self._mass_gaps[place]
            batch = self._flows.batches[place]
            more = "went in than came out" if gap > 0 else "came out than went in"
            yield Finding(
                "conflict",
                "recycling.mass_gap",
                f"In batch {batch.name} {abs(gap):,.3f} kg more {more} ({into:,.3f} kg in, {out:,.3f} kg "
                f"out); declared was a tolerance of {batch.tolerance * 100:g} %.",
                "Correct the masses, or name what was lost among the emissions.",
                self._entry(place),
            )

    def _differences(self, places: set[int]) -> Iterator[Finding]:
        flows = self._flows
        for place in sorted(places & self._disagreeing.keys()):
            net = self._by_batch.net
            rows = net.rows_of(place)
            models = [flows.name_of(int(row))[1] for row in net.row[rows][net.kind[rows] == BATTERY]]
            told = [
                f"{model} (entry {flows.material.models[model].index})"
                for model in models
                if model is not None
            ]
            for element, off, doubt in self._disagreeing[place]:
                yield Finding(
                    "conflict",
                    "recycling.composition_disagrees",
                    f"In batch {flows.batches[place].name} the assays find {abs(off):,.3f} kg of {element} "
                    f"{'more' if off > 0 else 'less'} than the composition of {', '.join(told[:3])} gives, "
                    f"± {doubt:,.3f} kg.",
                    "The maker checks the composition of the model, the plant its assays.",
                    self._entry(place),
                )

    def _entry(self, place: int) -> int:
        net = self._by_batch.net
        return int(net.index[net.rows_of(place)].min())


def balance(
    material: Material,
    *,
    by: By = "site",
    since: date | None = None,
    until: date | None = None,
    organisation: str | None = None,
    site: str | None = None,
    batch: str | None = None,
    chemistry: str | None = None,
    policy: Policy = POLICY,
) -> Sheet:
    """
    Return the balances of a material, in the order of their names, and who claims more than came in.

    Days are those of China, both included. The others narrow it to the batches of an organisation, a site, of
    a name, or of batteries of a chemistry; several chemistries are `mixed`, none is `unknown`.
    """
    flows = Flows(material, policy)
    estimate(flows)
    chosen = np.array(
        [
            (since is None or one.day >= since)
            and (until is None or one.day <= until)
            and organisation in {None, one.reporter}
            and site in {None, one.site}
            and batch in {None, one.name}
            and chemistry in {None, one.chemistry or "unknown"}
            for one in flows.batches
        ],
        np.bool_,
    )
    return Sheet(flows, chosen, by, until)


def _key(batch: Batch, by: By) -> tuple[str, ...]:
    if by == "batch":
        return batch.reporter, batch.name
    if by == "site":
        return batch.reporter, batch.site
    if by == "organisation":
        return (batch.reporter,)
    if by == "month":
        return (batch.day.strftime("%Y-%m"),)
    return (batch.chemistry or "unknown",)


def _first(findings: Iterator[Finding]) -> Iterator[Finding]:
    """Yield the first findings of a sort, and how many more there are."""
    found = list(findings)
    yield from found[:_MAX_FINDINGS]
    if len(found) > _MAX_FINDINGS:
        last = found[-1]
        yield Finding(last.kind, last.rule, f"And {len(found) - _MAX_FINDINGS} more of this sort.", last.fix)

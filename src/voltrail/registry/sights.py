"""As whom a reader reads one battery, by what the record and its grants say now."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Final

from voltrail.database.database import Connection
from voltrail.lifecycle import Battery, Effective, Recorded, effective
from voltrail.lifecycle.since import Being, effective_since, last_vehicle, sale_of, since_when
from voltrail.organisations.access import Claim, Reader, Sight, Since, Standing
from voltrail.organisations.trust import has_role
from voltrail.registry.granted import InForce, in_force, note_use
from voltrail.registry.lookup import Lookup

SEES_ALL: Final = frozenset({"authority_cn", "auditor"})
MAX_KNOWN: Final = 20_000  # some 10 MB
GRANTED: Final = frozenset({"legitimate_interest", "holder", "owner", "operator", "auditor"})

Chain = Callable[[str], list[Recorded]]


class Sinces:
    """
    What was found by folding chains: a chain that has not grown since need not be folded for it again.

    Threads may share it; bounded, and emptied when it is full.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[str, int, Being, str], Since | None] = {}

    def since(self, code: str, last: int, being: Being, speaker: str, chain: Chain) -> Since | None:
        """Return what `since_when` finds in the chain that ends in the entry `last`."""
        key = (code, last, being, speaker)
        if key not in self._known:
            found = since_when(code, chain(code), being, speaker)
            if len(self._known) >= MAX_KNOWN:
                self._known.clear()
            self._known[key] = found
            return found
        return self._known.get(key)


class Sights:
    """The sights of readers, seen through one connection; through `notes`, if given, looks are noted."""

    def __init__(
        self,
        connection: Connection,
        authorities: frozenset[str],
        sinces: Sinces,
        notes: Connection | None = None,
    ) -> None:
        self._connection, self._notes, self._sinces = connection, notes or connection, sinces
        self._lookup = Lookup(connection, authorities, None, None)

    def sight(self, code: str, reader: Reader) -> Sight:
        """Return as whom a reader reads a battery; a look under a grant is noted."""
        somebody = reader.organisation is not None or reader.claim is not None
        if reader.audience in SEES_ALL or not somebody:
            return Sight(reader)
        state = self._lookup.battery(code)
        if state is None:
            return Sight(reader)
        where = effective(state, self._lookup.battery)
        found: list[Standing] = []
        if reader.organisation is not None:
            found += self._standings(state, where, reader.organisation)
            found += self._granted(state, where, reader)
        if reader.claim is not None:
            found += self._claimed(state, where, reader.claim)
        return Sight(reader, tuple(found))

    def was_owner(self, code: str, claim: Claim) -> bool:
        """
        Return whether a vehicle, sold as shown, was the last to carry a battery that nobody owned otherwise.

        Its owner no longer sees where the battery is, but may learn what became of its materials.
        """
        state = self._lookup.battery(code)
        sale = sale_of(claim.vin, self._lookup.chain("vehicle:" + claim.vin))
        last = last_vehicle(code, self._chain(code))
        return (
            state is not None
            and state.owner is None
            and sale is not None
            and sale.index == claim.sale
            and last is not None
            and last[0] == claim.vin
            and last[1] >= sale.event.occurred_at
        )

    def may_give(self, code: str, giver: str) -> frozenset[str]:
        """Return as what an organisation may let others see a battery."""
        state = self._lookup.battery(code)
        if state is None:
            return frozenset()
        if self._is_authority(giver):
            return GRANTED
        where = effective(state, self._lookup.battery)
        own = {standing.audience for standing in self._standings(state, where, giver)}
        return frozenset(own | {"legitimate_interest"}) if own else frozenset()

    def is_registered(self, identifier: str) -> bool:
        """Return whether the record knows an organisation."""
        return self._lookup.organisation(identifier) is not None

    def _standings(self, state: Battery, where: Effective, organisation: str) -> Iterator[Standing]:
        """Yield what the record says an organisation is to a battery: holder, owner, operator."""
        if where.holder == organisation:
            yield from self._standing(state, where, Being("holder", organisation))
        if state.owner == organisation:
            yield from self._standing(state, None, Being("owner", organisation))
        if state.operator == organisation:
            yield from self._standing(state, None, Being("operator", organisation))

    def _standing(self, state: Battery, where: Effective | None, being: Being) -> Iterator[Standing]:
        """Yield somebody's standing since it has been theirs, itself or with what it is built into."""
        through = where.through if where is not None else ()
        since = effective_since(
            state.code, through, being, lambda code, one: self._since(code, one, being.name)
        )
        if since is not None:
            yield Standing(being.what, since)

    def _granted(self, state: Battery, where: Effective, reader: Reader) -> Iterator[Standing]:
        """Yield what others have granted, as far as they have it themselves; each look is noted."""
        for grant in in_force(self._connection, state.code, reader.organisation or ""):
            standing = self._passed_on(state, where, grant)
            if standing is not None:
                note_use(self._notes, grant.id, state.code, reader.login)
                yield standing

    def _passed_on(self, state: Battery, where: Effective, grant: InForce) -> Standing | None:
        if self._is_authority(grant.giver):
            return Standing(grant.audience)
        own = list(self._standings(state, where, grant.giver))
        if own and grant.audience == "legitimate_interest":
            return Standing(grant.audience)
        return next((one for one in own if one.audience == grant.audience), None)

    def _claimed(self, state: Battery, where: Effective, claim: Claim) -> Iterator[Standing]:
        """Yield the owner's standing: in the vehicle, sold as shown, and no other owner on record."""
        parents = filter(None, map(self._lookup.battery, where.through))
        if (where.place, where.vin) != ("in_vehicle", claim.vin) or any(
            one.owner is not None for one in (state, *parents)
        ):
            return
        sale = sale_of(claim.vin, self._lookup.chain("vehicle:" + claim.vin))
        if sale is None or sale.index != claim.sale:
            return
        carried = Being("vehicle", claim.vin)
        since = effective_since(
            state.code, where.through, carried, lambda code, one: self._since(code, one, claim.seller)
        )
        if since is not None:
            sold = Since(sale.index, sale.received_ms, sale.received_ms)
            shown = Since(from_ms=claim.from_ms, told_ms=claim.from_ms)
            yield Standing("owner", since.but_not_before(sold).but_not_before(shown))

    def _since(self, code: str, being: Being, speaker: str) -> Since | None:
        return self._sinces.since(code, self._lookup.last("battery:" + code), being, speaker, self._chain)

    def _chain(self, code: str) -> list[Recorded]:
        return self._lookup.chain("battery:" + code)

    def _is_authority(self, identifier: str) -> bool:
        known = self._lookup.organisation(identifier)
        return known is not None and has_role(known, {"authority"}, datetime.now(UTC))

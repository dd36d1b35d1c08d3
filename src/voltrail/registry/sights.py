"""As whom a reader reads one battery, by what the record and its grants say now."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from voltrail.database.database import Connection
from voltrail.lifecycle import Battery, Effective, Recorded, effective
from voltrail.lifecycle.since import effective_since, sale_of, since_when
from voltrail.organisations.access import Claim, Reader, Sight, Since, Standing
from voltrail.organisations.trust import has_role
from voltrail.registry.granted import InForce, in_force, note_use
from voltrail.registry.lookup import Lookup

SEES_ALL: Final = frozenset({"authority_cn", "auditor"})
GRANTED: Final = frozenset({"legitimate_interest", "holder", "owner", "operator", "auditor"})


class Sights:
    """The sights of readers, seen through one connection; through `notes`, if given, looks are noted."""

    def __init__(
        self, connection: Connection, authorities: frozenset[str], notes: Connection | None = None
    ) -> None:
        self._connection, self._notes = connection, notes or connection
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
        code = state.code
        if where.holder == organisation:
            since = effective_since(
                code, where.through, self._chain, lambda one: one.holder == organisation, organisation
            )
            yield from _standing("holder", since)
        if state.owner == organisation:
            since = since_when(code, self._chain(code), lambda one: one.owner == organisation, organisation)
            yield from _standing("owner", since)
        if state.operator == organisation:
            since = since_when(
                code, self._chain(code), lambda one: one.operator == organisation, organisation
            )
            yield from _standing("operator", since)

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
        since = effective_since(
            state.code, where.through, self._chain, lambda one: _is_in_vehicle(one, claim.vin), claim.seller
        )
        if since is not None:
            sold = Since(sale.index, sale.received_ms, sale.received_ms)
            shown = Since(from_ms=claim.from_ms, told_ms=claim.from_ms)
            yield Standing("owner", since.but_not_before(sold).but_not_before(shown))

    def _chain(self, code: str) -> list[Recorded]:
        return self._lookup.chain("battery:" + code)

    def _is_authority(self, identifier: str) -> bool:
        known = self._lookup.organisation(identifier)
        return known is not None and has_role(known, {"authority"}, datetime.now(UTC))


def _standing(audience: str, since: Since | None) -> Iterator[Standing]:
    if since is not None:
        yield Standing(audience, since)


def _is_in_vehicle(state: Battery, vin: str) -> bool:
    claim = state.whereabouts
    return claim is not None and (claim.place, claim.vin) == ("in_vehicle", vin)

"""A battery as a load: as what it travels, in which state and from where, as its record says."""

from __future__ import annotations

from datetime import date, datetime

import msgspec

from voltrail.codes import parse
from voltrail.database.database import Database
from voltrail.lifecycle import Battery, Effective, Model, Organisation, effective, effective_events
from voltrail.lifecycle.shipping import country_of, goods_of_battery
from voltrail.lifecycle.transport import TravelState, travel_state
from voltrail.regimes.transport import Goods, family_of, goods_of
from voltrail.registry.lookup import Lookup

__all__ = ["Load", "Loads", "travels_of"]


class Load(msgspec.Struct, frozen=True):
    """What the record says of a battery for who ships it; nothing here asks who may see it."""

    state: Battery
    model: Model | None
    where: Effective
    holder: Organisation | None
    travels: TravelState

    @property
    def what(self) -> str:
        """Which of `border.BATTERIES` it is."""
        return goods_of_battery(self.state, self.model)

    @property
    def is_waste(self) -> bool:
        """Whether the record has it as waste."""
        return self.state.phase == "waste"

    @property
    def country(self) -> str | None:
        """In which country its holder is registered."""
        return country_of(self.holder) if self.holder is not None else None

    def goods(self, place: str | None, day: date) -> Goods | None:
        """Return as which dangerous goods it travels from a place on a day; None where that is not known."""
        chemistry = self.model.chemistry if self.model is not None else None
        return goods_of(family_of(self.state.code, chemistry), place, day)


class Loads:
    """The batteries of one database, as loads."""

    def __init__(self, database: Database, authorities: frozenset[str]) -> None:
        self._database, self._authorities = database, authorities

    def find(self, code: str) -> Load | None:
        """Return a battery as a load, None where nothing on record is about it. Raises CodeError."""
        text = parse(code).text
        with self._database.pool.connection() as connection:
            lookup = Lookup(connection, self._authorities, None, None)
            state = lookup.battery(text)
            if state is None:
                return None
            model = lookup.state("model:" + state.model_id) if state.model_id else None
            where = effective(state, lookup.battery)
            return Load(
                state,
                model if isinstance(model, Model) else None,
                where,
                lookup.organisation(where.holder) if where.holder is not None else None,
                travels_of(lookup, text),
            )


def travels_of(
    lookup: Lookup, code: str, as_of: datetime | None = None, known_at: datetime | None = None
) -> TravelState:
    """Return in which state a battery travels, or travelled as of a time, or as known at one."""
    subject = "battery:" + code
    chain = lookup.chain(subject)
    if known_at is not None:
        known_ms = int(known_at.timestamp() * 1000)
        chain = [one for one in chain if one.received_ms <= known_ms]
    life = effective_events(chain, subject)
    return travel_state(one for one in life if as_of is None or one.event.occurred_at <= as_of)

"""Each pack is in exactly one place, whatever is swapped, reserved, told late or twice, or killed."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

import voltrail
from tests.registry import sample
from tests.registry.killed import Killer
from tests.registry.swapping import START, SWAPPER, received, send, station, swapped, trust
from voltrail.connections import watched
from voltrail.connections.queue import Queue
from voltrail.connections.sources import Asked
from voltrail.connections.watched import Watch
from voltrail.errors import UsageError
from voltrail.lifecycle.state import PLACES
from voltrail.registry.audit import audit
from voltrail.registry.reservations import Wanted
from voltrail.registry.settings import initialise
from voltrail.registry.settlements import read_settlement
from voltrail.registry.world import World as RecordWorld
from voltrail.swap.settlement import accounts, reconcile

KEY = sample.signer(SWAPPER)
TRUCKS, PACKS = 3, 7  # of each world: the first packs are in its trucks, the others in its first station
EXAMPLES = 20

truck, site, choice = st.integers(0, TRUCKS - 1), st.integers(0, 1), st.integers(0, 9)
# Of what a report takes, in calls or in time. From about 0.8 on it is written, and then committed.
share = st.sampled_from([*(part / 10 for part in range(8)), *(0.8 + part / 100 for part in range(24))])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("swap"), truck, site, choice, st.sampled_from(["now", "queue", "late"])),
        st.tuples(st.just("swap"), truck, site, choice, st.sampled_from(["now", "queue"])),
        st.tuples(st.just("carry"), site, choice, st.sampled_from(["now", "queue"])),
        st.tuples(st.just("reserve"), truck, site, choice),
        st.tuples(st.just("collect"), choice, st.sampled_from(["now", "queue"])),
        st.tuples(st.just("reserve"), truck, site, choice),
        st.tuples(st.just("cancel"), choice),
        st.tuples(st.just("later"), st.integers(1, 5)),
        st.tuples(st.just("line"), site),
        st.tuples(st.just("again"), choice),
        st.tuples(st.just("follow"), st.integers(1, 9)),
        st.tuples(st.just("kill_report"), truck, site, choice, st.booleans(), share),
        st.tuples(st.just("kill_line"), truck, site, choice, st.booleans(), share),
    ),
    min_size=14,
    max_size=24,
)


class Ground:
    """A registry that all worlds of a test share: each has packs, trucks and stations of its own in it."""

    def __init__(self, registry, killer, folder):
        self.registry, self.killer, self.folder = registry, killer, folder
        self.numbers = count()
        for name, role in ((sample.MAKER, "battery_maker"), (sample.CARMAKER, "vehicle_maker")):
            send(registry, sample.AUTHORITY, *sample.registrations(name, role))
        send(registry, sample.AUTHORITY, *trust())
        about = {"model_id": "S-102", "level": "pack", "chemistry": "LFP", "energy_kwh": 171}
        since = "2026-04-01T00:00:00+08:00"
        model = sample.line("model_registered", since, **about, swap_pack="qiji-171")
        send(registry, sample.MAKER, model)
        world = World(self)
        world.swap(0, 0, 0, "late")
        self.killer.measure(world.untold.pop())


class World:
    """What is so: where each pack is, and what is in it; the registry is told so sooner or later."""

    def __init__(self, ground):
        number = next(ground.numbers)
        self.registry, self.killer = ground.registry, ground.killer
        self.sites = tuple(f"ST-{number}-{one}" for one in range(2))
        self.vins = tuple(f"LSVSAMP{number * TRUCKS + one:010}" for one in range(TRUCKS))
        self.packs = [sample.pack(401 + number * PACKS + one) for one in range(PACKS)]
        self.folders = {site: ground.folder / site for site in self.sites}
        self.hours = self.began = float(number)
        self.clock = datetime.now(UTC)  # that reservations go by
        self.on = dict(zip(self.vins, self.packs, strict=False))
        self.at = {self.sites[0]: self.packs[TRUCKS:], self.sites[1]: []}
        self.wh, self.came = dict.fromkeys(self.packs, 150_000), {}
        self.used, self.charged = Counter(), Counter()
        self.swaps = set()
        self.told, self.untold = [], []  # reports with their receipts; reports
        self.reservations = {}
        self._begin()

    def _begin(self):
        stations = (station(one, interfaces=["qiji"]) for one in self.sites)
        fitted, stored = self.packs[:TRUCKS], self.packs[TRUCKS:]
        made = [line for code in fitted for line in sample.first_life(code)]
        for code in stored:
            to = sample.line("shipped", "2026-04-13T10:00:00+08:00", code=code, to=SWAPPER)
            made += (sample.first_life(code)[0], to)
        send(self.registry, sample.MAKER, *made)
        lines = (sample.fitted(code, vin) for code, vin in zip(fitted, self.vins, strict=True))
        send(self.registry, sample.CARMAKER, *(line for both in lines for line in both))
        came = (received(code, self.sites[0]) for code in stored)
        send(self.registry, SWAPPER, *stations, *came)
        self.follow()

    # ------------------------------------------------------------------ what is done, and told

    def swap(self, truck, site, choice, way):
        """
        Swap, where there is a pack; tell it at once, keep it in the station's queue, or tell it late.

        Returns the site.
        """
        site = self.sites[site if self.at[self.sites[site]] else 1 - site]
        there = self.at[site]
        self._swap(self.vins[truck], site, there[choice % len(there)], choice, way)
        return site

    def collect(self, choice, way):
        """Come for what was reserved, if it is still there."""
        wanted = [one for one in self.reservations.values() if one.codes[0] in self.at[one.site]]
        if wanted:
            one = wanted[choice % len(wanted)]
            self._swap(one.vin, one.site, one.codes[0], choice, way)

    def _swap(self, vin, site, put_in, choice, way):
        taken_out = self.on[vin]
        self.at[site].remove(put_in)
        self.at[site].append(taken_out)
        self.on[vin] = put_in
        used, charged = 1_003 + 7_001 * choice, 2_001 + 1_009 * choice
        self.wh[taken_out] -= used
        self.wh[put_in] += charged
        if taken_out in self.came and self.came[taken_out][0] == vin:
            self.used[vin] += self.came[taken_out][1] - self.wh[taken_out]
        if put_in in self.came and self.came[put_in][0] == site:
            self.charged[site] += self.wh[put_in] - self.came[put_in][1]
        self.came |= {taken_out: (site, self.wh[taken_out]), put_in: (vin, self.wh[put_in])}
        self.swaps.add((vin, taken_out, put_in))
        energy = {
            "energy_out_kwh": self.wh[taken_out] / 1_000,
            "energy_in_kwh": self.wh[put_in] / 1_000,
        }
        self._tell(site, swapped(self._next(), vin, taken_out, put_in, site, **energy), way)

    def carry(self, site, choice, way):
        """Carry a pack from one station to the other."""
        here, there = self.sites[site], self.sites[1 - site]
        if self.at[here]:
            code = self.at[here].pop(choice % len(self.at[here]))
            self.at[there].append(code)
            for kind, more in (("shipped", {"to": SWAPPER}), ("received", {"station": there})):
                when = (START + timedelta(hours=self._next())).isoformat()
                self._tell(there, sample.line(kind, when, code=code, **more), way)

    def _next(self):
        self.hours += 0.01
        return self.hours

    def _tell(self, site, line, way):
        if way == "queue":
            Queue(self.folders[site], sample.ORIGIN).record(KEY, line)
        elif way == "late":
            self.untold.append(sample.report(KEY, [line]))
        else:
            self.send(sample.report(KEY, [line]), "valid")

    def send(self, content, mode):
        """Hand in a report, as a client of a server does."""
        answer = self.registry.report(content, mode)
        receipt = json.loads(answer)
        assert not receipt["refused"], receipt["refused"]
        self.told.append((content, answer))
        return answer

    def again(self, choice):
        """Send once more what was taken: the answer is the same, and the log no longer."""
        if self.told:
            content, answer = self.told[choice % len(self.told)]
            before = self.registry.counts()["entries"]
            assert self.registry.report(content) == answer
            assert self.registry.counts()["entries"] == before

    def line(self, site):
        """The line of a station is back for a while: what waits goes."""
        folder = self.folders[self.sites[site]]
        if folder.is_dir():
            with Watch(folder, self, Asked(None), "valid", lambda told: None) as watch:
                watch.step()
                watch.step()
            assert Queue(folder).waiting() == Queue(folder).refused() == []

    def _ends(self, by_time, share, reports=1):
        if by_time:
            return {"seconds": share * self.killer.seconds * reports}
        return {"calls": 1 + int(share * self.killer.calls * reports)}

    def kill_report(self, truck, site, choice, by_time, share):
        """A process tells of a swap and is ended on the way; whether it was taken, shows later."""
        before = len(self.untold)
        self.swap(truck, site, choice, "late")
        (content,) = self.untold[before:]
        self.killer.report(content, **self._ends(by_time, share))
        check_copy(self)

    def kill_line(self, truck, site, choice, by_time, share):
        """A swap is kept; a process sends the queue and is ended on the way."""
        site = self.swap(truck, site, choice, "queue")
        waiting = len(Queue(self.folders[site]).waiting())
        self.killer.send(self.folders[site], **self._ends(by_time, share, waiting + 1))
        check_copy(self)

    def end(self):
        """All that was kept comes, the last first."""
        for site in (1, 0):
            self.line(site)
        while self.untold:
            self.send(self.untold.pop(), "valid")

    # ------------------------------------------------------------------ reservations

    def reserve(self, truck, site, choice):
        """Ask for a pack that the copy has there: it is refused just where somebody holds it."""
        network = self.registry.stations.there(self.clock)
        there = {one.site: one.packs for one in network}[self.sites[site]]
        if not there:
            return
        code = there[choice % len(there)].code
        wanted = Wanted(key=f"{self.vins[0]}-{len(self.reservations)}-{self.clock.isoformat()}",
                        site=self.sites[site], truck="tractor-qiji", vin=self.vins[truck], packs=(code,),
                        from_at=self.clock, until_at=self.clock + timedelta(hours=1))  # fmt: skip
        before = {held for one in self.registry.reservations.held(self.clock) for held in one.codes}
        make = self.registry.reservations.make
        try:
            made = make(SWAPPER, "clerk", wanted, network, self.clock)
        except UsageError as error:
            assert error.rule == "reservation.held", error
            assert code in before
            return
        assert code not in before
        assert make(SWAPPER, "clerk", wanted, network, self.clock) == made
        self.reservations[made.id] = made

    def cancel(self, choice):
        if self.reservations:
            number = sorted(self.reservations)[choice % len(self.reservations)]
            found = self.registry.reservations.cancel(SWAPPER, number, self.clock)
            assert found.status != "held"

    def later(self, hours):
        """Time goes by: reservations expire by themselves."""
        self.clock += timedelta(hours=hours / 2)

    def follow(self, most=1_000):
        """Bring the copies up: all the way, or a few entries."""
        for copy in (self.registry.stations, self.registry.reservations):
            while copy.follow(most):
                if most < 1_000:
                    break


def check_copy(world):
    """The copies say what the record says: a pack in one station or none, held once, and only where it is."""
    states = states_of(world)
    world.follow()
    query = "select code, place, station, vin from swap_pack where code = any(%s)"
    with world.registry.database.pool.connection() as connection:
        rows = {row[0]: row[1:] for row in connection.execute(query, (world.packs,))}
    shown = {}
    for here in map(world.registry.stations.one, world.sites):
        for pack in here.packs:
            assert pack.code not in shown
            shown[pack.code] = here.station.site
    for code, state in states.items():
        claim = state.whereabouts
        standing = claim.site if claim is not None and claim.place == "in_swap_station" else None
        assert shown.get(code) == standing
        if code in rows or standing is not None:
            assert rows[code] == (state.place, standing, claim.vin if claim is not None else None)
        if len(state.claims) != 1:
            assert state.place == "disputed"
            assert any(one.kind == "conflict" for one in state.findings)
        else:
            assert state.place in PLACES
    held = [one for one in world.registry.reservations.held(world.clock) if one.site in world.sites]
    codes = [code for one in held for code in one.codes]
    assert len(set(codes)) == len(codes)
    assert {code: one.site for one in held for code in one.codes}.items() <= shown.items()
    now = {
        number: world.registry.reservations.one(SWAPPER, number, world.clock) for number in world.reservations
    }
    assert {one.id for one in held} == {number for number, one in now.items() if one.status == "held"}
    assert all(now[one.id].ends_at > world.clock for one in held)


def check_end(world):
    """The record is what was so: no pack more or less, nothing disputed, no gap; and it adds up."""
    check_copy(world)
    states = states_of(world)
    there = {code: ("in_vehicle", vin) for vin, code in world.on.items()}
    there |= {code: ("in_swap_station", site) for site, codes in world.at.items() for code in codes}
    assert {
        code: (one.place, one.whereabouts.vin or one.whereabouts.site) for code, one in states.items()
    } == there
    assert {code: one.findings for code, one in states.items()} == dict.fromkeys(world.packs, ())
    places = Counter(place for place, _ in there.values())
    assert places == {"in_vehicle": TRUCKS, "in_swap_station": PACKS - TRUCKS}
    for number, made in world.reservations.items():
        now = world.registry.reservations.one(SWAPPER, number, world.clock)
        if now.status == "swapped":
            assert any((made.vin, made.codes[0]) == (vin, put_in) for vin, _, put_in in world.swaps)
    since = START + timedelta(hours=world.began)
    with world.registry.database.pool.connection() as connection:
        whole, _, swaps = read_settlement(connection, since, since + timedelta(hours=1), None)
    assert {(one.vin, one.taken_out, one.put_in) for one in swaps} == world.swaps
    assert [one for one in reconcile(whole, swaps) if not one.holds] == []
    used = {one.key: one.used_wh for one in accounts(whole, "truck") if one.used_wh}
    charged = {one.key: one.charged_wh for one in accounts(whole, "station") if one.charged_wh}
    assert (used, charged) == (dict(world.used), dict(world.charged))


def states_of(world):
    """Return the states of all packs of a world, as the ledger has them."""
    with world.registry.database.pool.connection() as connection:
        record = RecordWorld(connection, world.registry.authorities)
        found = {code: record.state(f"battery:{code}") for code in world.packs}
    assert None not in found.values()
    return found


@pytest.fixture(scope="module")
def ground(tmp_path_factory, postgres):
    """One registry, which is open here while other processes report to it and are killed."""
    folder, dsn = tmp_path_factory.mktemp("custody"), postgres()
    initialise(folder / "data", sample.ORIGIN, [sample.authority().vkey])
    steady, watched.STEADY_S = watched.STEADY_S, 0
    try:
        with voltrail.open(folder / "data", dsn) as registry, Killer(folder / "data", dsn) as killer:
            yield Ground(registry, killer, folder)
    finally:
        watched.STEADY_S = steady


@pytest.mark.timeout(600)
def test_each_pack_is_in_exactly_one_place(ground):
    """
    After any steps each pack is in one place, or the record says that it is disputed; the copies agree.

    Once all that was kept has come, through kills, the record is what was so, the statements are what was
    used and charged, and the audit finds nothing.
    """

    @settings(max_examples=EXAMPLES, phases=[Phase.explicit, Phase.generate], database=None)
    @given(steps=STEPS)
    def live(steps):
        world = World(ground)
        for place, (name, *args) in enumerate(steps):
            getattr(world, name)(*args)
            if place % 4 == 3:
                check_copy(world)
        world.end()
        check_end(world)

    live()
    assert list(audit(ground.registry)) == []


@pytest.mark.timeout(600)
def test_a_report_that_breaks_off_is_there_or_is_not(ground):
    """Ended at any moment while it is written, a report is whole or is not there; then it comes again."""
    world = World(ground)
    for part in range(30):
        world.kill_report(part % TRUCKS, part % 2, part % 10, False, 0.7 + part / 100)
    assert list(audit(ground.registry)) == []
    world.end()
    check_end(world)
    assert list(audit(ground.registry)) == []

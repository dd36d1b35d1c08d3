"""The whole way: a vehicle sends, a gateway keeps it, its health is reckoned, put on record and shown."""

import json
import signal
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime

import httpx
import numpy as np
import pytest
from msgspec.structs import replace as replaced
from playwright.sync_api import expect

import voltrail
from tests.browser.serving import Site, free_port, served
from voltrail.demo.cast import Cast
from voltrail.demo.convoy import edition_of
from voltrail.demo.driver import populate
from voltrail.demo.frames import Writer, login, vins_of
from voltrail.demo.recorded import recorded
from voltrail.demo.vehicles import Alarm, Fleet
from voltrail.demo.world import World
from voltrail.registry.files import write_private
from voltrail.registry.settings import initialise
from voltrail.telematics.gbt32960.frame import read_frame
from voltrail.telematics.gbt32960.writing import make_frame

SEED, PACKS = 3, 120
MONTH, BEGIN, DAYS = "2026-10", datetime(2026, 10, 1, tzinfo=UTC), 31
PERIOD_S = 60
PLATFORM = "CARS"
GATEWAY_S = 100  # the very first start compiles


def call(*words):
    """Run a command and return the JSON that it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "voltrail.cli", *words, "--json"],
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A sample world on record in a folder, and the first of its vehicles with a pack of each design."""
    data = tmp_path_factory.mktemp("telematics") / "data"
    told = World(PACKS, SEED)
    initialise(data, "demo.voltrail.example/log", [told.authority.vkey])
    with voltrail.open(data) as registry:
        populate(registry, told, lambda *_: None, registry.keys.host.verifier)
        while registry.follow():
            pass
        found = {one.design: one for one in reversed(recorded(registry.database, BEGIN, 1_000))}
    one = next(one for design, one in found.items() if design.chemistry == "LFP" and one.model_id)
    return data, one


def sent(port, password, frames):
    """Send frames over one platform connection; return the answers to them, each waited for."""
    hello = {"time": datetime.now(UTC), "login_seq": 1, "username": PLATFORM, "password": password}
    with socket.create_connection(("127.0.0.1", port), 60) as link, link.makefile("rb") as reader:
        link.sendall(make_frame(2016, 5, "", hello | {"encryption_rule": 1}))
        answers = [_answer(reader)]
        for first in range(0, len(frames), 500):
            part = frames[first : first + 500]
            link.sendall(b"".join(part))
            answers += [_answer(reader) for _ in part]
    return answers


def _answer(reader):
    head = reader.read(24)
    return read_frame(head + reader.read(int.from_bytes(head[22:24], "big") + 1))


@pytest.mark.timeout(400)
def test_from_the_vehicle_to_the_page(world, browser):
    """
    What a simulated pack can really hold lies within the interval that its page shows, and the record has it.

    A month comes over a real socket; the gateway is ended, and its archive read by commands of their own. The
    alarm in it is found.
    """
    data, one = world
    vehicle = one.vehicle
    since = int(BEGIN.timestamp())
    fleet = Fleet(one.design, [vehicle], since, DAYS, SEED)
    drive = fleet.spans(0)[6]
    alarm = Alarm(drive[1] + 60, 5, 3, 1 << 10)
    fleet = Fleet(one.design, [replaced(vehicle, alarm=alarm)], since, DAYS, SEED)
    edition = edition_of("2025", 0)
    who, at = fleet.moments(PERIOD_S, since, since + DAYS * 86_400)
    frames = Writer(edition, fleet.cells).write(fleet.at(who, at), vins_of(fleet.vehicles)[who], at)
    hello = login(edition, fleet.vehicles[0], int(at[0]) - 1)
    everything = [hello, *(frame.tobytes() for frame in frames)]

    cast = Cast(SEED)
    cars = cast.one("vehicle_maker")
    where = ["--data", str(data)]
    told = json.loads(call("gateway", "platform", "add", PLATFORM, "--organisation", cars.identifier, *where))
    port = free_port()
    listen = ["--listen", f"127.0.0.1:{port}", *where, "--organisation", cars.identifier]
    gateway = subprocess.Popen([sys.executable, "-m", "voltrail.cli", "gateway", *listen])
    try:
        _wait_for(port, gateway)
        answers = sent(port, told["password"], everything)
    finally:
        gateway.send_signal(signal.SIGTERM)
        gateway.wait(60)
    assert [answer.ack for answer in answers] == [1] * (len(everything) + 1)
    call("gateway", "archive", *where)

    rows = call("gateway", "rows", vehicle.vin, "--from", "2026-10-01", "--to", "2026-11-01", *where)
    assert len(rows.splitlines()) == len(frames)
    assert '"level": 3' in call("gateway", "alarms", *where)
    call("health", "month", MONTH, *where)
    key = data / "cars.pem"
    write_private(key, cars.signer.pem.encode())
    reported = call("health", "report", MONTH, "--organisation", cars.identifier, "--key", str(key), *where)
    [receipt] = json.loads(reported)["receipts"]
    assert receipt["accepted"] == [0], receipt

    truth = float(fleet.capacity_ah(np.array(since + 15 * 86_400), 0) / fleet.rated_ah)
    with served(data) as url:
        site = Site(url, {}, data)
        cookie = site.sign_in("authority", cast.authority.identifier)
        code = vehicle.codes[0]
        health = _json(f"{url}/b/{code}/health", cookie)
        month = health["months"][-1]
        assert month["soh_low"] <= truth <= month["soh_high"]
        life = _json(f"{url}/b/{code}/history", cookie)["events"]
        measured = [event for event in life if event["kind"] == "measured"][-1]
        assert measured["members"]["trace_digest"] == month["trace_digest"]
        context = browser.new_context(viewport={"width": 1440, "height": 900}, locale="en-GB")
        context.add_cookies([cookie])
        page = context.new_page()
        page.goto(f"{url}/b/{code}/health")
        expect(page.locator("main")).to_contain_text(
            f"{month['soh_fraction'] * 100:.1f}", use_inner_text=True
        )
        assert page.locator("svg").count() >= 2
        context.close()


def _json(address, cookie):
    answer = httpx.get(
        address, headers={"Accept": "application/json"}, cookies={cookie["name"]: cookie["value"]}
    )
    return answer.raise_for_status().json()


def _wait_for(port, gateway):
    begun = time.monotonic()
    while time.monotonic() - begun < GATEWAY_S and gateway.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(f"The gateway did not start: {gateway.poll()}.")

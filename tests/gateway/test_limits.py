"""What one connection, or one address, may not do to the others."""

import os
import socket
import ssl
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest

from tests.gateway.test_gateway import refusals
from tests.gateway.vehicles import VIN, Peer, kept, login, platform_login, report
from voltrail.errors import RegistryError, UsageError
from voltrail.gateway.limits import network_of
from voltrail.gateway.processes import Gateway, Settings, Tls
from voltrail.telematics.gbt32960.writing import make_frame

HEARTBEAT = make_frame(2016, 7, VIN)


def drip(peer, data):
    """Send byte by byte until the gateway closes, which raises ConnectionError."""
    for byte in data:
        peer.send(bytes([byte]))
        with suppress(TimeoutError):
            if not peer.socket.recv(1):
                raise ConnectionError


def pour(peer, data, times):
    """Send much and read nothing."""
    for _ in range(times):
        peer.send(data)


def test_slow_and_silent_connections_end(start, folder):
    """No login, a frame byte by byte for ever, and silence: each is closed by its rule, others go on."""
    gateway = start(login_s=8, unfinished_s=3, idle_s=8)
    with Peer(gateway.port) as mute, Peer(gateway.port) as slow, Peer(gateway.port) as idle:
        assert slow.asked(login()) == (1, 1)
        assert idle.asked(login("LTESTVIN000000002")) == (1, 1)
        slow.socket.settimeout(0.2)
        with pytest.raises(ConnectionError):
            drip(slow, report(1) * 100)
        assert mute.is_closed()
        assert idle.is_closed()
        assert refusals(folder) == {"gateway.login_late": 1, "gateway.slow": 1, "gateway.idle": 1}


def test_rubbish_ends_a_connection_and_a_flood_is_read_later(start, folder):
    """Sixteen refusals close; more frames than a terminal's share are all kept, in their time."""
    gateway = start(terminal_rate=200, terminal_burst=100)
    with Peer(gateway.port) as rubbish:
        assert rubbish.asked(login()) == (1, 1)
        rubbish.send((HEARTBEAT + b"rubbish") * 20)
        assert rubbish.is_closed()
    flood = [report(second) for second in range(600)]
    with Peer(gateway.port) as flooding, Peer(gateway.port) as other:
        assert flooding.asked(login()) == (1, 1)
        assert other.asked(login("LTESTVIN000000002")) == (1, 1)
        flooding.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        begun = time.monotonic()
        for at in range(0, len(flood), 50):
            flooding.send(*flood[at : at + 50])
            time.sleep(0.02)
        assert other.asked(make_frame(2016, 7, "LTESTVIN000000002")) == (7, 1)
        assert flooding.asked(HEARTBEAT) == (7, 1)
        assert time.monotonic() - begun > 1  # 600 frames at 200 a second, 100 of them at once
    told = refusals(folder)
    assert told["frame.start"] > 16
    assert told["gateway.flood"] >= 1
    assert [frame for _, frame in kept(folder.segments) if frame in set(flood)] == flood


def test_there_is_room_for_so_many(start, folder, monkeypatch):
    """One connection more than there is room for is closed at once; when one ends there is room again."""
    gateway = start(connections=2)
    with Peer(gateway.port) as one:
        with Peer(gateway.port) as two:
            assert one.asked(login()) == (1, 1)
            assert two.asked(login("LTESTVIN000000002")) == (1, 1)
            with Peer(gateway.port) as three:
                assert three.is_closed()
        time.sleep(0.5)
        with Peer(gateway.port) as two:
            assert two.asked(login("LTESTVIN000000002")) == (1, 1)
        assert refusals(folder) == {"gateway.connections": 1}


def test_addresses_are_counted_by_whom_they_stand_for():
    """An IPv6 home is one; this machine is not counted, since a proxy on it stands for many."""
    assert (
        network_of("2001:db8:1:2::1") == network_of("2001:db8:1:2:ffff::9") != network_of("2001:db8:1:3::1")
    )
    assert network_of("127.0.0.1") == network_of("::1") == ""
    assert network_of("192.0.2.1") == "192.0.2.1"
    assert network_of("::ffff:192.0.2.1") == "192.0.2.1"


def test_who_does_not_read_answers_is_not_read(start, folder, admission):
    """A platform that takes no answers holds back itself alone, and is closed in the end."""
    password = admission.add_platform("north", "91000000MA0000001R")
    gateway = start(unfinished_s=3)
    frames = b"".join(report(second) for second in range(1000))
    with Peer(gateway.port) as deaf, Peer(gateway.port) as other:
        deaf.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        assert deaf.asked(platform_login("north", password)) == (5, 1)
        deaf.socket.settimeout(20)
        with pytest.raises((ConnectionError, TimeoutError)):
            pour(deaf, frames, 2000)
        assert other.asked(login()) == (1, 1)
    assert refusals(folder)["gateway.unread"] == 1


@pytest.fixture
def certificates(tmp_path):
    """A certificate for localhost that signs itself, and one of a client that it signed not."""
    made = []
    for name in ("server", "client"):
        certificate, key = tmp_path / f"{name}.pem", tmp_path / f"{name}.key"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
             "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-days", "2",
             "-keyout", str(key), "-out", str(certificate)],
            check=True, capture_output=True,
        )  # fmt: skip
        made.append((str(certificate), str(key)))
    return made


def test_tls_encrypts_and_asks_for_certificates(start, folder, certificates):
    """With --tls-ca only who has a certificate of it is heard; without TLS nobody is."""
    (server, server_key), (client, client_key) = certificates
    gateway = start(tls=Tls(server, server_key, client))
    context = ssl.create_default_context(cafile=server)
    with pytest.raises((ssl.SSLError, ConnectionError)), Peer(gateway.port, context) as stranger:
        drip(stranger, login())
    with Peer(gateway.port) as plain:
        plain.send(login())
        assert plain.is_closed()
    context.load_cert_chain(client, client_key)
    with Peer(gateway.port, context) as vehicle:
        assert vehicle.asked(login()) == (1, 1)
        vehicle.send(report(1))
        assert vehicle.asked(HEARTBEAT) == (7, 1)
    gateway.__exit__()
    assert kept(folder.segments) == [(0, login()), (0, report(1))]


def test_what_cannot_be_started_says_why(start, folder, database, tmp_path, certificates):
    """A port that is taken, a folder that another gateway keeps, a key that does not fit."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UsageError) as refused:
            Gateway(Settings(tmp_path / "a", database.dsn, "127.0.0.1", port))
        assert refused.value.rule == "gateway.port"
    wrong = Tls(certificates[0][0], certificates[1][1])
    with pytest.raises(UsageError) as refused:
        Gateway(Settings(tmp_path / "b", database.dsn, "127.0.0.1", 0, tls=wrong))
    assert refused.value.rule == "usage.tls"
    start()
    with pytest.raises(RegistryError) as refused:
        Gateway(Settings(folder.root, database.dsn, "127.0.0.1", 0))
    assert refused.value.rule == "gateway.running"


def test_idle_connections_are_cheap(start):
    """A thousand connections that are logged in take less than 20 KB each of a process."""
    gateway = start(admit="any")
    [pid] = gateway.pids

    def resident():
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")

    peers = [Peer(gateway.port)]
    assert peers[0].asked(login("LTESTVIN000010000")) == (1, 1)
    before = resident()
    try:
        for number in range(1000):
            peers.append(Peer(gateway.port))
            assert peers[-1].asked(login(f"LTESTVIN{number:09}")) == (1, 1)
        assert (resident() - before) / 1000 < 20_000
    finally:
        for peer in peers:
            peer.close()

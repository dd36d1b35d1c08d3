"""The gateway on real sockets: who is let in, what is answered, and what is kept."""

import socket
import time
from collections import Counter
from datetime import UTC, datetime

import psycopg
import pytest

from tests.gateway.vehicles import ICCID, OTHER, VIN, Peer, kept, login, logout, platform_login, report
from tests.telematics.strategies import framed
from voltrail.gateway import live
from voltrail.gateway.server import REMEMBERED_S
from voltrail.telematics.gbt32960.frame import read_frame
from voltrail.telematics.gbt32960.writing import make_frame

ORGANISATION = "91000000MA0000001R"


def refusals(folder):
    """Return what the processes of a gateway say a second later of what they refused, by rule."""
    time.sleep(1.5)
    running, _ = live.told(folder, datetime.now(UTC))
    return dict(sum((Counter(one.refused) for one in running), Counter()))


@pytest.mark.parametrize("edition", [2016, 2025])
def test_a_vehicle_logs_in_reports_and_leaves(start, folder, edition):
    """Login, heartbeat, time and logout are answered, reports are not, and all but the questions is kept."""
    gateway = start()
    sent = [login(edition=edition), report(1, edition=edition), report(2, edition=edition, command=3)]
    with Peer(gateway.port) as vehicle:
        assert vehicle.asked(sent[0]) == (1, 1)
        vehicle.send(*sent[1:])
        assert vehicle.asked(make_frame(edition, 7, VIN)) == (7, 1)
        vehicle.send(make_frame(edition, 8, VIN))
        [clock] = vehicle.answers(1)
        assert read_frame(clock).time is not None
        sent.append(logout(edition=edition))
        assert vehicle.asked(sent[-1]) == (4, 1)
    assert kept(folder.segments) == [(0, frame) for frame in sent]


@pytest.mark.parametrize("edition", [2016, 2025])
def test_a_platform_is_answered_for_each_report(start, folder, admission, edition):
    """What it passes on of many vehicles is kept under its number; its password is not kept."""
    password = admission.add_platform("north", ORGANISATION)
    gateway = start()
    sent = [login(OTHER, edition=edition)]
    sent += [report(n, vin, edition) for n in range(100) for vin in (VIN, OTHER)]
    with Peer(gateway.port) as platform:
        assert platform.asked(platform_login("north", password, edition)) == (5, 1)
        platform.send(*sent, make_frame(edition, 6, "", {"time": bytes(6), "logout_seq": 1}))
        answers = platform.answers(len(sent) + 1)
        assert (answers[-1][2], answers.pop()[3]) == (6, 1)
        assert [(one[2], one[3]) for one in answers] == [(frame[2], 1) for frame in sent]
        assert [one[24:30] for one in answers] == [frame[24:30] for frame in sent]
    [number] = [one.number for one in admission.platforms()]
    assert kept(folder.segments) == [(number, frame) for frame in sent]


STRANGERS = [
    (report(), "gateway.not_logged_in", 2),
    (make_frame(2025, 7, VIN), "gateway.not_logged_in", 2),
    (login("LUNKNOWN000000001"), "gateway.vin_unknown", 2),
    (login("LUNKNOWN000000001", edition=2025), "gateway.vin_unknown", 4),
    (login(VIN, "89860000000000000009"), "gateway.iccid", 3),
    (login(VIN, "89860000000000000009", 2025), "gateway.iccid", 3),
    (login(VIN, ""), "gateway.iccid", 3),
    (framed(b"##", 1, 0xFE, 1, bytes([26, 13]) + login()[26:-1], VIN), "gateway.structure", 2),
    (framed(b"$$", 1, 0xFE, 1, b"\1\2", VIN), "gateway.structure", 6),
    (framed(b"##", 1, 0xFE, 3, bytes(32), VIN), "gateway.iccid", 3),
    (platform_login("north", "wrong"), "gateway.platform", 2),
    (platform_login("", ""), "gateway.platform", 2),
]


def test_who_is_not_let_in_is_told_why(start, folder, admission):
    """Each refusal has its acknowledgement and is counted by its rule; nothing of it is kept."""
    admission.terminal(VIN, ICCID)
    admission.add_platform("north", ORGANISATION)
    gateway = start()
    for frame, rule, ack in STRANGERS:
        with Peer(gateway.port) as peer:
            assert peer.asked(frame) == (frame[2], ack), rule
    assert refusals(folder) == Counter(rule for _, rule, _ in STRANGERS)
    assert kept(folder.segments) == []


WRONG = [
    (report(1, OTHER), "gateway.other_vin", 2),
    (login(OTHER), "gateway.other_vin", 2),
    (framed(b"##", 2, 0xFE, 1, bytes([26, 2, 30, 0, 0, 0]), VIN), "gateway.structure", 2),
    (framed(b"$$", 3, 0xFE, 1, b"\1\2\3", VIN), "gateway.structure", 6),
    (framed(b"##", 6, 0xFE, 1, bytes(8), VIN), "gateway.command", 2),
    (platform_login("north", "x"), "gateway.command", 2),
    (framed(b"$$", 0x0B, 0xFE, 1, b"", VIN), "gateway.command", 2),
    (report()[:-1] + bytes([report()[-1] ^ 1]), "frame.bcc", 2),
]


def test_a_wrong_frame_is_told_and_the_others_are_kept(start, folder):
    """Between two good reports a bad one is answered, counted and left out; the connection goes on."""
    gateway = start()
    good = [login()]
    with Peer(gateway.port) as vehicle:
        assert vehicle.asked(good[0]) == (1, 1)
        for second, (frame, rule, ack) in enumerate(WRONG):
            good += [report(2 * second), report(2 * second + 1)]
            vehicle.send(good[-2], frame, good[-1])
            assert vehicle.acks(1) == [(frame[2], ack)], rule
        assert vehicle.asked(make_frame(2016, 7, VIN)) == (7, 1)
        assert refusals(folder) == Counter(rule for _, rule, _ in WRONG)
    assert kept(folder.segments) == [(0, one) for one in good]


def test_an_encrypted_report_is_kept_as_it_came(start, folder):
    """Nobody here can open it; what it says is no reason to refuse it."""
    gateway = start()
    sent = [login(edition=2025), framed(b"$$", 2, 0xFE, 5, bytes(range(64)), VIN)]
    with Peer(gateway.port) as vehicle:
        vehicle.send(*sent)
        assert vehicle.asked(logout(edition=2025))[1] == 1
    assert kept(folder.segments)[:2] == [(0, one) for one in sent]


def test_frames_may_come_byte_by_byte(start, folder):
    """Where a read ends is of no meaning."""
    gateway = start()
    sent = [login(), report(1), report(2), logout()]
    with Peer(gateway.port) as vehicle:
        vehicle.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in b"".join(sent):
            vehicle.send(bytes([byte]))
        assert vehicle.acks(2) == [(1, 1), (4, 1)]
    assert kept(folder.segments) == [(0, one) for one in sent]


def test_a_platform_has_few_attempts(start, folder, admission):
    """After so many wrong passwords from an address the right one is not looked at either."""
    password = admission.add_platform("north", ORGANISATION)
    gateway = start(failed_logins=3)
    for attempt in ("a", "b", "c", password):
        with Peer(gateway.port) as peer:
            assert peer.asked(platform_login("north", attempt)) == (5, 2)
    assert refusals(folder) == {"gateway.platform": 3, "gateway.attempts": 1}


def test_a_platform_that_has_ended_is_sent_away(start, folder, admission):
    """Its connection closes within seconds, and it logs in no more."""
    password = admission.add_platform("north", ORGANISATION)
    gateway = start()
    with Peer(gateway.port) as platform:
        assert platform.asked(platform_login("north", password)) == (5, 1)
        admission.end_platform("north")
        assert platform.is_closed()
    with Peer(gateway.port) as platform:
        assert platform.asked(platform_login("north", password)) == (5, 2)


@pytest.mark.parametrize("processes", [1, 3])
def test_a_vehicle_that_logs_in_again_takes_over(start, folder, processes):
    """Its older connection is closed, in whichever process it was; the new one goes on."""
    gateway = start(processes=processes)
    time.sleep(1.5)  # for the processes to have found each other
    older = []
    for number in range(6):
        vehicle = Peer(gateway.port)
        assert vehicle.asked(login()) == (1, 1)
        assert all(one.is_closed() for one in older)
        vehicle.send(report(number))
        assert vehicle.asked(make_frame(2016, 7, VIN)) == (7, 1)
        older.append(vehicle)
    for vehicle in older:
        vehicle.close()
    assert refusals(folder)["gateway.taken_over"] == 5


def test_a_freed_terminal_is_bound_again(start, admission):
    """Another card is refused until an operator frees the VIN, and then is the one that is bound."""
    gateway = start()
    for iccid, ack in ((ICCID, 1), ("89860000000000000009", 3)):
        with Peer(gateway.port) as vehicle:
            assert vehicle.asked(login(iccid=iccid)) == (1, ack)
    admission.free_terminal(VIN)
    time.sleep(REMEMBERED_S)
    for iccid, ack in (("89860000000000000009", 1), (ICCID, 3)):
        with Peer(gateway.port) as vehicle:
            assert vehicle.asked(login(iccid=iccid)) == (1, ack)


def test_any_vehicle_is_admitted_where_it_is_asked_for(start, folder):
    """Then a VIN that is not on record logs in."""
    gateway = start(admit="any")
    with Peer(gateway.port) as vehicle:
        assert vehicle.asked(login("LUNKNOWN000000001")) == (1, 1)


def test_while_the_database_is_away_who_is_logged_in_goes_on(start, folder, database):
    """New logins are sent off without an answer, to come again; reports are kept."""
    gateway = start()
    with Peer(gateway.port) as vehicle:
        assert vehicle.asked(login()) == (1, 1)
        name = psycopg.conninfo.conninfo_to_dict(database.dsn)["dbname"]
        with psycopg.connect(database.dsn, dbname="postgres", autocommit=True) as connection:
            connection.execute(f"alter database {name} with allow_connections false")
            connection.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", (name,)
            )
            try:
                with Peer(gateway.port) as late:
                    assert late.asked(login(OTHER)) is None
                vehicle.send(report(1))
                assert vehicle.asked(make_frame(2016, 7, VIN)) == (7, 1)
            finally:
                connection.execute(f"alter database {name} with allow_connections true")
        assert refusals(folder) == {"gateway.database": 1}
        time.sleep(1.5)
        with Peer(gateway.port) as late:
            assert late.asked(login(OTHER)) == (1, 1)
    assert (0, report(1)) in kept(folder.segments)

"""A program elsewhere reports and reads through `voltrail.Client`, whatever the network does."""

import json
import socket
import subprocess
import sys
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from tests.client.conftest import serving
from tests.registry import sample
from voltrail import Client
from voltrail.errors import (
    AccessError,
    LineError,
    ReportError,
    ServerError,
    UnknownBattery,
    UsageError,
    VerificationError,
)

PACK = sample.pack(1)
MADE = {"kind": "manufactured", "occurred_at": "2026-04-12T10:00:00+08:00", "code": PACK, "mass_kg": 612.5}


@pytest.fixture
def maker(url, registry):
    """A client with the maker's key, which believes the registry's own policy."""
    with Client(url, key=sample.signer(sample.MAKER), policy=registry.data / "policy.txt") as client:
        yield client


def test_events_are_reported_read_and_verified(maker, registry):
    """From a dict to a receipt, to the battery, its history, its evidence and what that proves."""
    receipt = maker.report([MADE])
    assert (receipt.lines, receipt.accepted, receipt.refused) == (1, [0], [])
    assert maker.report([MADE]) == receipt  # the same line is the same report
    registry.enter_heads()
    assert maker.battery(PACK)["code"] == PACK
    assert [event["kind"] for event in maker.history(PACK)] == ["manufactured"]
    assert maker.search(PACK)[0]["code"] == PACK
    assert maker.organisation(sample.MAKER)["organisation"] == sample.MAKER
    proved = maker.verify(PACK, [sample.authority().vkey])
    assert [event.reporter for event in proved.events] == [sample.MAKER]
    assert json.loads(maker.evidence(PACK))["subject"] == f"battery:{PACK}"


def test_what_is_refused_is_told_and_the_rest_is_taken(maker):
    """A line that does not hold is in the receipt with what to do; with mode all nothing is taken."""
    lines = [MADE, {"kind": "manufactured", "occurred_at": "2026-04-12T10:00:00+08:00", "code": "NO"}]
    with pytest.raises(ReportError):
        maker.report(lines, mode="all")
    with pytest.raises(UnknownBattery):
        maker.battery(PACK)
    receipt = maker.report(lines)
    assert receipt.accepted == [0]
    assert receipt.refused[0].line == 1
    assert receipt.refused[0].fix


def test_values_become_lines_in_the_strict_form(maker):
    """Times, decimals and Chinese are written as lines have them; what no line may hold is said to be so."""
    when = datetime(2026, 4, 12, 2, tzinfo=UTC)
    event = MADE | {"occurred_at": when, "mass_kg": Decimal("612.50"), "note": "产线一"}
    assert maker.report([event]).accepted == [0]
    with pytest.raises(LineError) as told:
        maker.report([MADE, MADE | {"mass_kg": 0.1 + 0.2}])
    assert told.value.line == 2
    with pytest.raises(UsageError):
        maker.report([MADE | {"note": object()}])
    with pytest.raises(UsageError):
        maker.report(MADE)  # one event, not several
    with pytest.raises(ReportError):
        maker.report([])


def test_many_events_go_in_several_reports(maker):
    """Input without end is read as it is sent: each report of 10,000 has its receipt."""
    lines = (sample.first_life(sample.pack(number))[0] for number in range(1, 10_501))
    assert [receipt.lines for receipt in maker.reports(lines)] == [10_000, 500]
    with pytest.raises(UsageError, match="reports"):
        maker.report(b"{}\n" * 100_001)


def test_a_token_lets_the_host_sign(url, make_token):
    """Without a key lines go as they are; a token without the scope, or none, is told what to do."""
    with Client(url, token=make_token("report")) as client:
        assert client.report([MADE]).accepted == [0]
        assert client.report([MADE]).accepted == [0]
    with Client(url, token=make_token("read")) as client:
        with pytest.raises(AccessError):
            client.report([MADE])
        assert list(client.batteries()) == list(client.batteries(level="pack"))
        assert [one["code"] for one in client.batteries()] == [PACK]
    with Client(url) as client:
        with pytest.raises(UsageError, match="signed"):
            client.report([MADE])
        with pytest.raises(AccessError):
            next(client.batteries())


def test_pages_are_followed(url, registry, make_token):
    """Histories and lists longer than a page come whole, without a repeat."""
    lines = [
        sample.line("manufactured", "2026-04-12T10:00:00+08:00", code=sample.pack(n)) for n in range(1, 121)
    ]
    with Client(url, token=make_token("read", "report")) as client:
        client.report(lines)
        codes = [one["code"] for one in client.batteries()]
        digest = client.report(lines).report
        assert client.receipt(digest).lines == 120
    assert codes == sorted({json.loads(line)["code"] for line in lines})


def test_asking_first_records_nothing(maker, url):
    """With a key all counts, without one the organisation is named and what is public counts."""
    [answer] = maker.check([MADE])
    assert answer["allowed"]
    with Client(url) as client:
        [answer] = client.check([MADE], organisation=sample.RECYCLER)
        assert not answer["allowed"]
        assert answer["fix"]
        with pytest.raises(UsageError):
            client.check([MADE])
    with pytest.raises(UnknownBattery):
        maker.battery(PACK)


def test_what_is_busy_or_broken_off_is_asked_again(registry):
    """A server that drops connections and says 503 and 429 is asked again, and the report is taken once."""
    receipts, seen = [], []

    def answer(handler):
        seen.append(handler.path)
        if handler.path == "/log/policy":
            return handler.say(200, registry.policy.encode())
        if len([path for path in seen if path.startswith("/reports")]) < 4:
            number = len(seen) % 3
            if number == 0:
                return handler.connection.shutdown(socket.SHUT_RDWR)
            return handler.say(503 if number == 1 else 429, Retry_After="0")
        receipts.append(registry.report(handler.body))
        return handler.say(200, receipts[-1])

    with serving(answer) as url, Client(url, patience_s=30) as client:
        sent = sample.report(sample.signer(sample.MAKER), sample.first_life(PACK)[:1])
        assert client.send(sent) == receipts[0]


def test_patience_ends(registry):
    """A server that stays away or stays busy is named, with what to do; nothing waits for ever."""
    with serving(lambda handler: handler.say(503, b"<html>busy</html>")) as url:
        with Client(url, patience_s=0) as client, pytest.raises(ServerError) as busy:
            client.origin()
        assert busy.value.rule == "http.error"
    with Client(url, patience_s=0) as client, pytest.raises(ServerError) as away:
        client.origin()
    assert (away.value.rule, bool(away.value.fix)) == ("http.unreachable", True)


def test_an_answer_without_end_is_cut():
    """Who sends more than any receipt has is not listened to."""

    def answer(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", str(1 << 40))
        handler.end_headers()
        while True:
            handler.wfile.write(bytes(1 << 20))

    with (
        serving(answer) as url,
        Client(url, patience_s=0) as client,
        pytest.raises(ServerError, match="more than"),
    ):
        client.origin()


def test_a_token_goes_nowhere_else():
    """A redirect is an error and not followed, so that whoever stands behind it never sees the token."""
    elsewhere = []
    with serving(lambda handler: elsewhere.append(handler.headers) or handler.say(200, b"{}")) as other:
        moved = serving(lambda handler: handler.say(307, Location=other + "/healthz"))
        with moved as url, Client(url, token="t" * 40) as client, pytest.raises(ServerError) as told:
            client.origin()
    assert told.value.rule == "http.moved"
    assert other in told.value.message
    assert not elsewhere


@pytest.mark.parametrize(
    "url",
    ["http://registry.example", "ftp://x", "https://", "https://u:p@x", "https://x?a", "https://x:y", "x y"],
)
def test_addresses_that_tell_too_much_are_refused(url):
    """Plain HTTP to elsewhere, names and passwords, no address at all: said before a byte is sent."""
    with pytest.raises(UsageError):
        Client(url)


def test_plain_http_and_only_when_told():
    """Within a network that is trusted somebody may say so."""
    Client("http://registry.example", plain_http=True)
    with pytest.raises(UsageError):
        Client("https://registry.example", token="a token\nwith a line")


def test_receipts_are_held_against_the_policy(url, tmp_path, registry):
    """A log that the reporter does not believe is told before anything is sent."""
    other = tmp_path / "other.txt"
    other.write_text(f"log {sample.signer(sample.MAKER).vkey}\nquorum none\n")
    with Client(url, key=sample.signer(sample.MAKER), policy=other) as client, pytest.raises(UsageError):
        client.report([MADE])
    with pytest.raises(UnknownBattery):
        registry.battery(PACK)


def test_a_receipt_for_other_lines_is_not_believed(registry):
    """What the log signed for another report is no answer to this one."""
    first = registry.report(sample.report(sample.signer(sample.MAKER), sample.first_life(PACK)[:1]))

    def answer(handler):
        handler.say(200, registry.policy.encode() if handler.path == "/log/policy" else first)

    other = sample.report(sample.signer(sample.MAKER), sample.first_life(sample.pack(2))[:1])
    with serving(answer) as url, Client(url) as client, pytest.raises(VerificationError) as told:
        client.send(other)
    assert told.value.rule == "receipt.other"


def test_a_server_cannot_vouch_for_itself(url):
    """Verifying asks for a policy from elsewhere."""
    with Client(url) as client, pytest.raises(UsageError):
        client.verify(PACK, [sample.authority().vkey])


def test_importing_it_takes_no_database(tmp_path):
    """Who reports from a machine at the line needs neither PostgreSQL nor the pages' libraries."""
    heavy = "{'psycopg', 'litestar', 'numba', 'numpy', 'jinja2', 'pyarrow', 'httpx', 'requests'}"
    code = f"import sys, voltrail; voltrail.Client; print({heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"

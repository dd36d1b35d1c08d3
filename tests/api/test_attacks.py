"""What is sent to do harm, byte by byte over a real socket: each is answered clearly, in the one shape."""

import json
import re
import socket
import time

import pytest

from tests.api.conftest import PACK, running
from tests.browser.serving import free_port
from voltrail.api import wire
from voltrail.api.headers import SECURITY

POST = b"POST /checks HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
FORM = b"application/x-www-form-urlencoded"
ACCEPT = {"programs": b"Accept: application/json\r\n", "people": b"Accept: text/html\r\n"}


@pytest.fixture(scope="module")
def port(app):
    port = free_port()
    with running(app, port):
        yield port


class Answer:
    """What came back until the connection was closed."""

    def __init__(self, data):
        self.data = data
        self.head, _, self.body = data.partition(b"\r\n\r\n")
        lines = self.head.decode("latin-1").split("\r\n")
        self.status = int(lines[0].split(" ")[1]) if lines[0] else None
        pairs = [line.partition(":") for line in lines[1:]]
        self.headers = [(name.strip().lower(), value.strip()) for name, _, value in pairs]

    def all(self, name):
        return [value for one, value in self.headers if one == name]

    @property
    def count(self):
        """How many answers there are."""
        return len(re.findall(rb"HTTP/1\.1 \d{3} ", self.data))

    @property
    def rule(self):
        """The rule of an error in the one shape, for programs or for people."""
        if self.all("content-type")[0].startswith("text/html"):
            found = re.search(rb'<dd class="mono">([a-z_.]+)</dd>', self.body)
            return found and found[1].decode()
        error = json.loads(self.body)
        assert set(error) == {"error"}
        assert set(error["error"]) == {"rule", "message", "fix", "line", "source"}
        return error["error"]["rule"]


def sent(port, *parts, pause_s=0):
    """Send parts with pauses; return the answer once the connection is closed."""
    received = b""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as wire:
        try:
            for part in parts:
                wire.sendall(part)
                time.sleep(pause_s)
        except OSError:
            pass  # closed in the middle: the answer may be there
        try:
            while data := wire.recv(65_536):
                received += data
        except ConnectionResetError:
            pass
    return Answer(received)


def get(port, target, *headers, host=b"Host: 127.0.0.1\r\n"):
    lines = b"".join(one if one.endswith(b"\r\n") else one + b"\r\n" for one in headers)
    return sent(port, b"GET " + target + b" HTTP/1.1\r\n" + host + b"Connection: close\r\n" + lines + b"\r\n")


# ------------------------------------------------------------------------ addresses

TRICKS = [
    b"/..%2f..%2fetc%2fpasswd",
    b"/../../settings.json",
    b"/static/..%2f..%2fsettings.json",
    b"/static/x/..%2f..%2fkeys%2flog.pem",
    b"/static/x/%2e%2e/log.pem",
    b"/log/tile/../../../keys/log.pem",
    b"/log/tile/%2e%2e%2f%2e%2e%2fkeys%2flog.pem",
    b"/organisations/../../keys/log.pem",
    b"/models/..%2f..%2fkeys",
    b"/docs/..%2f..%2f",
    b"/docs/%00",
    b"/b/%00",
    b"/b/" + PACK.encode() + b"%00",
    b"/b/" + PACK.encode() + b"%2f..%2f..%2faccounts",
    b"/b/%c0%ae%c0%ae%c0%af",
    b"/b/%e0%80%af",
    b"/b/%ff%fe",
    b"/b/%ed%a0%80/history",
    b"/b//history",
    b"/b/./history",
    b"/b\\..\\accounts",
    b"/b/%0d%0aSet-Cookie:%20session=x",
    b"//evil.example/",
    b"//evil.example/b/" + PACK.encode(),
    b"/%2f%2fevil.example/",
    b"/nothing?" + b"a=b&" * 5_000,
    b"/nothing?" + b"%" * 200,
    b"/log/proof/99999999999999999999999",
    b"/log/proof/-1",
    b"*",
]


@pytest.mark.parametrize("who", ACCEPT)
@pytest.mark.parametrize("target", TRICKS, ids=lambda one: one[:40].decode("latin-1"))
def test_tricks_with_paths_lead_nowhere(port, target, who):
    """Neither out of the routes nor to another host; nothing of them becomes a header or markup."""
    answer = get(port, target, ACCEPT[who])
    assert answer.status in {400, 404}
    assert answer.rule
    assert answer.all("location") == answer.all("set-cookie") == []
    for secret in (b"root:", b"PRIVATE KEY", b'"authorities"'):
        assert secret not in answer.body
    assert dict(answer.headers)["content-security-policy"] == SECURITY["Content-Security-Policy"]


@pytest.mark.parametrize(
    "query",
    [
        b"lang=%0d%0aX-Evil:1",
        b"theme=dark%0d%0aX-Evil:1",
        b"theme=%0d%0aX-Evil:1&theme=dark",
        b"next=//evil.example",
        b"next=https://evil.example&url=https://evil.example&redirect=//evil.example",
    ],
)
@pytest.mark.parametrize("path", [b"/", b"/sign-in", b"/account", b"/search"])
def test_parameters_make_no_header_and_lead_to_nobody_else(port, path, query):
    """Language, theme and where to go on: none leads away from this host."""
    answer = get(port, path + b"?" + query, ACCEPT["people"])
    assert answer.status in {200, 303}
    assert answer.all("x-evil") == []
    assert all(one.startswith("/sign-in") for one in answer.all("location"))
    assert b"evil" not in b"".join(line for line in answer.head.split(b"\r\n"))


@pytest.mark.parametrize(
    "model", [b"//evil.example", b"/evil.example", b"%0d%0aX-Evil:1", b"https://evil.example", b"..%2f.."]
)
def test_a_redirect_stays_on_this_host(port, model):
    """What is typed into an address that leads on is a part of the path and no more."""
    answer = get(port, b"/batteries?model=" + model, ACCEPT["people"])
    assert answer.status == 303
    [location] = answer.all("location")
    assert location.startswith("/models/")
    assert "\r" not in location
    assert answer.all("x-evil") == []


# ---------------------------------------------------------------------------- hosts

HOSTS = [
    b"",
    b"a b",
    b'"><script>',
    b"[::1",
    b"127.0.0.1:99999",
    b"127.0.0.1:x",
    b"127.0.0.1:0",
    b"a/b",
    b"a@b",
    b"\xff\xfe",
    b"x" * 300,
]


@pytest.mark.parametrize("host", HOSTS)
def test_a_host_that_is_none(port, host):
    """400, whoever asks, on every sort of page: no page speaks of such a host."""
    for path in (b"/docs", b"/sign-in", b"/nothing"):
        answer = get(port, path, ACCEPT["people"], host=b"Host: " + host + b"\r\n")
        assert (answer.status, answer.rule) == (400, "request.host")


@pytest.mark.parametrize("host", [b"", b"Host: a\r\nHost: b\r\n", b"Host: a\r\nhost: a\r\n"])
def test_a_request_names_one_host(port, host):
    """None and two are refused (RFC 9112, 3.2), so that nobody on the way reads another than we do."""
    assert get(port, b"/", host=host).rule == "request.host"


@pytest.mark.parametrize(
    "host", [b"registry.example", b"REGISTRY.example:8443", b"[::1]:8000", b"198.51.100.7"]
)
def test_hosts_that_are_some(port, host):
    """Names and addresses, with a port or without."""
    assert get(port, b"/healthz", host=b"Host: " + host + b"\r\n").status == 200


@pytest.mark.parametrize(
    "header",
    [
        b"X-Forwarded-Host: evil.example",
        b"Forwarded: host=evil.example",
        b"X-Original-URL: /accounts",
        b"X-Rewrite-URL: /accounts",
        b"X-HTTP-Method-Override: DELETE",
        b"X-Forwarded-Prefix: /evil",
    ],
)
def test_headers_of_proxies_that_are_not_believed(port, header):
    """They change neither the host of a page nor its address."""
    plain, spoofed = (get(port, b"/docs", ACCEPT["people"], *more) for more in ((), (header,)))
    assert plain.body == spoofed.body


@pytest.mark.parametrize(
    "value", [b"\xff", b"x" * 500, b"1, 2, evil", b"", b"'; drop table account; --", b"::1%eth0"]
)
def test_an_address_that_a_proxy_made_up(port, value):
    """It is kept as it is, cut short, and breaks nothing."""
    page = get(port, b"/sign-in", ACCEPT["people"])
    csrf = re.search(rb'name="csrf" value="([^"]*)"', page.body)[1]
    body = b"login=a-login&password=x&csrf=" + csrf
    head = POST.replace(b"/checks", b"/sign-in").replace(b"application/json", FORM)
    cookie = page.all("set-cookie")[0].partition(";")[0].encode()
    more = b"X-Forwarded-For: " + value + b"\r\nConnection: close\r\nCookie: " + cookie
    answer = sent(port, head + more + b"\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    assert answer.status in {401, 429}


# -------------------------------------------------------------------- two readings

SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
SHAPES = {
    "a length and chunks": POST
    + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    + SMUGGLED,
    "chunks and a length": POST
    + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n"
    + SMUGGLED,
    "a coding nobody knows": POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "chunks not last": POST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "a space before the colon": POST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "two lengths": POST + b"Content-Length: 4\r\nContent-Length: 5\r\n\r\n{}  " + SMUGGLED,
    "the same length twice": POST + b"Content-Length: 4\r\nContent-Length: 4\r\n\r\n{}  " + SMUGGLED,
    "two lengths in one": POST + b"Content-Length: 4, 4\r\n\r\n{}  " + SMUGGLED,
    "a length with a sign": POST + b"Content-Length: +4\r\n\r\n{}  " + SMUGGLED,
    "a length below nothing": POST + b"Content-Length: -4\r\n\r\n{}  " + SMUGGLED,
    "a length in hex": POST + b"Content-Length: 0x4\r\n\r\n{}  " + SMUGGLED,
    "a length beyond all": POST + b"Content-Length: 99999999999999999999999\r\n\r\n{}  " + SMUGGLED,
    "a chunk beyond all": POST + b"Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n{}",
    "a chunk without length": POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}",
    "line feeds alone": b"GET / HTTP/1.1\nHost: x\n\n",
    "carriage returns alone": b"GET / HTTP/1.1\rHost: x\r\r",
    "a folded header": b"GET / HTTP/1.1\r\nHost: x\r\nX: a\r\n b\r\n\r\n",
    "a null in a header": b"GET / HTTP/1.1\r\nHost: x\r\nX: a\0b\r\n\r\n",
    "a null in a method": b"GE\0T / HTTP/1.1\r\nHost: x\r\n\r\n",
    "a method nobody knows": b"FOO / HTTP/1.1\r\nHost: x\r\n\r\n",
    "a version nobody knows": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "no version": b"GET /\r\n\r\n",
    "bytes that are no text": b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n",
    "a path that is none": b"GET evil HTTP/1.1\r\nHost: x\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"x" * 500,
}


@pytest.mark.parametrize("shape", SHAPES)
def test_what_can_be_read_in_two_ways_is_not_read(port, shape):
    """One refusal and the end of the connection: nothing behind it becomes a request."""
    answer = sent(port, SHAPES[shape])
    assert (answer.status, answer.count) == (400, 1)
    assert answer.rule in {"request.http", "request.host"}
    assert b"close" in answer.head


def test_the_body_of_one_request_is_not_the_next(port):
    """A GET with a body, a body of chunks: what was counted is taken, what follows is another request."""
    body = SMUGGLED
    head = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body)
    assert sent(port, head + body).count == 1
    chunks = POST + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
    answer = sent(port, chunks + b"GET /nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert answer.count == 2
    assert b"route.unknown" in answer.data


@pytest.mark.parametrize("upgrade", [b"websocket", b"h2c"])
def test_nothing_is_spoken_but_http(port, upgrade):
    """A change of protocol is passed over."""
    more = b"Upgrade: " + upgrade + b"\r\nConnection: Upgrade, close\r\nSec-WebSocket-Version: 13\r\n"
    answer = sent(port, b"GET /healthz HTTP/1.1\r\nHost: x\r\n" + more + b"\r\n")
    assert answer.status in {200, 400}


# -------------------------------------------------------------- too much, too slow


@pytest.mark.parametrize(
    "head",
    [
        b"GET /" + b"a" * 100_000,
        b"GET /?q=" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 100_000,
        b"GET / HTTP/1.1\r\nHost: x\r\nCookie: " + b"a=b; " * 20_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n" + b"".join(b"X-%d: 1\r\n" % one for one in range(20_000)),
        b"G" * 100_000,
    ],
)
def test_a_head_has_a_bound(port, head):
    """An address or headers without end fill no memory: the connection is closed, at once."""
    answer = sent(port, head)
    assert answer.status in {400, 431}
    assert answer.rule in {"request.head", "request.http"}


def test_a_head_just_below_the_bound_is_read(port):
    """Long is not too long."""
    answer = get(port, b"/healthz", b"X: " + b"a" * (wire.MAX_HEAD_BYTES - 200))
    assert answer.status == 200


def test_a_body_may_be_followed_by_a_request(port):
    """What is counted as a head is the head alone, also when a large body came in the same bytes."""
    body = b" " * 200_000
    first = POST + b"Content-Length: %d\r\n\r\n" % len(body)
    answer = sent(port, first + body + b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert answer.count == 2
    assert b'"status":"ok"' in answer.data


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        (b"/checks", b"application/json"),
        (b"/sign-in", b"application/x-www-form-urlencoded"),
        (b"/reports", b"application/voltrail-report"),
    ],
)
def test_a_body_has_a_bound(port, path, kind):
    """Whether it is announced or only sent, it is 413 before it is there."""
    head = b"POST " + path + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: " + kind + b"\r\n"
    answer = sent(port, head + b"Content-Length: 99999999999\r\n\r\n" + b"x" * 1000)
    assert (answer.status, answer.rule) == (413, "request.too_large")
    if path == b"/sign-in":
        answer = sent(
            port, head + b"Transfer-Encoding: chunked\r\n\r\n" + (b"1000\r\n" + b"x" * 4096 + b"\r\n") * 20
        )
        assert (answer.status, answer.rule) == (413, "request.too_large")


@pytest.fixture
def impatient(monkeypatch):
    """The same bounds, sooner."""
    monkeypatch.setattr(wire, "GRACE_S", 0.2)
    monkeypatch.setattr(wire, "_LOOK_EVERY_S", 0.05)


def test_a_slow_head_is_given_up(port, impatient):
    """Nothing at all, or a header that never ends: the connection is not held for ever."""
    for parts in ((b"",), (b"GET / HTTP/1.1\r\n", *([b"X: 1\r\n"] * 20))):
        answer = sent(port, *parts, pause_s=0.05)
        assert (answer.status, answer.rule) == (408, "request.slow")


def test_a_slow_body_is_given_up(port, impatient):
    """A byte now and then is not enough; what flows is taken."""
    head = POST + b"Connection: close\r\nContent-Length: 100000\r\n\r\n"
    answer = sent(port, head, *([b"{"] * 20), pause_s=0.05)
    assert (answer.status, answer.rule) == (408, "request.slow")
    answer = sent(port, head, *([b" " * 5_000] * 20), pause_s=0.03)
    assert (answer.status, answer.rule) == (400, "request.invalid")


def test_who_waits_for_an_answer_is_not_slow(port, registry, impatient, monkeypatch):
    """However long an answer takes, the next request on that connection has its own time."""
    monkeypatch.setattr(wire, "GRACE_S", 1)
    monkeypatch.setattr(registry, "check_open", lambda: time.sleep(1.2))
    with socket.create_connection(("127.0.0.1", port), timeout=20) as one:
        one.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        received = one.recv(65_536)
        time.sleep(0.2)
        one.sendall(b"GET /nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        while data := one.recv(65_536):
            received += data
    answer = Answer(received)
    assert (answer.status, answer.count) == (200, 2)
    assert b"route.unknown" in answer.data


# -------------------------------------------------------------------------- cookies

COOKIES = [
    b"session=\xff\xfe",
    b"session",
    b"session=a; session=b",
    b"session=" + b"a" * 5_000,
    b"session=%00",
    b'session="\\"',
    b"session=' or 1=1 --",
    b"theme=<script>alert(1)</script>",
    b"theme=dark; theme=light",
    b"form=<script>; errand=\xe7\x8e\x8b",
    b"=; ;;==;",
    b"__Host-session=x; __Secure-session=y",
    b"$Version=1; session=x; $Path=/",
    b"a=b; " * 3_000,
]


@pytest.mark.parametrize("cookie", COOKIES, ids=lambda one: one[:30].decode("latin-1"))
def test_hostile_cookies_open_and_break_nothing(port, cookie):
    """They are no session, no markup, and no error."""
    for path, status in ((b"/", 200), (b"/sign-in", 200), (b"/account", 303), (b"/nothing", 404)):
        answer = get(port, path, ACCEPT["people"], b"Cookie: " + cookie)
        assert answer.status == status
        assert b"<script>" not in answer.body


HEADERS = [
    b"Accept: " + b"*/*;q=" * 3_000,
    b"Accept: \xff;q=\xff",
    b"Accept: text/html;q=nan",
    b"Accept-Language: " + b"zh;q=1e999," * 200,
    b"Accept-Language: \xff, zh;q=inf",
    b"Accept-Encoding: gzip;q=x,\xff",
    b"Authorization: Bearer \xff\xfe",
    b"Authorization: " + b"Bearer " * 2_000,
    b"Authorization: Basic YTpi",
    b"Content-Type: \xff",
    b"If-None-Match: *",
    b"Range: bytes=0-0,1-1,2-2",
    b"Expect: 200-ok",
    b"Origin: null",
    b"X-Forwarded-Proto: gopher",
]


@pytest.mark.parametrize("header", HEADERS, ids=lambda one: one[:30].decode("latin-1"))
def test_odd_headers_are_no_defect(port, header):
    """Nothing that somebody sends makes a 5xx."""
    for path in (b"/", b"/healthz", b"/nothing", b"/b/" + PACK.encode()):
        assert get(port, path, header).status in {200, 401, 404}

"""An identity provider that is down, slow, wrong or a liar is not believed, and it is said what is wrong."""

import json
import socket
import subprocess
import sys
import threading
from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.hazmat.primitives import serialization

from tests.connections.provider import CLIENT, SECRET, Key, SmallProvider, hmac_with
from voltrail.connections import exchange
from voltrail.connections import provider as module
from voltrail.connections.provider import Errand, Provider, diagnose_provider
from voltrail.connections.provider_settings import FILE, ProviderSettings, read_provider
from voltrail.errors import AccessError, ProviderError, RegistryError

ADDRESS = "https://registry.example"


@pytest.fixture(scope="module")
def served():
    with SmallProvider() as one:
        yield one


@pytest.fixture
def small(served):
    """An honest provider."""
    served.reset()
    served.keys, served.asked, served.client = [Key()], [], CLIENT
    return served


def settings(small, **changed):
    members = {"name": "Example", "issuer": small.issuer, "client_id": CLIENT, "client_secret": SECRET}
    return ProviderSettings(**{**members, "address": ADDRESS, **changed})


@pytest.fixture
def ours(small):
    """Our side of it."""
    return Provider(settings(small))


def code_for(ours, small, errand):
    """Return the code and the issuer that a browser brings back."""
    back = parse_qs(urlsplit(small.visit(ours.address_for(errand))).query)
    assert back["state"] == [errand.state]
    return back["code"][0], back["iss"][0]


def identified(ours, small, secret="one browser"):
    errand = Errand.of(secret)
    return ours.identify(*code_for(ours, small, errand), errand)


def refused(call, *arguments):
    with pytest.raises((ProviderError, AccessError)) as caught:
        call(*arguments)
    assert caught.value.message
    assert caught.value.fix
    return caught.value.rule


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "Ed25519"])
@pytest.mark.parametrize("basic", [True, False])
def test_an_honest_provider_says_who_it_is(ours, small, algorithm, basic):
    """Whichever way it signs and knows its clients."""
    small.keys, small.basic = [Key(algorithm)], basic
    found = identified(ours, small)
    assert (found.issuer, found.subject, found.shown) == (small.issuer, "subject-1", "wang@example")


def test_what_it_publishes_is_kept_for_a_while(ours, small):
    """A sign-in asks it for its token alone; it is not asked for the rest each time."""
    for number in range(3):
        identified(ours, small, f"browser {number}")
    assert small.asked.count("/keys") == 1
    assert small.asked.count("/.well-known/openid-configuration") == 1


def test_a_rotated_key_is_found(ours, small):
    """With a new name beside the old one, and under the same name; one that was withdrawn counts no more."""
    identified(ours, small)
    old = small.keys[0]
    for keys in ([old, Key()], [Key(kid=old.kid)]):
        small.keys = keys
        identified(ours, small)
    assert small.asked.count("/keys") == 3
    small.sign = lambda _, data: old.sign(data)
    assert refused(identified, ours, small) == "provider.signature"


def test_a_key_that_was_withdrawn_is_forgotten(ours, small, monkeypatch):
    """After ten minutes at the latest."""
    identified(ours, small)
    old = small.keys[0]
    small.header, small.sign = {"kid": old.kid}, lambda _, data: old.sign(data)
    small.keys = [Key()]
    monkeypatch.setattr(module, "KEPT_S", -1)
    assert refused(identified, ours, small) == "provider.signature"


PUBLIC = (serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)

LIES = {
    "nobody signed": ({"alg": "none"}, {}, lambda key, data: b""),
    "nobody signed, in capitals": ({"alg": "nOnE"}, {}, lambda key, data: b""),
    "signed with the public key as a secret": (
        {"alg": "HS256"},
        {},
        lambda key, data: hmac_with(key.private.public_key().public_bytes(*PUBLIC))(key, data),
    ),
    "signed with the client's secret": ({"alg": "HS256"}, {}, hmac_with(SECRET.encode())),
    "signed with a key of its own": ({}, {}, lambda key, data: Key().sign(data)),
    "a key in the token": ({"jwk": Key().jwk, "kid": None}, {}, lambda key, data: Key().sign(data)),
    "another algorithm": ({"alg": "RS256"}, {}, None),
    "a critical header nobody knows": ({"crit": ["x"], "x": 1}, {}, None),
    "a cut signature": ({}, {}, lambda key, data: key.sign(data)[:-1]),
    "another issuer": ({}, {"iss": "https://other.example"}, None),
    "the issuer with a slash": ({}, {"iss": "SLASH"}, None),
    "another audience": ({}, {"aud": "other-client"}, None),
    "no audience": ({}, {"aud": None}, None),
    "an audience of several, for another": ({}, {"aud": [CLIENT, "other"], "azp": "other"}, None),
    "an audience of several, for nobody": ({}, {"aud": [CLIENT, "other"]}, None),
    "an audience that contains ours": ({}, {"aud": f"{CLIENT}x"}, None),
    "another nonce": ({}, {"nonce": "other"}, None),
    "no nonce": ({}, {"nonce": None}, None),
    "no end": ({}, {"exp": None}, None),
    "an end in words": ({}, {"exp": "tomorrow"}, None),
    "no beginning": ({}, {"iat": None}, None),
    "ended": ({}, {"exp": 1_700_000_000}, None),
    "not yet": ({}, {"iat": 4_000_000_000, "exp": 4_000_000_300}, None),
    "nobody": ({}, {"sub": None}, None),
    "an empty name": ({}, {"sub": ""}, None),
    "a number": ({}, {"sub": 7}, None),
    "a name without end": ({}, {"sub": "x" * 5000}, None),
    "a name with a null": ({}, {"sub": "x\0"}, None),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_lie_is_not_believed(ours, small, lie):
    """A token that is not signed by it, for us, for this sign-in, now, about somebody."""
    small.header, small.claims, sign = LIES[lie]
    if small.claims.get("iss") == "SLASH":
        small.claims = {"iss": small.issuer + "/"}
    small.sign = sign or small.sign
    assert refused(identified, ours, small).startswith("provider.")
    small.reset()
    assert identified(ours, small).subject == "subject-1"


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "..", "e30.e30.", "[]", "é.é.é", "." * 40_000])
def test_what_is_no_token(ours, small, token):
    """Whatever stands there is refused in words."""
    small.answers["/token"] = 200, json.dumps({"id_token": token}).encode()
    assert refused(identified, ours, small).startswith("provider.")


@pytest.mark.parametrize("ahead_s", [-3600, 3600])
def test_a_clock_that_is_off_is_said(ours, small, ahead_s):
    """Whoever compares both clocks can mend it; two minutes are forgiven."""
    small.ahead_s = ahead_s
    assert refused(identified, ours, small) == "provider.clock"
    small.ahead_s = ahead_s // 60
    assert identified(ours, small)


ODD = {
    "an error": (500, b""),
    "a redirect": (302, b""),
    "a page": (200, b"<html>"),
    "nothing": (200, b""),
    "a list": (200, b"[]"),
    "no text": (200, b"\xff\xfe"),
    "too much": (200, b'{"x":"' + b"x" * 100_000 + b'"}'),
    "too deep": (200, b"[" * 60_000),
}


@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/keys", "/token"])
@pytest.mark.parametrize("odd", ODD)
def test_odd_answers_are_refused_in_words(ours, small, path, odd):
    """At each of its addresses."""
    small.answers[path] = ODD[odd]
    assert refused(identified, ours, small).startswith("provider.")


@pytest.mark.parametrize(
    "published",
    [
        {"issuer": "https://other.example"},
        {"token_endpoint": "http://192.0.2.1/token"},
        {"jwks_uri": "file:///etc/passwd"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"authorization_endpoint": "http://evil.example/"},
        {"authorization_endpoint": "https://good.example@evil.example/"},
        {"authorization_endpoint": "https://evil.example/\r\nSet-Cookie: x=y"},
        {"jwks_uri": 7},
        {"jwks_uri": None},
    ],
)
def test_what_it_publishes_is_not_followed_anywhere(ours, small, published):
    """Only to https addresses, or on this machine; never to another issuer."""
    small.published = published
    assert refused(ours.address_for, Errand.of("x")).startswith("provider.")


def test_odd_keys_are_passed_over(ours, small):
    """One that reads is enough; a secret among the keys signs nothing."""
    odd = [None, 7, {}, {"kty": "oct", "k": "c2VjcmV0", "kid": "s"}, {"kty": "RSA", "n": "x"}, {"kty": "EC"}]
    small.answers["/keys"] = 200, json.dumps({"keys": [*odd, small.keys[0].jwk]}).encode()
    assert identified(ours, small)
    small.header, small.sign = {"alg": "HS256", "kid": "s"}, hmac_with(b"secret")
    assert refused(identified, ours, small).startswith("provider.")


def test_mixed_up_issuers_are_found(ours, small):
    """Another provider's answer is never redeemed at this one (RFC 9207), nor one that is nobody's."""
    errand = Errand.of("x")
    code, _ = code_for(ours, small, errand)
    asked = len(small.asked)
    for issuer in ("https://other.example", small.issuer + "/", "", None):
        assert refused(ours.identify, code, issuer, errand) == "provider.issuer"
    assert len(small.asked) == asked
    small.published = {"authorization_response_iss_parameter_supported": False}
    silent = Provider(settings(small))
    assert silent.identify(code_for(silent, small, errand)[0], None, errand)


def test_a_stolen_code_is_worth_nothing(ours, small):
    """The thief's own browser has another verifier; where the provider does not look at it, another nonce."""
    victim, thief = Errand.of("victim"), Errand.of("thief")
    assert refused(ours.identify, *code_for(ours, small, victim), thief) == "access.provider_code"
    small.trusting = True
    assert refused(ours.identify, *code_for(ours, small, victim), thief) == "provider.token"


def test_a_code_counts_once(ours, small):
    """The second time the provider refuses it, and we say what to do."""
    errand = Errand.of("x")
    back = code_for(ours, small, errand)
    ours.identify(*back, errand)
    assert refused(ours.identify, *back, errand) == "access.provider_code"


def test_an_errand_tells_nothing_of_its_secret():
    """State, nonce and challenge go through the address bar; the verifier and the secret stay."""
    errand = Errand.of("secret")
    assert len({errand.state, errand.nonce, errand.verifier}) == 3
    assert all(len(one) == 43 for one in (errand.state, errand.nonce, errand.verifier))  # RFC 7636, 4.1
    assert errand != Errand.of("secret2")


def test_a_wrong_secret_is_said(small):
    """The operator mistyped it: the words name the file."""
    ours = Provider(settings(small, client_secret="wrong"))
    assert refused(identified, ours, small) == "provider.answer"


def test_a_provider_that_is_down(small):
    """Nobody listens there."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        down = f"http://127.0.0.1:{free.getsockname()[1]}"
        assert refused(Provider(settings(small, issuer=down)).address_for, Errand.of("x")) == (
            "provider.unreachable"
        )


def test_a_slow_provider_is_given_up(ours, small, monkeypatch):
    """By a deadline for the whole answer, and few at a time: others still get an answer at once."""
    monkeypatch.setattr(exchange.exchange, "__defaults__", (None, 0.3, None, None, exchange.MAX_ANSWER_BYTES))
    monkeypatch.setattr(module, "_PATIENCE_S", 0)
    small.slow_s = 2
    told = []
    threads = [
        threading.Thread(target=lambda: told.append(refused(ours.address_for, Errand.of("x"))))
        for _ in range(12)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(told) == {"provider.slow", "access.busy"}


def test_tls_of_a_stranger_is_not_believed(small):
    """A provider that cannot show its certificate is none."""
    ours = Provider(settings(small, issuer=small.issuer.replace("http:", "https:")))
    assert refused(ours.address_for, Errand.of("x")) == "provider.unreachable"


def test_the_doctor_asks_the_provider(small, tmp_path):
    """What is right and what is wrong with it, in the words that a person at the sign-in would get."""
    registry = SimpleNamespace(data=tmp_path)
    assert list(diagnose_provider(registry)) == []
    written(tmp_path, GOOD | {"issuer": small.issuer})
    [well] = diagnose_provider(registry)
    assert (well.ok, "keys: 1" in well.message) == (True, True)
    for path, answer in (("/keys", (200, b'{"keys":[]}')), ("/.well-known/openid-configuration", (404, b""))):
        small.answers[path] = answer
        [ill] = diagnose_provider(registry)
        assert not ill.ok
        assert "voltrail doctor" in ill.fix


# ----------------------------------------------------------------- its settings

GOOD = {
    "name": "Example",
    "issuer": "https://id.example",
    "client_id": "c",
    "client_secret": "s",
    "address": ADDRESS,
}


def written(folder, content, mode=0o600):
    path = folder / FILE
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    path.chmod(mode)
    return folder


def test_settings_are_read(tmp_path):
    """Without the file there is no provider; the address may end in a slash."""
    assert read_provider(tmp_path) is None
    written(tmp_path, GOOD | {"address": ADDRESS + "/"})
    assert read_provider(tmp_path).redirect_uri == f"{ADDRESS}/sign-in/provider/back"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
def test_settings_that_others_may_read(tmp_path, mode):
    """They hold a secret: refused, with the command that mends it."""
    with pytest.raises(RegistryError) as caught:
        read_provider(written(tmp_path, GOOD, mode))
    assert (caught.value.rule, "chmod 600" in caught.value.fix) == ("oidc.readable", True)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "\udcff".encode("utf-8", "replace").decode(),
        {},
        GOOD | {"algorithm": "none"},
        GOOD | {"client_id": " "},
        GOOD | {"client_secret": 7},
        GOOD | {"issuer": "http://id.example"},
        GOOD | {"issuer": "https://id.example?x=y"},
        GOOD | {"issuer": "https://[::1"},
        GOOD | {"address": "registry.example"},
        GOOD | {"address": "http://registry.example"},
    ],
)
def test_settings_that_cannot_be(tmp_path, content):
    """The server does not start by half: it says what is wrong with the file."""
    with pytest.raises(RegistryError) as caught:
        read_provider(written(tmp_path, content))
    assert caught.value.rule == "oidc.settings"
    assert FILE in caught.value.message


WITHOUT = """
import sys
sys.modules["joserfc"] = None
from pathlib import Path
import voltrail.api
from voltrail.connections.provider_settings import read_provider
print(read_provider(Path(sys.argv[1]).parent))
read_provider(Path(sys.argv[1]))
"""


def test_without_the_extra_it_is_said_what_to_install(tmp_path):
    """Everything else works without; a folder that names a provider says what is missing."""
    (tmp_path / "data").mkdir()
    command = [sys.executable, "-c", WITHOUT, str(written(tmp_path / "data", GOOD))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout == "None\n"
    assert "pip install 'voltrail[oidc]'" in done.stderr

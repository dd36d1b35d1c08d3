"""SD-JWT: any subset of disclosures verifies to exactly that subset; what was changed does not hold."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws as jose
from joserfc.jwk import KeySet

from tests.passport.telling import AT, ISSUER, SIGNER, told_to
from voltrail.errors import UsageError, VerificationError
from voltrail.ledger.keys import P256, Signer
from voltrail.passport import EU_GUIDANCE, Edition, Issuer, credentials, jws, sd_jwt
from voltrail.passport.told import Told

# The verifier beside ours would rather have the newer name of the algorithm (RFC 9864).
pytestmark = pytest.mark.filterwarnings("ignore:EdDSA is deprecated")

KEYS = [SIGNER.verifier]
VALUES = {"mass_kg": 412, "chemistry": "LFP", "cycles": 7, "power": 12.5, "名": "电池"}
DISCLOSURES = {name: sd_jwt.disclose(name.encode(), name, value) for name, value in VALUES.items()}
SHOWN = tuple(DISCLOSURES.values())


def issued(claims=None, shown=SHOWN, signer=SIGNER):
    claims = {"points": sd_jwt.conceal(DISCLOSURES.values())} if claims is None else claims
    return sd_jwt.issue(signer, "test+sd-jwt", claims, shown)


def opened(compact, at=AT, keys=KEYS):
    return sd_jwt.verify(compact, keys, at)


def refused(compact, **how):
    with pytest.raises(VerificationError) as raised:
        opened(compact, **how)
    assert raised.value.fix
    return raised.value.rule


def b64(text):
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def opened_elsewhere(compact, jwks):
    """Return the claims as RFC 9901, section 7.1 says, by code that shares nothing with ours."""
    token, *disclosures, end = compact.split("~")
    assert end == ""
    found = jose.deserialize_compact(token, KeySet.import_key_set(jwks), algorithms=["EdDSA"])
    by_digest = {}
    for one in disclosures:
        digest = urlsafe_b64encode(sha256(one.encode("ascii")).digest()).rstrip(b"=").decode()
        by_digest[digest] = json.loads(b64(one))
    assert len(by_digest) == len(disclosures)

    def resolve(value):
        if isinstance(value, list):
            return [resolve(one) for one in value]
        if not isinstance(value, dict):
            return value
        out = {k: resolve(v) for k, v in value.items() if k not in {"_sd", "_sd_alg"}}
        for one in value.get("_sd", []):
            if one in by_digest:
                _, name, inner = by_digest.pop(one)
                assert name not in out
                out[name] = resolve(inner)
        return out

    claims = resolve(json.loads(found.payload))
    assert by_digest == {}
    return claims


def test_a_digest_is_that_of_the_rfc():
    """The example of RFC 9901, section 4.2.3: the digest of a disclosure, byte for byte."""
    disclosure = "WyJfMjZiYzRMVC1hYzZxMktJNmNCVzVlcyIsICJmYW1pbHlfbmFtZSIsICJNw7ZiaXVzIl0"
    assert sd_jwt.digest(disclosure) == "X9yH0Ajrdm1Oij4tWso9UzzKJvPoDxwmuEcO3XAdRC0"


@given(st.sets(st.sampled_from(sorted(VALUES))))
def test_any_subset_verifies_to_exactly_that_subset(names):
    """Here and by an independent verifier; how many stay hidden is told."""
    compact = sd_jwt.present(issued(), names)
    found = opened(compact)
    assert found.claims == {"points": {name: VALUES[name] for name in names}}
    assert found.hidden == len(VALUES) - len(names)
    assert opened_elsewhere(compact, {"keys": [jws.jwk(SIGNER.verifier)]}) == found.claims


@given(st.data())
def test_any_changed_byte_fails(data):
    """Wherever it is, and whatever it becomes."""
    compact = issued()
    place = data.draw(st.integers(0, len(compact) - 1))
    other = data.draw(st.characters(codec="utf-8").filter(lambda one: one != compact[place]))
    refused(compact[:place] + other + compact[place + 1 :])


@given(st.integers(0, len(issued()) - 2))
def test_a_file_that_was_cut_off_fails_or_discloses_less(length):
    """Cut at a ~ it is a whole one with fewer disclosures; anywhere else it is none."""
    cut = issued()[:length]
    if cut.endswith("~"):
        assert opened(cut).claims["points"].items() <= VALUES.items()
    else:
        refused(cut)


@given(st.text(max_size=200) | st.binary(max_size=200).map(lambda raw: jws.encode64url(raw) + "~"))
def test_whatever_comes_is_refused_in_words(text):
    """Nothing that is no credential breaks the verifier."""
    refused(text)


@pytest.mark.parametrize("algorithm", ["none", "None", "ES256", "HS256", None, 7])
def test_another_algorithm_is_refused(algorithm):
    """Above all `none`, and those that would make a secret of the public key."""
    header = {"alg": algorithm, "kid": SIGNER.name}
    token = ".".join(jws.encode64url(json.dumps(one).encode()) for one in (header, {})) + "."
    assert refused(token + "~") == "credential.algorithm"
    assert refused(token) == "credential.algorithm"


def test_a_key_of_another_kind_or_name_is_not_taken():
    """A P-256 key that has the name of the host's, and a key that nobody gave."""
    assert refused(issued(), keys=[Signer.generate(SIGNER.name, P256).verifier]) == "credential.key"
    assert refused(issued(), keys=[Signer.generate("other.example/k").verifier]) == "credential.key"
    assert refused(issued(), keys=[]) == "credential.key"
    assert refused(issued(), keys=[Signer.generate(SIGNER.name).verifier]) == "credential.signature"


def test_a_disclosure_of_nothing_that_was_signed_is_refused():
    """Made up, or of another credential; with the name of a claim and a value that its reader would like."""
    assert (
        refused(issued() + sd_jwt.disclose(b"x", "status", "original") + "~") == "credential.digest_unknown"
    )
    assert refused(issued() + DISCLOSURES["cycles"] + "~") == "credential.digest_twice"


def test_a_digest_that_stands_twice_is_refused():
    """In two places, beside itself, and in what a disclosure brings."""
    digests = sd_jwt.conceal(DISCLOSURES.values())
    assert refused(issued({"a": digests, "b": digests})) == "credential.digest_twice"
    twice = {"_sd": digests["_sd"] * 2}
    assert refused(issued({"a": twice})) == "credential.digest_twice"
    outer = sd_jwt.disclose(b"s", "outer", digests)
    claims = {"_sd": [sd_jwt.digest(outer)], "points": digests}
    assert refused(issued(claims, [outer, *DISCLOSURES.values()])) == "credential.digest_twice"


@pytest.mark.parametrize("name", ["_sd", "...", "taken"])
def test_a_claim_cannot_be_put_over_another(name):
    """Neither over one that is signed in the open, nor as what digests are kept under."""
    one = sd_jwt.disclose(b"s", name, 1)
    claims = {"taken": 2, "_sd": [sd_jwt.digest(one)]}
    assert refused(issued(claims, [one])) == "credential.claim_twice"


def test_claims_within_claims_and_elements_of_lists_are_opened():
    """As the RFC has them, though ours have neither; what is not disclosed of a list is left out."""
    inner = sd_jwt.disclose(b"1", "inner", 5)
    outer = sd_jwt.disclose(b"2", "outer", sd_jwt.conceal([inner]))
    element = jws.encode64url(json.dumps(["c2FsdA", "CN"]).encode())
    claims = {
        "_sd": [sd_jwt.digest(outer)],
        "list": ["EU", {"...": sd_jwt.digest(element)}, {"...": "unknown"}],
    }
    assert opened(issued(claims, [inner, outer, element])).claims == {
        "outer": {"inner": 5},
        "list": ["EU", "CN"],
    }
    assert refused(issued(claims, [inner, element])) == "credential.digest_unknown"
    assert refused(issued({"_sd": [sd_jwt.digest(element)]}, [element])) == "credential.disclosure"


def test_time_hashes_bindings_and_headers_are_looked_at():
    """Expired, not yet valid, another hash, a key binding, a header that demands what is not known."""
    now = int(AT.timestamp())
    assert refused(issued({"exp": now}, [])) == "credential.expired"
    assert opened(issued({"exp": now + 1}, [])).claims == {"exp": now + 1}
    assert refused(issued({"nbf": now + 1}, [])) == "credential.not_yet"
    assert refused(issued({"exp": "soon"}, [])) == "credential.form"
    assert refused(issued() + "a.b.c") == "credential.binding"
    other = jws.sign(SIGNER, {}, {"_sd_alg": "md5"})
    assert refused(other + "~") == "credential.hash"
    assert refused(jws.sign(SIGNER, {"crit": ["b64"], "b64": False}, {}) + "~") == "credential.critical"
    assert refused("x" * (sd_jwt.MAX_BYTES + 1)) == "credential.form"
    deep = {"a": []}
    for _ in range(200):
        deep = {"a": deep}
    assert opened(issued(deep, [])).claims == deep


def test_what_is_not_there_cannot_be_presented():
    """Its holder is told what there is."""
    with pytest.raises(UsageError, match="mass_kg"):
        sd_jwt.present(issued(), ["weight"])
    with pytest.raises(UsageError) as raised:
        sd_jwt.present(jws.sign(SIGNER, {}, {}), [])
    assert raised.value.rule == "credential.plain"


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"[]", b'"keys"', b'{"keys":3}', b'{"keys":[{"kty":"OKP"}]}', b"\xff"]
)
def test_keys_that_are_none_are_refused_in_words(data):
    """A file that is no key set, or has no key that counts."""
    with pytest.raises(VerificationError) as raised:
        jws.read_jwks(data)
    assert raised.value.rule == "credential.keys"


def test_a_key_set_reads_back():
    """As published, or one key alone."""
    for data in ({"keys": [jws.jwk(SIGNER.verifier), {"kty": "EC"}]}, jws.jwk(SIGNER.verifier)):
        (key,) = jws.read_jwks(json.dumps(data).encode())
        assert key.vkey == SIGNER.vkey


# ------------------------------------------------------------------ of passports


def digests_of(compact):
    return json.loads(b64(compact.split(".")[1]))["points"]["_sd"]


def test_it_is_one_credential_for_every_audience(passports):
    """The same digests whoever asks and whenever; each audience's discloses what it sees."""
    one = next(iter(passports.values()))
    barred = EU_GUIDANCE.bars("ev")
    later = Issuer(ISSUER.host, SIGNER, ISSUER.secret, AT + timedelta(days=1))
    every = [told_to(who, one, by) for who in ("public", "owner", "operator") for by in (ISSUER, later)]
    assert len({tuple(digests_of(credentials.as_sd_jwt(told))) for told in every}) == 1
    for told in every:
        found = credentials.points_of(opened(credentials.as_sd_jwt(told)))
        assert found == told.shown(barred)


def test_salts_follow_from_the_secret_and_from_the_whole_passport(passports):
    """Another secret, another battery or one value changed: no digest is the same, nor tells what stayed."""
    one, other, *_ = passports.values()
    told = told_to("operator", one)
    changed = {**one.values, "cycles": one.values["cycles"].__class__(99_999)}
    variants = [
        told_to("operator", one, Issuer(ISSUER.host, SIGNER, b"t" * 32, AT)),
        told_to("operator", other),
        told_to("operator", one.__class__(one.code, changed, one.series)),
    ]
    digests = set(digests_of(credentials.as_sd_jwt(told)))
    for each in variants:
        assert digests.isdisjoint(digests_of(credentials.as_sd_jwt(each)))


def test_a_verifiable_credential_is_what_the_data_model_has(passports):
    """Its type, context, issuer and subject; it verifies as a plain token, and has what the reader sees."""
    one = next(iter(passports.values()))
    told = told_to("public", one)
    compact = credentials.as_verifiable_credential(told)
    header = json.loads(b64(compact.split(".")[0]))
    assert (header["typ"], header["cty"], header["alg"]) == ("vc+jwt", "vc", "EdDSA")
    keys = KeySet.import_key_set({"keys": [jws.jwk(SIGNER.verifier)]})
    said = json.loads(jose.deserialize_compact(compact, keys, algorithms=["EdDSA"]).payload)
    assert said["@context"][0] == "https://www.w3.org/ns/credentials/v2"
    assert said["type"] == ["VerifiableCredential"]
    assert said["issuer"] == said["iss"] == f"https://{ISSUER.host}"
    assert datetime.fromisoformat(said["validFrom"]) == AT.astimezone(UTC)
    assert said["credentialSubject"]["id"] == said["sub"] == f"https://{ISSUER.host}/b/{one.code}"
    found = opened(compact)
    assert credentials.points_of(found) == told.shown(EU_GUIDANCE.bars("ev"))


def test_what_is_no_passport_or_of_another_host_is_refused():
    """A host that is believed for its own passports cannot issue those of another."""
    mine = {"iss": f"https://{ISSUER.host}"}
    for claims, rule in (
        (mine, "type"),
        ({}, "issuer"),
        ({"iss": "https://other.example"}, "issuer"),
        ({"iss": []}, "issuer"),
        (mine | {"issuer": "https://other.example"}, "issuer"),
    ):
        with pytest.raises(VerificationError) as raised:
            credentials.points_of(opened(issued(claims, [])))
        assert raised.value.rule == f"credential.{rule}"


def test_a_passport_as_it_stood_says_so(passports):
    """What was asked for as of a time cannot be taken for what stands."""
    one = next(iter(passports.values()))
    told = told_to("public", one, Issuer(ISSUER.host, SIGNER, ISSUER.secret, AT, AT - timedelta(days=3)))
    claims = opened(credentials.as_sd_jwt(told)).claims
    assert claims["as_of"] == (AT - timedelta(days=3)).isoformat()
    assert claims["iat"] == int(AT.timestamp())
    subject = opened(credentials.as_verifiable_credential(told)).claims["credentialSubject"]
    assert subject["as_of"] == claims["as_of"]


def test_without_a_host_nothing_is_signed(passports):
    """A form that names its host says so where there is none."""
    one = next(iter(passports.values()))
    with pytest.raises(UsageError):
        credentials.as_sd_jwt(Told(one.values, (), one, Edition.of(one.code, None)))

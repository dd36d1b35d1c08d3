"""The log over HTTP: C2SP paths, headers that caches may trust, proofs that hold, and nothing beyond."""

from base64 import b64decode

import pytest
from litestar.testing import TestClient

import voltrail
from tests.api.test_errors import shaped
from tests.registry import sample
from voltrail.api import create_app
from voltrail.ledger import merkle, tiles
from voltrail.ledger.entries import successor_entry
from voltrail.ledger.keys import ML_DSA_44
from voltrail.ledger.notes import Checkpoint, Policy, open_note, parse_note
from voltrail.ledger.tile_check import check_tiles
from voltrail.ledger.tlog_proof import TlogProof, verify_tlog_proof
from voltrail.registry.settings import initialise
from voltrail.registry.succession import succeed

FOR_EVER = "public, max-age=31536000, immutable"


@pytest.fixture
def seen(client):
    """The checkpoint as it is served."""
    return Checkpoint.parse(parse_note(client.get("/log/checkpoint").text).text)


def get(client, tile):
    response = client.get(f"/log/{tile.path}")
    return response.content if response.status_code == 200 else None


def test_the_checkpoint_is_signed_twice_and_not_kept(client, registry):
    """Text, fetched anew each time, by both of the keys that the policy names."""
    response = client.get("/log/checkpoint")
    assert response.headers["content-type"] == "text/plain; charset=utf-8"
    assert response.headers["cache-control"] == "no-cache"
    policy = Policy.parse(client.get("/log/policy").text)
    assert [key.algorithm for key in policy.logs] == ["ed25519", ML_DSA_44]
    assert len(open_note(response.text, policy.logs).verified) == 2
    assert policy.check(response.text).origin == registry.origin


def test_every_tile_and_bundle(client, seen):
    """All that the checkpoint's size calls for is there, and leads to its root."""
    assert seen.size > 10
    assert not list(check_tiles(seen, lambda tile: get(client, tile)))
    for tile in tiles.tiles_between(0, seen.size):
        response = client.get(f"/log/{tile.path}")
        assert response.headers["content-type"] == "application/octet-stream"
        assert response.headers["cache-control"] == FOR_EVER


def test_partial_tiles_of_earlier_sizes(client, seen):
    """Those of every size that the log had stay, since some checkpoint had that size."""
    whole = get(client, tiles.Tile(0, 0, seen.size))
    for width in range(1, seen.size):
        assert get(client, tiles.Tile(0, 0, width)) == whole[: 32 * width]


@pytest.mark.parametrize(
    ("path", "rule"),
    [
        ("tile/0/000", "log.beyond"),
        ("tile/0/001.p/1", "log.beyond"),
        ("tile/entries/000.p/255", "log.beyond"),
        ("tile/1/000.p/1", "log.beyond"),
        ("tile/entries/x999/999", "log.beyond"),
        ("tile/63/000", "log.beyond"),
        ("tile/64/000", "tile.path"),
        ("tile/0/0", "tile.path"),
        ("tile/0/000.p/0", "tile.path"),
        ("tile/entries", "tile.path"),
        ("proof/99999999", "log.beyond"),
        ("proof/x", "route.unknown"),
        ("consistency?old=1&size=99999999", "log.beyond"),
    ],
)
def test_what_is_not_there(client, path, rule):
    """Beyond the published size, and paths in another form: 404 in the one shape, and not kept."""
    response = client.get(f"/log/{path}")
    assert response.status_code == 404
    assert shaped(response)["rule"] == rule
    assert response.headers["cache-control"] == "no-store"


def test_consistency(client, registry, seen):
    """From every size to the published one."""
    for old in range(1, seen.size + 1):
        response = client.get(f"/log/consistency?old={old}&size={seen.size}")
        assert response.headers["cache-control"] == FOR_EVER
        proof = [b64decode(one) for one in response.json()["proof"]]
        merkle.verify_consistency(old, registry.log.root(old), seen.size, seen.root, proof)
    assert client.get("/log/consistency?old=0&size=0").json()["proof"] == []
    wrong = client.get(f"/log/consistency?old={seen.size}&size=1")
    assert (wrong.status_code, shaped(wrong)["rule"]) == (400, "log.sizes")
    assert client.get("/log/consistency?old=1").status_code == 400


def test_proofs_of_entries(client, seen):
    """Each entry is proved in the text of C2SP, and no other entry by it."""
    policy = Policy.parse(client.get("/log/policy").text)
    texts = [client.get(f"/log/proof/{index}").text for index in range(seen.size)]
    entries = [TlogProof.parse(text).extra for text in texts]
    for index, text in enumerate(texts):
        assert TlogProof.parse(text).index == index
        assert verify_tlog_proof(text, policy).checkpoint.size == seen.size
    assert len(set(entries)) == seen.size


def test_closed_logs(client, registry):
    """A log that has none before it says so, plainly; and a closed log that is not there is not found."""
    assert client.get("/log/closed").json() == {"logs": []}
    for path in ("closed/1/checkpoint", "closed/1/tile/0/000.p/1"):
        response = client.get(f"/log/{path}")
        assert response.status_code == 404
        assert shaped(response)["rule"] == "log.number"


def test_a_successor_serves_both(tmp_path):
    """The closed log is served beside its successor; proofs are found by the index in the record."""
    initialise(tmp_path / "data", sample.ORIGIN, [sample.authority().vkey])
    with voltrail.open(tmp_path / "data") as registry:
        registry.report(
            sample.report(sample.authority(), sample.registrations(sample.MAKER, "battery_maker"))
        )
    succeed(tmp_path / "data", sample.ORIGIN)
    with (
        voltrail.open(tmp_path / "data") as successor,
        TestClient(create_app(successor)) as client,
    ):
        (closed,) = client.get("/log/closed").json()["logs"]
        assert (closed["number"], closed["origin"], closed["lost"]) == (1, sample.ORIGIN, 0)
        size = closed["size"]
        ended = client.get("/log/closed/1/checkpoint")
        assert ended.text == closed["checkpoint"]
        assert ended.headers["cache-control"] == FOR_EVER
        hashes = client.get(f"/log/closed/1/{tiles.Tile(0, 0, size).path}").content
        assert len(hashes) == 32 * size
        assert client.get("/log/tile/0/000.p/1").status_code == 200
        begun = TlogProof.parse(client.get(f"/log/proof/{size}").text)
        assert begun.extra == successor_entry(closed["checkpoint"])
        of_old = client.get("/log/proof/0").text
        policy = Policy.parse(f"log {closed['key']}\nquorum none\n")
        assert verify_tlog_proof(of_old, policy).checkpoint.origin == sample.ORIGIN

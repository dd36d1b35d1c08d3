"""The registry signs what it publishes twice, receipts once, and reads nothing to the public beyond that."""

import json

import pytest

from tests.registry import sample
from voltrail.errors import NotFound, RegistryError, UsageError
from voltrail.ledger.keys import ML_DSA_44
from voltrail.ledger.notes import Policy, parse_note
from voltrail.ledger.tiles import Tile
from voltrail.registry.settings import Keys


def test_what_is_published_is_signed_twice(registry):
    """Checkpoint and evidence carry both signatures; a receipt and what the database keeps carry one."""
    receipt = registry.report(sample.report(sample.signer(sample.MAKER), sample.first_life(sample.pack(1))))
    given = json.loads(registry.evidence(sample.pack(1)))["checkpoint"]
    assert registry.checkpoint() == given
    assert [key.algorithm for key in Policy.parse(registry.policy).logs] == ["ed25519", ML_DSA_44]
    assert len(parse_note(given).signatures) == 2
    stored = json.loads(receipt)["checkpoint"]
    assert given.startswith(stored)
    assert len(parse_note(stored).signatures) == 1


def test_a_checkpoint_is_signed_once(registry):
    """The second signature is drawn at random each time it is made: it is made once for each checkpoint."""
    assert registry.checkpoint() == registry.checkpoint()


def test_the_second_key_is_kept_as_the_first(registry):
    """For its owner only; when it is lost the registry says which file to put back."""
    path = registry.data / "keys/log-ml-dsa-44.pem"
    assert path.stat().st_mode & 0o777 == 0o600
    path.unlink()
    with pytest.raises(RegistryError, match="copy of the keys folder") as caught:
        Keys(registry.data / "keys", registry.origin)
    assert path.name in caught.value.message


def test_nothing_before_the_first_report(empty):
    """An empty log has no checkpoint, tile or proof to give."""
    for ask in (
        empty.checkpoint,
        lambda: empty.log.tile(Tile(0, 0, 1)),
        lambda: empty.log.entry_proof(0),
        lambda: empty.log.consistency_proof(0, 0),
    ):
        with pytest.raises(NotFound) as caught:
            ask()
        assert caught.value.rule == "log.empty"


def test_nothing_beyond_the_anchor(registry):
    """What is committed and not anchored yet is not read out."""
    registry.report(sample.report(sample.signer(sample.MAKER), sample.first_life(sample.pack(1))[:1]))
    size = registry.counts()["entries"]
    registry.anchor.path.write_text(
        next(note for at, note in _checkpoints(registry) if at == size - 1), encoding="utf-8"
    )
    assert parse_note(registry.checkpoint()).text.split("\n")[1] == str(size - 1)
    for ask in (
        lambda: registry.log.tile(Tile(0, 0, size)),
        lambda: registry.log.entry_proof(size - 1),
        lambda: registry.log.consistency_proof(1, size),
        lambda: registry.log.root(size),
    ):
        with pytest.raises(NotFound) as caught:
            ask()
        assert caught.value.rule == "log.beyond"
    assert registry.log.tile(Tile(0, 0, size - 1))
    with pytest.raises(UsageError):
        registry.log.consistency_proof(5, 4)


def _checkpoints(registry):
    with registry.database.pool.connection() as connection:
        return connection.execute("select upto, note from checkpoint").fetchall()

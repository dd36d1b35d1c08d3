"""The proof of recycled content: it verifies offline, gives the same figures, and bears no changed byte."""

import json
import random

import msgspec
import pytest

from tests.registry import recycled, sample
from voltrail.errors import VerificationError, VoltrailError
from voltrail.ledger.notes import Policy
from voltrail.recycling import proof


@pytest.fixture
def told(registry):
    """A registry in which the story was told, with heads."""
    recycled.tell(registry)
    registry.enter_heads()
    return registry


def checked(registry, data):
    """Return what a file proves to who trusts the log and the authority."""
    return proof.verify_claim(data, Policy.parse(registry.policy), [sample.authority().vkey])


def test_it_verifies_offline_and_gives_the_figures_of_the_passport(told):
    """From evidence of the pack, its model and the four lots upstream alone follow the same shares."""
    proved = checked(told, told.recycled_proof(recycled.NEW[0]))
    assert proved.content.points() == recycled.SHARES
    assert proved.lots == tuple(sorted([recycled.BLACK, recycled.SULPHATE, recycled.MINED, recycled.CATHODE]))
    assert (proved.chains, len(proved.without_models)) == (6, 1)


def test_what_batteries_were_made_of_is_proved_where_it_matters(registry):
    """100 kg of nickel are said to come of two packs with 40 kg each: the cut to 80 kg is proved too."""
    more = json.loads(recycled.RECYCLED)
    more["outputs"][0]["assays"][0]["fraction"] = 0.2
    line, recycled_line = json.dumps(more, separators=(",", ":")).encode(), recycled.RECYCLED
    lives = [one for code in recycled.OLD for one in sample.first_life(code)]
    made = sample.line("manufactured", "2026-06-07T10:00:00+08:00", code=recycled.NEW[0], model_id="S-102")
    spent = sample.line(
        "credit_spent", "2026-06-08T10:00:00+08:00", code=recycled.NEW[0], lot=recycled.BLACK, mass_kg=50
    )
    moved = sample.line("lot_moved", "2026-06-05T10:00:00+08:00", lot=recycled.BLACK, to=recycled.MAKER)
    assert line != recycled_line
    recycled.say(registry, recycled.MAKER, *recycled.model(), *lives)
    recycled.say(registry, recycled.PLANT, line, moved)
    recycled.say(registry, recycled.MAKER, made, spent)
    registry.enter_heads()
    proved = checked(registry, registry.recycled_proof(recycled.NEW[0]))
    # 80 of 500 kg, of which the pack has 50: 8 of 40 kg.
    assert proved.content.points()["recycled_nickel_post_percent"] == 20.0
    assert proved.without_models == ()


def test_a_part_brings_its_proof(registry):
    """What was spent on two cells counts in the pack by the cells' own chains, which are given whole."""
    cells = [sample.cell(1), sample.cell(2)]
    line = json.loads(recycled.SPENT) | {"code": cells[0], "codes": cells[1:], "mass_kg": 30}
    recycled.tell(registry, spent=json.dumps(line, separators=(",", ":")).encode())
    assembled = sample.line("assembled", "2026-06-09T10:00:00+08:00", code=recycled.NEW[0], codes=cells)
    recycled.say(registry, recycled.MAKER, assembled)
    registry.enter_heads()
    assert checked(registry, registry.recycled_proof(recycled.NEW[0])).content.points() == recycled.SHARES


def test_any_changed_byte_is_refused(told):
    """Wherever one of 400 bytes is changed, cut or doubled: never does the file still verify."""
    data, rng = told.recycled_proof(recycled.NEW[0]), random.Random(9)
    for _ in range(400):
        at = rng.randrange(len(data))
        for changed in (
            data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1 :],
            data[:at] + data[at + 1 :],
        ):
            with pytest.raises(VerificationError):
                checked(told, changed)


def rewritten(data, change):
    """Return a file that somebody changed and gave a right digest."""
    claim = json.loads(data)
    change(claim)
    shares = msgspec.convert(claim["shares"], tuple[proof.Share, ...])
    return proof.write(claim["code"], shares, [msgspec.json.encode(one) for one in claim["evidence"]])


def without_signers(evidence):
    """Take out the chains that show whose keys signed, and their reports."""
    evidence["signers"] = []
    needed = {event["report"] for event in evidence["events"]}
    evidence["reports"] = {digest: note for digest, note in evidence["reports"].items() if digest in needed}


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (lambda claim: claim["shares"][1]["recycled"].__setitem__(0, 9_000_000), "recycled.figures"),
        (lambda claim: claim["evidence"].pop(2), "recycled.missing"),
        (lambda claim: claim["evidence"].append(claim["evidence"][2]), "recycled.twice"),
        (lambda claim: claim["evidence"][2].__setitem__("head", None), "recycled.head"),
        (lambda claim: without_signers(claim["evidence"][2]), "recycled.signature"),
        (lambda claim: claim["evidence"][3]["events"].pop(), "evidence."),
        (lambda claim: claim.__setitem__("code", recycled.NEW[1]), "recycled.missing"),
    ],
)
def test_who_changes_it_with_care_is_refused_too(told, change, rule):
    """Better figures, a lot or an event left out, a chain twice, another pack: each is named."""
    with pytest.raises(VoltrailError) as raised:
        checked(told, rewritten(told.recycled_proof(recycled.NEW[0]), change))
    assert raised.value.rule.startswith(rule)


def test_without_heads_or_credits_it_says_what_to_do(registry):
    """A proof that could leave something out is not given, nor one of nothing."""
    recycled.tell(registry)
    with pytest.raises(VoltrailError) as raised:
        registry.recycled_proof(recycled.NEW[0])
    assert "voltrail log heads" in raised.value.fix
    registry.enter_heads()
    with pytest.raises(VoltrailError) as raised:
        registry.recycled_proof(recycled.OLD[0])
    assert raised.value.rule == "recycled.nothing"

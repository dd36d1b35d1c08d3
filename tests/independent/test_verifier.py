"""Two programs that share no code say the same of evidence: what is true, and what was changed in it."""

import ast
import json
import random
import re
import subprocess
import sys
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import voltrail
from tests import dice
from tests.independent import verifier
from tests.ledger import world as small
from tests.reference.conftest import reference  # noqa: F401
from voltrail.demo import World, populate
from voltrail.errors import VoltrailError
from voltrail.events import decode, subjects
from voltrail.ledger import evidence
from voltrail.ledger.keys import Signer, Verifier, encode64
from voltrail.ledger.notes import Policy
from voltrail.organisations.access import Reader
from voltrail.registry.settings import initialise

ORIGIN = "sample.example/log"
SOURCE = Path(verifier.__file__)
MUTATIONS = 2_000


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    """A sample world of 60 packs: all its evidence by code and audience, the policy, the authority's vkey."""
    world, folder = World(60, 6), tmp_path_factory.mktemp("sample") / "data"
    initialise(folder, ORIGIN, [world.authority.vkey])
    with voltrail.open(folder) as registry:
        populate(registry, world)
        registry.enter_heads()
        codes = [battery["code"] for battery in registry.batteries(limit=10_000)]
        files = {(c, a): registry.evidence(c, Reader(a)) for c in codes for a in ("public", "auditor")}
        return files, registry.policy, world.authority.vkey


def both(data, policy, authority):
    """Return what each of the two says: None where it refuses."""
    try:
        words = verifier.verify(data, policy, [authority])
    except (InvalidSignature, ValueError, LookupError, TypeError, RecursionError):
        words = None
    try:
        verified = voltrail.verify(data, read(policy), [authority], lambda line: subjects(decode(line)))
    except VoltrailError:
        verified = None
    return words, verified


read = cache(Policy.parse)


def test_it_stands_alone_and_is_short():
    """It imports the standard library and `cryptography` alone, and can be read in one sitting."""
    source = SOURCE.read_text(encoding="utf-8")
    assert len(source.splitlines()) <= 255
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level
            names.add(node.module.partition(".")[0])
    assert names - set(sys.stdlib_module_names) == {"cryptography"}
    assert "__import__" not in source
    assert "importlib" not in names


def test_all_evidence_of_the_sample_world_passes_both(sample):
    """Every battery's evidence, for the public and for an auditor, holds, and both say the same of it."""
    files, policy, authority = sample
    assert len(files) > 600
    for (code, _), data in files.items():
        words, verified = both(data, policy, authority)
        assert words
        assert verified
        assert verified.complete
        assert f"Proved for battery:{code}," in words[0]
        assert len(words) == len(verified.events) + 2
        assert "and no others up to entry " in words[-1]
        for said, event in zip(words[1:-1], verified.events, strict=True):
            assert said.startswith(f"entry {event.index}, {event.signature.removeprefix('signed; ')}: ")


def test_the_worked_example_passes_both(reference):  # noqa: F811
    """The example of the formats, with its head, passes; with white space around it does not."""
    example = json.loads((reference / "formats/example.json").read_text(encoding="utf-8"))
    policy, authority = f"log {example['vkeys']['log']}\nquorum none\n", example["vkeys"]["authority"]
    data = json.dumps(example["evidence"], ensure_ascii=False, separators=(",", ":")).encode()
    words, verified = both(data, policy, authority)
    assert verified.complete
    assert "these 2 events and no others up to entry 3." in words[-1]
    for changed in (data + b"\n", b" " + data):
        assert both(changed, policy, authority) == (None, None)


# ------------------------------------------------------------------ mutations


def exempt(data):
    """
    Return the places of what proves nothing: the word of each `why`.

    And of how many links there are, in lines not wholly shown: a tree of three
    and one of four lead from the first leaf to the root by the same hashes.
    """
    places = {place for found in re.finditer(rb'"why":"(\w+)"', data) for place in range(*found.span(1))}
    events = [found.start() for found in re.finditer(rb'\{"index":', data)] + [len(data)]
    for start, stop in pairwise(events):
        found = re.compile(rb'"of":(\d+)').search(data, start, stop)
        if b'"withheld"' in data[start:stop] and found and int(found[1]) > 2:
            places |= set(range(*found.span(1)))
    return places


PIECES = [b" ", b"\n", b"0", b"=", b",", b'"', b"\\", b"A", b"null"]
CHANGES = [
    lambda rng, span: bytes([span[0] ^ 1 << rng.randrange(8)]) + span[1:],
    lambda rng, span: rng.randbytes(1) + span[1:],
    lambda rng, span: b"",
    lambda rng, span: span + span,
    lambda rng, span: span[::-1],
    lambda rng, span: re.sub(rb"\d", lambda digit: b"%d" % rng.randrange(10), span),
    lambda rng, span: rng.choice(PIECES) + span,
    lambda rng, span: span.swapcase(),
]


def mutate(rng, data, other):
    """Return the data with one thing in it changed, at a place that is not exempt."""
    free = exempt(data)
    while True:
        if rng.randrange(9):
            at = rng.randrange(len(data))
            span = data[at : at + rng.choice([1, 1, 2, 3, 8, 44])]
            changed = rng.choice(CHANGES)(rng, span)
        else:
            at, span, changed = swapped_value(rng, data, other)
        if changed != span and free.isdisjoint(range(at, at + len(span))):
            return data[:at] + changed + data[at + len(span) :]


def swapped_value(rng, data, other):
    """Return the place of a member's value, the value, and one from the same member of another file."""
    name = rng.choice(
        [b"salt", b"bytes", b"entry", b"t", b"k", b"before", b"report", b"checkpoint", b"index"]
    )
    value = re.compile(rb'"%b":("(?:[^"\\]|\\.)*"|\d+)' % name)
    ours, theirs = rng.choice([*value.finditer(data)]), rng.choice([*value.finditer(other)])
    return ours.start(1), ours.group(1), theirs.group(1)


def test_each_of_2000_mutations_fails_both(sample):
    """Whatever is changed in evidence, however little, neither of the two takes it."""
    files, policy, authority = sample
    seed = dice.seed("independent verifier")
    rng = random.Random(seed)
    chosen = sorted(files.values(), key=len)[:12] + [files[key] for key in rng.sample(sorted(files), 12)]
    for number in range(MUTATIONS):
        changed = mutate(rng, chosen[number % len(chosen)], rng.choice(chosen))
        assert both(changed, policy, authority) == (None, None), (seed, number)


def test_no_line_of_the_log_passes_for_a_stranger(sample):
    """A line of the log's put under another name and id is missed, not passed over as a stranger's."""
    files, policy, authority = sample
    data = next(iter(files.values()))
    whole = json.loads(data)
    text, _, lines = whole["checkpoint"].partition("\n\n")
    for line in lines.splitlines():
        dash, name, signature = line.split(" ")
        other = f"{dash} {name.swapcase()} {'B' if signature[0] == 'A' else 'A'}{signature[1:]}"
        changed = data.replace(line.encode(), other.encode())
        assert changed != data
        assert both(changed, policy, authority) == (None, None), text


# ------------------------------------------------------------------ rules that the sample world keeps


def said_of(log, **options):
    """Return what both say of a small log's evidence, which they must agree to take or refuse."""
    data = evidence.encode(log.evidence(**options))
    words, verified = both(data, f"log {small.LOG_KEY.vkey}\nquorum none\n", small.ROOT_KEY.vkey)
    assert (words is None) == (verified is None)
    return words


def test_keys_are_those_that_counted_then():
    """A key counts from after its addition until its revocation; before and after it does not."""
    log = small.an_ordinary_log()
    log.report(small.MAKER_KEY, small.key_added(small.SPARE_KEY), small.key_revoked(small.MAKER_KEY))
    log.report(small.SPARE_KEY, small.event("measured", code=small.CODE, soh_fraction=0.9))
    assert "key proved by the record" in said_of(log)[1]
    assert "a later revocation not ruled out" in said_of(log)[3]
    log.commit_heads()
    assert "key proved by the record" in said_of(log, head=True)[3]
    assert "key status not proved" in said_of(log, signers=())[1]
    log.report(small.MAKER_KEY, small.event("measured", code=small.CODE, soh_fraction=0.8))
    assert said_of(log) is None


def test_others_do_not_sign_for_an_organisation():
    """Neither another organisation nor, once there is a key, the host signs in its name."""
    for key, for_host, holds in [
        (small.OTHER_KEY, True, False),
        (small.HOST_KEY, False, False),
        (small.HOST_KEY, True, True),
    ]:
        log = small.Log()
        log.report(small.ROOT_KEY, small.registered(small.HOST), small.key_added(small.HOST_KEY))
        log.report(small.ROOT_KEY, small.registered(small.OTHER), small.key_added(small.OTHER_KEY))
        log.report(
            small.ROOT_KEY,
            small.registered(small.MAKER),
            small.key_added(small.MAKER_KEY, host_may_sign=for_host),
        )
        log.report(key, small.manufactured(), organisation=small.MAKER)
        holder = key.verifier.holder
        assert bool(said_of(log, signers=(small.MAKER, holder))) == holds


def test_the_authority_s_key_counts_in_its_range_alone():
    """A key of the authority given for some entries does not speak for others."""
    log = small.an_ordinary_log()
    data, policy = evidence.encode(log.evidence()), f"log {small.LOG_KEY.vkey}\nquorum none\n"
    assert verifier.verify(data, policy, [f"{small.ROOT_KEY.vkey}@0-1"])
    with pytest.raises(ValueError, match="No key of entry 1 counts"):
        verifier.verify(data, policy, [f"{small.ROOT_KEY.vkey}@0-0"])


def witness(number):
    """Return a witness's vkey and a function that gives its signature line over a checkpoint's text."""
    key, name = Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32), f"w{number}.example"
    known = Verifier.of(name, "cosignature/v1", key.public_key().public_bytes_raw())

    def cosign(note):
        body, time = note[: note.index("\n\n") + 1].encode(), 1_770_000_000 + number
        signature = key.sign(b"cosignature/v1\ntime %d\n%b" % (time, body))
        return f"\u2014 {name} {encode64(known.key_id + time.to_bytes(8, 'big') + signature)}\n"

    return known.vkey, cosign


def test_the_quorum_of_witnesses_is_met_or_refused():
    """One cosignature of two is not enough for `all`, is for `any`; a wrong one refuses the whole."""
    given = small.an_ordinary_log().evidence()
    (one, sign_one), (two, sign_two) = witness(11), witness(12)
    policy = f"log {small.LOG_KEY.vkey}\nwitness a {one}\nwitness b {two}\ngroup g {{}} a b\nquorum g\n"
    signed = given.checkpoint + sign_one(given.checkpoint)
    wrong = given.checkpoint + sign_one(given.checkpoint.replace("\n4\n", "\n5\n"))
    for checkpoint, wanted, holds in [
        (given.checkpoint, "any", False),
        (signed, "any", True),
        (signed, "1", True),
        (signed, "all", False),
        (signed + sign_two(given.checkpoint), "all", True),
        (wrong + sign_two(given.checkpoint), "any", False),
    ]:
        data = evidence.encode(evidence.Evidence(**{**fields(given), "checkpoint": checkpoint}))
        found = both(data, policy.format(wanted), small.ROOT_KEY.vkey)
        assert [one is not None for one in found] == [holds, holds]


def fields(given):
    return {name: getattr(given, name) for name in given.__struct_fields__}


def test_p256_keys_are_checked():
    """An organisation's P-256 key is read from the record, and its signature verified."""
    key = Signer.generate(f"{small.MAKER}/line-1", "ecdsa-p256-sha256")
    log = small.Log()
    log.report(small.ROOT_KEY, small.registered(small.MAKER), small.key_added(key))
    log.report(key, small.manufactured())
    assert "key proved" not in str(said_of(log, signers=()))
    log.commit_heads()
    assert "key proved by the record" in said_of(log, head=True)[1]
    log.report(Signer.generate(key.name, "ecdsa-p256-sha256"), small.event("retired", code=small.CODE))
    assert said_of(log) is None


def test_events_after_the_head_and_hidden_ones(sample):
    """Events after the head are taken; a head that is of fewer events than stood then is not."""
    log = small.an_ordinary_log()
    log.commit_heads()
    log.report(small.MAKER_KEY, small.event("retired", code=small.CODE))
    assert "these 3 events and no others up to entry 3." in said_of(log, head=True)[-1]
    given = log.evidence(head=True)
    short = evidence.encode(evidence.Evidence(**{**fields(given), "events": given.events[:1]}))
    assert both(short, f"log {small.LOG_KEY.vkey}\nquorum none\n", small.ROOT_KEY.vkey) == (None, None)


def test_the_command_says_what_was_proved(tmp_path):
    """On the command line it prints the events and exits with 0, or says what is wrong and exits with 1."""
    data = evidence.encode(small.an_ordinary_log().evidence())
    (tmp_path / "policy.txt").write_text(f"log {small.LOG_KEY.vkey}\nquorum none\n")
    for name, content, code in (("e.json", data, 0), ("changed.json", data.replace(b'"k":1', b'"k":2'), 1)):
        (tmp_path / name).write_bytes(content)
        command = [sys.executable, SOURCE, name, "policy.txt", small.ROOT_KEY.vkey]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == code
        assert ("The registry has bound itself to these 2 events" in done.stdout) == (not code)
        assert done.stderr.startswith("Not proved. ") == bool(code)

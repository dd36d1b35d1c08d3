"""Evidence holds exactly when every part of it does; the first check that fails is named."""

import json
import random

import msgspec
import pytest

from tests.ledger import world
from tests.ledger.world import CODE, MAKER, MAKER_KEY, POLICY, ROOT_KEY
from voltrail.errors import EventError, VerificationError
from voltrail.ledger import evidence, trust
from voltrail.ledger.keys import Signer, Verifier, encode64
from voltrail.ledger.notes import Checkpoint, Policy
from voltrail.ledger.verify import NO_HEAD_WORDS, NOT_YET_WITNESSED, SUBJECT_NOT_SHOWN, WITNESSED, verify

AUTHORITIES = [ROOT_KEY.vkey]
replace = msgspec.structs.replace


def check(given, policy=POLICY, authorities=AUTHORITIES, **more):
    return verify(evidence.encode(given), policy, authorities, **more)


def refused(given, rule, **more):
    with pytest.raises(VerificationError) as caught:
        check(given, **more)
    assert caught.value.rule == f"evidence.{rule}"
    return caught.value.message


def with_event(given, place=0, **changes):
    events = list(given.events)
    events[place] = replace(events[place], **changes)
    return replace(given, events=events)


def with_link(given, place=0, **changes):
    return with_event(given, place, link=replace(given.events[place].link, **changes))


def signatures(verified):
    return [event.signature for event in verified.events]


def test_a_history_is_proved():
    """Evidence without a head proves its events, and says that there may be more."""
    verified = check(world.an_ordinary_log().evidence())
    assert [event.k for event in verified.events] == [1, 2]
    assert verified.events[0].line == world.line_of(world.manufactured(model_id="S-102"))
    assert {event.reporter for event in verified.events} == {MAKER}
    assert (verified.head, verified.complete, verified.witnessed) == (NO_HEAD_WORDS, False, NOT_YET_WITNESSED)
    assert len(verified.steps) == 6


def test_a_withheld_member_still_verifies():
    """A member may be withheld, and the reason changed, without harm to the rest."""
    given = world.an_ordinary_log().evidence(withhold=("to", "model_id"))
    verified = check(given)
    assert [event.withheld for event in verified.events] == [("access",), ("access",)]
    assert verified.events[0].line is None
    erased = evidence.encode(given).replace(b'"why":"access"', b'"why":"erased"')
    assert verify(erased, POLICY, AUTHORITIES).events[0].withheld == ("erased",)


def test_subjects_given_by_a_caller_are_held_against_the_link():
    """A caller's own reading of a whole line must give the link's subject at its place, of as many."""
    given = world.an_ordinary_log().evidence()
    check(given, subjects=lambda line: world.subjects_of(json.loads(line)))
    refused(given, "link", subjects=lambda line: ["battery:other"])
    refused(given, "link", subjects=lambda line: [f"battery:{CODE}", "battery:other"])


def unreadable(line):
    raise EventError("event.kind", "This kind is not known.")


def test_a_line_its_reader_refuses_is_refused():
    """A line that the caller cannot read as an event is refused as evidence, in the reader's words."""
    assert "not known" in refused(world.an_ordinary_log().evidence(), "link", subjects=unreadable)


def test_members_of_another_type_do_no_harm():
    """A kind or an organisation that is no string is a matter of events, and breaks nothing here."""
    log = world.an_ordinary_log()
    log.report(MAKER_KEY, {"kind": ["key_added"], "code": CODE, "corrects": [1]})
    assert len(check(log.evidence()).events) == 3


def test_an_unknown_log_is_refused():
    """A checkpoint of a log that the policy does not name proves nothing."""
    other = Signer.from_seed("other.example/log", b"\x09" * 32)
    policy = Policy.parse(f"log {other.vkey}\nquorum none\n")
    refused(world.an_ordinary_log().evidence(), "checkpoint", policy=policy)


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"index": 3}, "inclusion"),
        ({"index": 99}, "inclusion"),
        ({"proof": []}, "inclusion"),
        ({"entry": b"\x01" + bytes(72)}, "inclusion"),
        ({"members": []}, "commitment"),
        ({"position": 1}, "report"),
        ({"report": "00"}, "report"),
        ({"report_proof": []}, "report"),
    ],
)
def test_a_changed_event_is_named_by_its_check(changes, rule):
    """Each part of an event's proof is checked, and the first that fails is named."""
    refused(with_event(world.an_ordinary_log().evidence(), **changes), rule)


@pytest.mark.parametrize(
    "changes",
    [
        {"t": bytes(16)},
        {"k": 2},
        {"before": b"\x01" * 32},
        {"at": 1},
        {"of": 2},
        {"proof": [bytes(32)]},
    ],
)
def test_a_changed_link_is_refused(changes):
    """Each part of a link is checked."""
    refused(with_link(world.an_ordinary_log().evidence(), **changes), "link")


def test_a_hole_in_a_chain_is_refused():
    """Events left out at the start or in the middle are noticed."""
    given = world.an_ordinary_log().evidence()
    refused(replace(given, events=given.events[1:]), "link")
    refused(replace(given, events=given.events[:1] * 2), "link")
    refused(replace(given, events=[]), "inclusion")


def test_another_subject_is_refused():
    """A battery's events prove nothing about another battery."""
    refused(replace(world.an_ordinary_log().evidence(), subject=f"battery:{world.SECOND}"), "link")


def test_links_among_several_subjects():
    """Each subject of an event has its own link, and the number of subjects is held against the members."""
    log = world.an_ordinary_log()
    codes = [f"9ZZPB240000003G4C02219{number}" for number in range(60, 64)]
    log.report(MAKER_KEY, world.event("installed", code=CODE, codes=codes, vin="LZZ00000000000001"))
    for subject in (f"battery:{CODE}", f"battery:{codes[2]}", "vehicle:LZZ00000000000001"):
        given = log.evidence(subject)
        last = len(given.events) - 1
        check(given)
        for of in (5, 7, 8):
            refused(with_link(given, last, of=of), "link")


def test_a_log_that_links_the_wrong_battery_is_refused():
    """An event in a chain whose code it does not name shows that the log lied."""
    log = world.an_ordinary_log()
    log.subjects_of = lambda fields: [f"battery:{CODE}"]
    log.report(MAKER_KEY, world.event("retired", code=world.SECOND))
    refused(log.evidence(), "link")


def test_heads_prove_completeness():
    """With a head, the evidence says in the words of the formats that these events are all of them."""
    log = world.an_ordinary_log()
    log.commit_heads()
    verified = check(log.evidence(head=True))
    assert verified.complete
    assert verified.head == (
        "The registry has bound itself to these 2 events and no others up to entry 3; "
        "anyone holding a receipt for another can prove it wrong."
    )
    assert signatures(verified) == [trust.PROVED] * 2


def test_events_after_the_head():
    """Events later than the head are marked so, and the history is not called complete."""
    log = world.an_ordinary_log()
    log.commit_heads()
    log.report(MAKER_KEY, world.event("retired", code=CODE))
    verified = check(log.evidence(head=True))
    assert [event.after_head for event in verified.events] == [False, False, True]
    assert not verified.complete


@pytest.mark.parametrize(
    "changes",
    [
        {"events": 1},
        {"events": 0},
        {"events": 3},
        {"salt": bytes(16)},
        {"position": 5},
        {"heads": 3},
        {"heads": 1},
        {"proof": []},
        {"entry": b"\x02" + bytes(48)},
        {"entry": bytes(49)},
        {"index": 3},
        {"entry_proof": []},
    ],
)
def test_a_changed_head_is_refused(changes):
    """Each part of a head is checked."""
    log = world.an_ordinary_log()
    log.commit_heads()
    given = log.evidence(head=True)
    refused(replace(given, head=replace(given.head, **changes)), "head")


def test_a_head_hiding_an_event_is_refused():
    """A log that had more events of a battery than its heads say is found out."""
    log = world.an_ordinary_log()
    first = dict(log.heads)
    log.report(MAKER_KEY, world.event("retired", code=CODE))
    log.heads = first
    log.commit_heads()
    refused(log.evidence(head=True), "head")


def test_without_chains_a_key_is_not_proved():
    """Without the signer's chain the evidence says so, and a reader may judge."""
    verified = check(world.an_ordinary_log().evidence(signers=()))
    assert signatures(verified) == [trust.NOT_PROVED] * 2


def test_a_key_is_proved_up_to_the_last_event_of_its_chain():
    """A later revocation is ruled out only by a head, or by a later event of the same chain."""
    log = world.an_ordinary_log()
    assert signatures(check(log.evidence())) == [trust.NOT_RULED_OUT] * 2
    log.report(ROOT_KEY, world.key_added(world.SPARE_KEY))
    assert signatures(check(log.evidence())) == [trust.PROVED] * 2


def test_a_revoked_key_is_refused():
    """A report signed by a key after its revocation does not count; those before it do."""
    log = world.an_ordinary_log()
    log.report(ROOT_KEY, world.key_revoked(MAKER_KEY))
    assert signatures(check(log.evidence())) == [trust.PROVED] * 2
    log.report(MAKER_KEY, world.event("retired", code=CODE))
    assert "revoked at index 4" in refused(log.evidence(), "key_revoked")


def test_a_key_counts_only_after_it_was_added():
    """A report signed by a key that the record learned of later does not count."""
    log = world.Log()
    log.report(ROOT_KEY, world.registered(MAKER))
    log.report(MAKER_KEY, world.manufactured())
    log.report(ROOT_KEY, world.key_added(MAKER_KEY))
    refused(log.evidence(), "signature")


def test_a_wrong_signature_is_refused():
    """A report whose signature was made by another key of the same name does not count."""
    log = world.Log()
    log.report(ROOT_KEY, world.registered(MAKER), world.key_added(MAKER_KEY))
    log.report(Signer.from_seed(MAKER_KEY.name, b"\x33" * 32), world.manufactured())
    refused(log.evidence(), "signature")


def test_an_organisation_adds_its_own_next_key():
    """A key added by the organisation's own key counts as that one does."""
    log = world.an_ordinary_log()
    log.report(MAKER_KEY, world.key_added(world.SPARE_KEY))
    log.report(world.SPARE_KEY, world.event("retired", code=CODE))
    log.commit_heads()
    assert signatures(check(log.evidence(head=True))) == [trust.PROVED] * 3


def test_a_stranger_cannot_add_keys():
    """A key that another organisation added, which is no authority, does not count."""
    log = world.Log()
    log.report(ROOT_KEY, world.registered(world.OTHER), world.key_added(world.OTHER_KEY))
    log.report(world.OTHER_KEY, world.key_added(MAKER_KEY))
    log.report(MAKER_KEY, world.manufactured())
    refused(log.evidence(signers=(MAKER, world.OTHER)), "signature")
    assert signatures(check(log.evidence())) == [trust.NOT_PROVED]


def test_an_authority_by_role_may_add_keys():
    """An organisation that was granted the role of authority may register others, until it is revoked."""
    log = world.Log()
    granted = world.event("role_granted", organisation=world.OTHER, role="authority")
    log.report(ROOT_KEY, world.registered(world.OTHER), world.key_added(world.OTHER_KEY), granted)
    log.report(world.OTHER_KEY, world.registered(MAKER), world.key_added(MAKER_KEY))
    log.report(MAKER_KEY, world.manufactured())
    log.commit_heads()
    given = log.evidence(signers=(MAKER, world.OTHER), head=True)
    assert signatures(check(given)) == [trust.PROVED]
    log.report(ROOT_KEY, {**granted, "kind": "role_revoked"})
    log.report(world.OTHER_KEY, world.key_added(world.SPARE_KEY))
    refused(log.evidence(signers=(MAKER, world.OTHER)), "signature")


def test_a_correction_changes_no_key():
    """Whoever signs it, a correction brings in no other key and brings back none that was revoked."""
    log = world.an_ordinary_log()
    other = {**world.key_added(world.SPARE_KEY), "key_id": "line-1"}
    line = world.line_of(other).decode()
    log.report(ROOT_KEY, world.event("corrected", organisation=MAKER, corrects=1, line=line))
    log.report(ROOT_KEY, world.event("corrected", organisation=MAKER, corrects=1, void=True))
    log.report(MAKER_KEY, world.event("retired", code=CODE))
    assert signatures(check(log.evidence()))[-1] == trust.NOT_RULED_OUT
    revoked = len(log.entries)
    log.report(ROOT_KEY, world.event("key_revoked", organisation=MAKER, key_id="line-1"))
    log.report(ROOT_KEY, world.event("corrected", organisation=MAKER, corrects=revoked, void=True))
    log.report(MAKER_KEY, world.event("retired", code=CODE))
    refused(log.evidence(), "key_revoked")


def test_a_withheld_key_event_leaves_doubt():
    """A chain with an event whose kind is withheld cannot rule out a revocation; a hidden key fails."""
    log = world.an_ordinary_log()
    log.report(ROOT_KEY, world.event("role_granted", organisation=MAKER, role="battery_maker"))
    log.report(MAKER_KEY, world.event("retired", code=CODE))
    log.commit_heads()
    given = log.evidence(head=True)
    signer = given.signers[0]
    hidden = log.events(signer.subject, withhold=("kind", "role"))
    doubtful = replace(given, signers=[replace(signer, events=[*signer.events[:2], hidden[2]])])
    assert signatures(check(doubtful)) == [trust.PROVED, trust.PROVED, trust.NOT_RULED_OUT]
    keyless = log.events(signer.subject, withhold=("public_key",))
    refused(replace(given, signers=[replace(signer, events=keyless)]), "signature")


def test_authorities_stand_for_a_range_of_indices():
    """An authority's key counts only for the indices it was given with."""
    given = world.an_ordinary_log().evidence()
    check(given, authorities=[(ROOT_KEY.vkey, 0, 1)])
    check(given, authorities=[(ROOT_KEY.vkey, None, None)])
    refused(given, "signature", authorities=[(ROOT_KEY.vkey, 1, None)])
    refused(given, "signature", authorities=[(ROOT_KEY.vkey, None, 0)])
    assert signatures(check(given, authorities=[])) == [trust.NOT_PROVED] * 2


def hosted(**fields):
    log = world.Log()
    log.report(ROOT_KEY, world.registered(world.HOST), world.key_added(world.HOST_KEY))
    if fields:
        log.report(ROOT_KEY, world.registered(MAKER), world.key_added(MAKER_KEY, **fields))
    else:
        log.report(ROOT_KEY, world.registered(MAKER))
    log.report(world.HOST_KEY, world.manufactured(), organisation=MAKER)
    log.commit_heads()
    return log


def test_the_host_signs_for_those_without_keys():
    """The host may sign for an organisation that has no key, and the evidence says who signed."""
    verified = check(hosted().evidence(signers=(MAKER, world.HOST), head=True))
    (event,) = verified.events
    assert (event.reporter, event.key) == (MAKER, world.HOST_KEY.name)
    assert event.signature == trust.PROVED
    shown = check(hosted().evidence(signers=(world.HOST,), head=True))
    assert signatures(shown) == [trust.NOT_PROVED]


def test_the_host_signs_for_those_with_keys_only_when_allowed():
    """Once an organisation has a key, the host's signature in its name needs that key's permission."""
    check(hosted(host_may_sign=True).evidence(signers=(MAKER, world.HOST)))
    refused(hosted(host_may_sign=False).evidence(signers=(MAKER, world.HOST)), "signature")


@pytest.mark.parametrize("first", [True, False])
def test_one_live_key_that_lets_the_host_sign_is_enough(first):
    """Of several keys one permission is enough, whichever has it; once that key is revoked there is none."""
    log = world.Log()
    log.report(ROOT_KEY, world.registered(world.HOST), world.key_added(world.HOST_KEY))
    may = MAKER_KEY if first else world.SPARE_KEY
    added = [world.key_added(key, host_may_sign=key is may) for key in (MAKER_KEY, world.SPARE_KEY)]
    log.report(ROOT_KEY, world.registered(MAKER), *added)
    log.report(world.HOST_KEY, world.manufactured(), organisation=MAKER)
    check(log.evidence(signers=(MAKER, world.HOST)))
    log.report(ROOT_KEY, world.key_revoked(may))
    log.report(world.HOST_KEY, world.event("retired", code=CODE), organisation=MAKER)
    refused(log.evidence(signers=(MAKER, world.HOST)), "signature")


@pytest.mark.parametrize("withhold", [("code",), ("code", "to", "model_id")])
def test_a_line_that_hides_its_subject_is_told_apart(withhold):
    """Where the member that names the subject is withheld, there is only the registry's link: it is said."""
    log = world.an_ordinary_log()
    log.commit_heads()
    shown, hidden = (check(log.evidence(head=True, withhold=names)) for names in ((), withhold))
    assert shown.complete
    assert not hidden.complete
    assert not any(text.endswith(SUBJECT_NOT_SHOWN) for text in signatures(shown))
    assert all(text.endswith(SUBJECT_NOT_SHOWN) for text in signatures(hidden))


def test_the_host_never_signs_about_trust():
    """A key event that the host signed does not count."""
    log = hosted()
    log.report(world.HOST_KEY, world.key_added(MAKER_KEY), organisation=MAKER)
    refused(log.evidence(signers=(MAKER, world.HOST)), "signature")


def test_none_but_the_host_signs_for_another():
    """A report in one organisation's name, signed by another's key, does not count."""
    log = world.an_ordinary_log()
    log.report(ROOT_KEY, world.registered(world.OTHER), world.key_added(world.OTHER_KEY))
    log.report(world.OTHER_KEY, world.event("retired", code=CODE), organisation=MAKER)
    refused(log.evidence(signers=(MAKER, world.OTHER)), "signature")


def test_what_nothing_refers_to_is_refused():
    """A report, signer or chain that the evidence does not need has no place in it."""
    log = world.an_ordinary_log()
    log.report(ROOT_KEY, world.registered(world.OTHER), world.key_added(world.OTHER_KEY))
    given = log.evidence()
    more = log.evidence(signers=(MAKER, world.OTHER))
    refused(replace(given, reports=more.reports), "report")
    refused(more, "signers")
    refused(replace(given, signers=given.signers * 2), "signers")


def test_time_running_backwards_is_refused():
    """A log whose own time decreases from one entry to a later one is refused."""
    log = world.an_ordinary_log()
    log.received_ms -= 1
    log.report(MAKER_KEY, world.event("retired", code=CODE))
    refused(log.evidence(), "inclusion")


def test_a_report_made_out_to_another_log_is_refused():
    """A report is signed for one log, and cannot be shown in another's evidence."""
    given = world.an_ordinary_log().evidence()
    (digest, note) = next(iter(given.reports.items()))
    other = {**given.reports, digest: note.replace(world.ORIGIN, "other.example/log")}
    refused(replace(given, reports=other), "report")


def witnessed(given, witness, time=1_775_000_000):
    """Return the evidence with a cosignature, as a witness would add it (C2SP tlog-cosignature)."""
    text = given.checkpoint[: given.checkpoint.index("\n\n") + 1]
    signature = witness.sign_bytes(b"cosignature/v1\ntime %d\n%b" % (time, text.encode()))
    verifier = Verifier.of(witness.name, "cosignature/v1", witness.verifier.public_key)
    line = f"\u2014 {verifier.name} {encode64(verifier.key_id + time.to_bytes(8, 'big') + signature)}\n"
    return replace(given, checkpoint=given.checkpoint + line), verifier


def test_a_witnessed_checkpoint():
    """A quorum that is met is named; one that is not refuses the evidence as not yet witnessed."""
    given, verifier = witnessed(
        world.an_ordinary_log().evidence(), Signer.from_seed("w.example", b"\x07" * 32)
    )
    policy = Policy.parse(f"log {world.LOG_KEY.vkey}\nwitness w {verifier.vkey}\nquorum w\n")
    verified = check(given, policy=policy)
    assert (verified.witnessed, verified.witnesses) == (WITNESSED, ("w",))
    assert check(given).witnessed == NOT_YET_WITNESSED
    assert "Not yet witnessed" in refused(world.an_ordinary_log().evidence(), "quorum", policy=policy)


def test_a_witness_line_cannot_be_changed_into_an_unknown_one():
    """A cosignature that has a witness's name or key id, but not both, is refused as changed."""
    given, verifier = witnessed(
        world.an_ordinary_log().evidence(), Signer.from_seed("w.example", b"\x07" * 32)
    )
    policy = Policy.parse(f"log {world.LOG_KEY.vkey}\nwitness w {verifier.vkey}\nquorum none\n")
    check(given, policy=policy)
    renamed = given.checkpoint.replace("\u2014 w.example", "\u2014 x.example")
    refused(replace(given, checkpoint=renamed), "checkpoint", policy=policy)


def test_every_byte_counts():
    """Any byte changed, but in a reason for withholding, is noticed: with several subjects and heads, too."""
    log = world.an_ordinary_log()
    codes = [f"9ZZPB240000003G4C02219{number}" for number in range(60, 64)]
    log.report(MAKER_KEY, world.event("assembled", code=CODE, codes=codes))
    log.commit_heads()
    data = evidence.encode(log.evidence(head=True, withhold=("to",)))
    check_mutations(data, 400, random.Random(2), POLICY, AUTHORITIES)


def check_mutations(data, count, rng, policy, authorities):
    """Raise unless each of many changes of one byte is refused, wherever `why` is not touched."""
    for _ in range(count):
        place, value = rng.randrange(len(data)), rng.randrange(256)
        if data[place] == value or b'"why":' in data[max(0, place - 14) : place + 6]:
            continue
        with pytest.raises(VerificationError):
            verify(data[:place] + bytes([value]) + data[place + 1 :], policy, authorities)


def test_form_is_strict():
    """Members that are unknown, missing, doubled, half of each kind, or spelt otherwise are refused."""
    data = evidence.encode(world.an_ordinary_log().evidence(withhold=("to",)))
    verify(data, POLICY, AUTHORITIES)
    for changed in (
        data + b"\n",
        data.replace(b'"head":null,', b""),
        data.replace(b'"format":"voltrail-evidence/1",', b""),
        data.replace(b'"head":null,', b'"head":null,"more":1,'),
        data.replace(b'"head":null,', b'"head":null,"head":null,'),
        data.replace(b'"why":"access"', b'"why":"mood"'),
        data.replace(b',"why":"access"', b""),
        data.replace(b'"k":1', b'"k":1.0'),
        data.replace(b'"k":1', b'"k": 1'),
        data.replace(b'"subject"', b'"s\\u0075bject"'),
        b"\xff" + data,
        b"[" * 100_000,
    ):
        assert changed != data
        with pytest.raises(VerificationError) as caught:
            verify(changed, POLICY, AUTHORITIES)
        assert caught.value.rule == "evidence.form"


@pytest.mark.parametrize("indent", [None, 1, 2, 4])
def test_a_whole_printed_file_still_reads(indent):
    """Evidence that a program has printed again, the order of its members aside, is still evidence."""
    plain = dict(reversed(json.loads(evidence.encode(world.an_ordinary_log().evidence())).items()))
    data = json.dumps(plain, ensure_ascii=False, indent=indent).encode()
    assert verify(data, POLICY, AUTHORITIES)
    assert verify(data + b"\n", POLICY, AUTHORITIES)
    for changed in (b" " + data, data.replace(b":", b": ", 1), data + b"\n\n"):
        with pytest.raises(VerificationError) as caught:
            verify(changed, POLICY, AUTHORITIES)
        assert caught.value.rule == "evidence.form"


def test_checkpoint_extensions_do_not_hide():
    """A checkpoint with extension lines is still read by its first three."""
    log = world.an_ordinary_log()
    given = log.evidence()
    stated = Checkpoint.parse(given.checkpoint[: given.checkpoint.index("\n\n") + 1])
    signed = world.LOG_KEY.sign(replace(stated, extensions=("more",)).text)
    assert check(replace(given, checkpoint=signed)).checkpoint.extensions == ("more",)

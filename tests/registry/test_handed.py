"""One host ends, another takes over: two registries, two databases, and every proof verified."""

import json
import shutil
from pathlib import Path

import msgspec
import pytest

import voltrail
from tests.registry import sample
from voltrail.errors import UsageError, VerificationError
from voltrail.events import decode, subjects
from voltrail.ledger.notes import Policy
from voltrail.ledger.verify import verify
from voltrail.organisations.access import PUBLIC, Reader, Sight
from voltrail.registry.handed import ELSEWHERE, MANIFEST, export, take
from voltrail.registry.settings import initialise

MAKER, RECYCLER = sample.MAKER, sample.RECYCLER
NEW = "new-host.example/log"
CODE, SECOND = sample.pack(1), sample.pack(2)
PDF = b"%PDF-1.7 how to take it apart"


def at(day, kind, month=5, **members):
    return sample.line(kind, f"2026-{month:02}-{day:02}T10:00:00+08:00", **members)


def report(registry, organisation, *lines, origin=sample.ORIGIN, key=None):
    key = key or sample.signer(organisation)
    receipt = json.loads(registry.report(sample.report(key, list(lines), origin=origin)))
    assert not receipt["refused"], receipt["refused"]
    while registry.follow():
        pass
    return receipt


@pytest.fixture
def other(tmp_path, postgres):
    """Another host's registry, with its own log, database and authority."""
    initialise(tmp_path / "other", NEW, [sample.signer(sample.AUTHORITY, "other-root").vkey])
    with voltrail.open(tmp_path / "other", postgres()) as registry:
        yield registry


@pytest.fixture
def folder(registry, tmp_path):
    """What the first host hands over: two packs with passports, one of them with a correction."""
    digest = registry.documents.keep(PDF)
    model = {"kind": "model_registered", "model_id": "S-102", "chemistry": "LFP", "energy_kwh": 60.0}
    since = "2026-01-01T00:00:00+08:00"
    lines = [sample.line(occurred_at=since, **model)]
    lines.append(
        sample.line(
            "document_added", since, model_id="S-102", purpose="safety", title="Safety", digest=digest
        )
    )
    for code in (CODE, SECOND):
        lines += [sample.first_life(code)[0], at(2, "passport_issued", code=code, number=1)]
    lines.append(at(3, "measured", code=CODE, capacity_ah=150))
    measured = report(registry, MAKER, *lines)["first_index"] + len(lines) - 1
    right = at(3, "measured", code=CODE, capacity_ah=155)
    report(registry, MAKER, at(4, "corrected", code=CODE, corrects=measured, line=right.decode()))
    registry.enter_heads()
    made = tmp_path / "handover"
    export(registry, made, MAKER)
    return made


def policy_of(registry):
    return Policy.parse(registry.policy)


def taken(other, registry, folder):
    return take(other, folder, policy_of(registry), [sample.authority().vkey])


def test_a_passport_stays_when_its_host_ends(registry, other, folder):
    """Every point as it was, under the id that it had, with the documents; though the first host is gone."""
    before = registry.passport(CODE, Reader("auditor"))
    did = taken(other, registry, folder)
    assert (did.batteries, did.documents, did.incomplete) == (2, 1, 0)
    registry.close()
    after = other.passport(CODE, Reader("auditor"))
    assert after.whole.plain == before.whole.plain
    assert after.whole.plain["passport_id"] == f"https://sample.example/b/{CODE}/passport/1"
    assert after.whole.plain["capacity_ah"] == 155
    assert after.edition == before.edition
    assert {index for one in after.values.values() for index in one.entries} == set()
    assert list(other.passport(CODE).values) == [
        name for name in after.values if name in other.passport(CODE).values
    ]


def test_what_happens_next_goes_on_in_the_new_log(registry, other, folder):
    """Linked by the head of the chain there; the passport has what was before and what came after."""
    lines = taken(other, registry, folder).lines
    head = json.loads(registry.evidence(CODE))["events"][-1]["link"]["k"]
    said = {decode(line).code: decode(line) for line in lines}
    assert (said[CODE].log, said[CODE].events, said[CODE].number) == (sample.ORIGIN, head, 1)
    assert said[CODE].operator == MAKER
    authority = sample.signer(sample.AUTHORITY, "other-root")
    known = [one for name, role in sample.ROLES.items() for one in sample.registrations(name, role)]
    report(other, MAKER, *known, *lines, origin=NEW, key=authority)
    now = at(1, "measured", month=6, code=CODE, capacity_ah=140)
    now = now.replace(b"2026-06-01T10:00:00", decode(lines[0]).occurred_at.isoformat()[:19].encode())
    index = report(other, MAKER, now, origin=NEW)["first_index"]
    points = other.passport(CODE, Reader("auditor")).values
    assert (points["capacity_ah"].value, points["capacity_ah"].entries) == (140, (index,))
    assert points["mass_kg"].value == 612.5
    assert points["passport_id"].value == f"https://sample.example/b/{CODE}/passport/1"
    assert taken(other, registry, folder).lines == []
    report(
        other, RECYCLER, now.replace(b"measured", b"recycled").replace(b',"capacity_ah":140', b""), origin=NEW
    )
    assert other.passport(CODE).edition.status == "archived"
    native = json.loads(other.evidence(CODE))["events"]
    assert len(native) == 3


def test_the_proofs_come_back_as_they_were_taken(registry, other, folder):
    """Whole for an auditor; for the public with members withheld, and it still verifies."""
    taken(other, registry, folder)
    kept = other.handed.of(CODE)
    name = f"evidence/battery/{CODE}.json"
    assert other.handed.evidence(kept, Sight(Reader("auditor"))) == (folder / name).read_bytes()
    public = other.handed.evidence(kept, Sight(PUBLIC))
    proved = verify(
        public, policy_of(registry), [sample.authority().vkey], lambda line: subjects(decode(line))
    )
    assert (proved.subject, len(proved.events)) == (f"battery:{CODE}", kept.events)
    assert b"capacity_ah" not in public
    assert all(0 <= one.index < ELSEWHERE for one in other.handed.events(CODE))


def _change(folder, name, change):
    """Change a file, and the list of files with it, as a forger would."""
    from hashlib import sha256

    path = folder / name
    path.write_bytes(change(path.read_bytes()))
    manifest = json.loads((folder / MANIFEST).read_bytes())
    manifest["files"][name] = sha256(path.read_bytes()).hexdigest()
    (folder / MANIFEST).write_text(json.dumps(manifest))


def _left_out(content):
    evidence = json.loads(content)
    del evidence["events"][1]
    return msgspec.json.encode(evidence)


def _of_another(content):
    return content.replace(f'"battery:{CODE}"'.encode(), f'"battery:{SECOND}"'.encode(), 1)


def _proof_bent(content):
    evidence = json.loads(content)
    proof = evidence["events"][0]["proof"]
    proof[0] = "A" * 43 + "="
    return msgspec.json.encode(evidence)


@pytest.mark.parametrize("change", [_left_out, _of_another, _proof_bent])
def test_a_tampered_file_is_refused_by_name_and_check(registry, other, folder, change):
    """An event left out, another subject, a bent proof: the file is named, and nothing of it is served."""
    name = f"evidence/battery/{CODE}.json"
    _change(folder, name, change)
    with pytest.raises(VerificationError) as refused:
        taken(other, registry, folder)
    assert name in refused.value.message
    assert len(refused.value.message) > len(name) + 10
    assert other.handed.of(CODE) is None


def test_files_that_are_not_listed_or_swapped_are_refused(registry, other, folder):
    """A file changed alone, one gone, and a path that leads out of the folder."""
    name = f"evidence/battery/{CODE}.json"
    whole = (folder / name).read_bytes()
    (folder / name).write_bytes(whole + b" ")
    with pytest.raises(VerificationError, match="SHA-256"):
        taken(other, registry, folder)
    (folder / name).unlink()
    with pytest.raises(VerificationError, match="cannot be read"):
        taken(other, registry, folder)
    manifest = json.loads((folder / MANIFEST).read_bytes())
    manifest["files"] = {"../secret": "0" * 64}
    (folder / MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(VerificationError, match="outside"):
        taken(other, registry, folder)


def test_a_log_that_nobody_here_believes_is_refused(registry, other, folder):
    """The policy comes by another way: what lies in the folder does not vouch for itself."""
    with pytest.raises(VerificationError):
        take(other, folder, policy_of(other), [sample.authority().vkey])
    with pytest.raises(UsageError):
        taken(registry, registry, folder)


def test_both_ways_may_be_broken_off_and_taken_up_again(registry, other, folder, tmp_path):
    """What is there is not written or verified twice; what is new is added."""
    broken = tmp_path / "broken"
    shutil.copytree(folder, broken)
    (broken / MANIFEST).unlink()
    (broken / f"evidence/battery/{SECOND}.json").unlink()
    stood = {path: path.stat().st_mtime_ns for path in broken.rglob("*.json")}
    export(registry, broken, MAKER)
    assert {path: path.stat().st_mtime_ns for path in stood} == stood
    assert Path(broken / f"evidence/battery/{SECOND}.json").exists()
    first = taken(other, registry, broken)
    again = taken(other, registry, broken)
    assert (first.batteries, again.batteries) == (2, 2)
    assert len(again.lines) == 2


def test_only_batteries_of_the_operator_are_handed_over(registry, folder, tmp_path):
    """Another organisation has none; all are more."""
    with pytest.raises(UsageError):
        export(registry, tmp_path / "none", RECYCLER)
    report(registry, MAKER, sample.first_life(sample.pack(3))[0])
    registry.enter_heads()
    whole = export(registry, tmp_path / "all", None)
    mine = json.loads((folder / MANIFEST).read_bytes())["files"]
    assert set(whole.files) - set(mine) == {f"evidence/battery/{sample.pack(3)}.json"}

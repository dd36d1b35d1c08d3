"""Check an evidence file, by formats.md alone: `python verifier.py e.json policy.txt VKEY[@FIRST-LAST] ...`.
The policy says which log and witnesses you believe. A VKEY is the authority's, with @ for those entries only.
"""

import json
import re
import sys
from base64 import b64decode, b64encode
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace as Record

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa

# HOW IT IS WRITTEN: JSON in one form. A number here stands for base64 of that many bytes, `bytes` for any.
N, P, MEMBER = int, [32], ({"withheld": 32, "why": str}, {"salt": 16, "bytes": bytes})
EVENT = {"index": N, "entry": 73, "proof": P, "members": [MEMBER], "report": str, "position": N}
EVENT |= {"report_proof": P, "link": {"t": 16, "k": N, "before": 32, "at": N, "of": N, "proof": P}}
HEAD = {"events": N, "salt": 16, "position": N, "heads": N, "proof": P}
HEAD |= {"entry": 49, "index": N, "entry_proof": P}
CHAIN = {"subject": str, "events": [EVENT], "head": (None, HEAD)}
EVIDENCE = {"format": str, "subject": str, "checkpoint": str, "reports": dict, **CHAIN, "signers": [CHAIN]}
CLOSED = {"closed": [{"checkpoint": str, "entry_proof": P}]}  # only where the log follows on others


def need(holds, otherwise):
    if not holds:
        raise ValueError(otherwise)


def take(value, form):
    """Return what a JSON value of this form says; no member is missing, none is unknown."""
    if isinstance(form, tuple):  # one of two
        return take(value, form[isinstance(value, dict) and "withheld" not in value])
    if isinstance(form, dict):
        need(isinstance(value, dict) and value.keys() == form.keys(), f"Not just {', '.join(form)}: {value}")
        return Record(**{name: take(value[name], form[name]) for name in form})
    if isinstance(form, list):
        need(isinstance(value, list), f"Not a list: {value}")
        return [take(one, form[0]) for one in value]
    if form in {str, int, dict, None}:
        need(value is form or (type(value) is form and (form is not int or -1 < value < 1 << 63)), "Odd.")
        return value
    need(isinstance(value, str) and form in {bytes, len(from64(value))}, f"Not {form} bytes, base64: {value}")
    return from64(value)


def from64(text):
    need(b64encode(b64decode(text)).decode() == text, f"Not base64 in its one canonical form: {text}")
    return b64decode(text)


# TREES (RFC 6962). Leaves and inner nodes are hashed apart, so that neither can pass for the other.
def sha(*parts):
    return sha256(b"".join(parts)).digest()


def root_of(leaf, index, size, proof):
    """Return the root a leaf leads to. The last hash of a proof is the half that the leaf is not in."""
    need(index < size and bool(proof) == (size > 1), f"The proof is not one for leaf {index} of {size}.")
    if size == 1:
        return sha(b"\0", leaf)
    half = 1 << (size - 1).bit_length() - 1  # the left half is the largest power of two below the size
    if index < half:
        return sha(b"\1", root_of(leaf, index, half, proof[:-1]), proof[-1])
    return sha(b"\1", proof[-1], root_of(leaf, index - half, size - half, proof[:-1]))


# KEYS AND SIGNED NOTES (C2SP signed-note, tlog-checkpoint, tlog-cosignature).
ED25519, COSIGNATURE, ML_DSA, P256 = b"\x01", b"\x04", b"\x06", b"\xffecdsa-p256-sha256"
SIZES = {ED25519: 32, COSIGNATURE: 32, ML_DSA: 1312, P256: 65}


def make_key(name, key_id, material, for_host=None):
    material = from64(material)
    kind = next((kind for kind in SIZES if material.startswith(kind)), b"?")
    need(len(material) == len(kind) + SIZES.get(kind, 0), f"The key {name} is of no known type.")
    own_id = sha(name.encode(), b"\n", material)[:4]
    need(key_id in {own_id.hex(), None}, f"The key {name} does not have the id {key_id}.")
    return Record(name=name, id=own_id, kind=kind, public=material[len(kind) :], for_host=for_host)


def read_note(note):
    """Return what a note in checkpoint form says, and its signatures; nothing of it is to be believed yet."""
    text, _, lines = note.rpartition("\n\n")
    form = r"[^\0-\x1f]+\n(0|[1-9][0-9]{0,17})\n\S+(\n[^\0-\x1f]+)*\n\n(\u2014 [^\s+\0-\x1f]+ \S+\n)+"
    need(re.fullmatch(form, note), f"Not a signed checkpoint: {note}")
    first, size, root, *_ = text.split("\n")
    signed = [(line.split(" ")[1], from64(line.split(" ")[2])) for line in lines[:-1].split("\n")]
    return Record(first=first, size=int(size), root=from64(root), body=text.encode() + b"\n", signed=signed)


def check_signature(key, body, data):
    if key.kind == COSIGNATURE:  # begins with the time, which is signed too
        body, data = b"cosignature/v1\ntime %d\n%b" % (int.from_bytes(data[:8], "big"), body), data[8:]
    if key.kind == ML_DSA:  # so does this; signed are whose key it is, origin, size and root
        (origin, size, root), name = body.split(b"\n")[:3], key.name.encode()
        body = b"subtree/v1\n\0%c%b%b%c%b" % (len(name), name, data[:8], len(origin), origin)
        body += bytes(8) + int(size).to_bytes(8, "big") + b64decode(root)
        mldsa.MLDSA44PublicKey.from_public_bytes(key.public).verify(data[8:], body)
    elif key.kind == P256:
        point = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), key.public)
        point.verify(data, body, ec.ECDSA(ec.hashes.SHA256()))
    else:
        ed25519.Ed25519PublicKey.from_public_bytes(key.public).verify(data, body)


# THE POLICY (C2SP tlog-policy): logs, witnesses, and by name the rules that say who must have signed.
def read_policy(text):
    logs, witnesses, rules, members, quorums = [], {}, {"none": lambda seen: True}, ["none"], []
    for line in text.split("\n"):
        match re.findall("[^ \t]+", line):
            case ["log", vkey, *_]:
                logs.append(make_key(*vkey.split("+", 2)))
            case ["witness", name, vkey, *_] if name not in rules:
                witnesses[name] = make_key(*vkey.split("+", 2))
                rules[name] = lambda seen, name=name: name in seen
            case ["group", name, wanted, *names] if name not in rules and {*names} <= rules.keys():
                members += names
                count = int({"any": 1, "all": len(names)}.get(wanted, wanted))
                need(1 <= count <= len(names) and len({*members}) == len(members), f"No such group: {line}")
                rules[name] = lambda seen, n=count, of=names: sum(rules[one](seen) for one in of) >= n
            case ["quorum", name] if name in rules:
                quorums.append(rules[name])
            case [word, *_]:
                need(word.startswith("#"), f"Not a line of a policy: {line}")
    need(len({one.public for one in witnesses.values()}) == len(witnesses), "Two witnesses with one key.")
    return logs, witnesses, *quorums  # of which there must be just one


# THE CHECKS, in the order of formats.md, "Evidence"; `verify` at the end does the first and calls the others.
def check_event(e, r, log):
    """It stands in the log; its members give c; c stands in the report, which the reporter signed whole."""
    c, place = e.entry[9:41], e.index - log.base
    need(root_of(e.entry, place, log.size, e.proof) == log.root, f"Entry {e.index} is not in the log.")
    digests = [m.withheld if "why" in vars(m) else sha(m.salt, m.bytes) for m in e.members]
    need(e.entry[:1] + c == b"\1" + sha(b"voltrail.event", *digests), f"Entry {e.index} has other members.")
    need((r.origin, root_of(c, e.position, r.size, e.report_proof)) == (log.first, r.root), "Not so signed.")
    shown = [m.bytes for m in e.members if "bytes" in vars(m)]
    e.line, e.whole = b"{%b}" % b",".join(shown), len(shown) == len(digests)
    e.fields = dict(pair for m in shown for (pair,) in [json.loads(b"{%b}" % m, object_pairs_hook=list)])
    reasons = {m.why for m in e.members if "why" in vars(m)}
    need(len(e.fields) == len(shown) and reasons <= {"access", "erased"}, f"Entry {e.index} is ill-formed.")


def check_chain(chain, logs):
    """Links run k = 1, 2, ... and each hashes in all before it; the head says how many there were."""
    h, head, subject, chain.until = [bytes(32)], chain.head, chain.subject.encode(), 0
    for k, (e, link, line) in enumerate([(e, e.link, e.fields) for e in chain.events], 1):
        need((link.k, link.before, chain.until <= e.index) == (k, h[-1], True), f"Missing before {k}.")
        leaf = sha(link.t, subject) + k.to_bytes(8, "big") + h[-1]
        need(root_of(leaf, link.at, link.of, link.proof) == e.entry[41:], f"Entry {e.index} is not link {k}.")
        topic = re.sub("^(role|key)_", "organisation_", line.get("kind", "")).split("_")[0]
        topic = "model" if topic in {"document", "points", "answer", "campaign", "test", "stage"} else topic
        named = [("battery", code) for code in [line.get("code"), *(line.get("codes") or [])]]
        named.append(("vehicle", line.get("vin")))
        for about, member in [("organisation",) * 2, ("model", "model_id")]:
            named += [(about, line.get(member))] * (topic in {about, "corrected"})
        used = [dict(one).get("lot") for side in ("inputs", "outputs") for one in line.get(side) or []]
        named += [("lot", name) for name in [line.get("lot"), *used, *(line.get("lots") or [])]]
        named += [("site", line.get("site"))] * (topic in {"site", "corrected"})
        named = [f"{about}:{name}" for about, name in named if name is not None]
        need(not e.whole or (len(named) == link.of and named[link.at] == chain.subject), "Other subjects.")
        e.doubt = "" if chain.subject in named else ", its subject not shown"
        h.append(sha(h[-1], e.entry))
        chain.until = e.index + 1  # before this entry nothing is left out
    if head:
        log = [log for log in logs if log.base <= head.index][-1]
        chain.until = until = log.base + int.from_bytes(head.entry[1:9], "big")
        need(0 < head.events == sum(e.index < until for e in chain.events) and until <= head.index, "Odd.")
        leaf = sha(head.salt, head.events.to_bytes(8, "big"), h[head.events])
        root = root_of(sha(b"voltrail.head", subject) + leaf, head.position, head.heads, head.proof)
        need(head.entry == b"\2" + head.entry[1:9] + head.heads.to_bytes(8, "big") + root, "Not such heads.")
        need(root_of(head.entry, head.index - log.base, log.size, head.entry_proof) == log.root, "No heads.")


def check_signatures(events, chains, reports, authorities, host):
    """Each is by a key that counts: the authority's, or one that is in the record and was not revoked."""
    keys, trusted = {name: {} for name in chains}, {key.name.rpartition("/")[0] for key, *_ in authorities}
    for e in events:  # as the log stood when each came in
        report, fields, (signer, signature) = reports[e.report], e.fields, reports[e.report].signed[0]
        kind, owner, holder = fields["kind"], report.owner, signer.rpartition("/")[0]
        given = {key.name: key for key, first, last in authorities if first <= e.index <= last}
        ring = given if holder in trusted else keys.get(holder)
        if ring is not None:
            need(signer in ring and ring[signer].id == signature[:4], f"No key of entry {e.index} counts.")
            check_signature(ring[signer], report.body, signature[4:])
        if holder != owner:
            fits = holder == host and kind.split("_")[0] not in {"organisation", "role", "key"}
            fits = fits and (not keys.get(owner) or any(key.for_host for key in keys[owner].values()))
            need(fits, f"Entry {e.index} is signed by somebody who may not.")
        if kind in {"key_added", "key_revoked"}:
            whose, name = fields["organisation"], f"{fields['organisation']}/{fields['key_id']}"
            need(ring and holder in {whose, *trusted}, f"The signer may not say entry {e.index}.")
            keys[whose].pop(name, None)
        if kind == "key_added":
            algorithm = {"ed25519": ED25519, "ecdsa-p256-sha256": P256}[fields["algorithm"]]
            material = b64encode(algorithm + from64(fields["public_key"])).decode()
            keys[whose][name] = make_key(name, None, material, fields.get("host_may_sign") is True)
        until = [chains[name].until if name in chains else 0 for name in {holder, owner} - trusted]
        e.signed = "key proved by the record" if until else "key of the authority"
        if until and min(until) <= e.index:
            e.signed = "a later revocation not ruled out" if min(until) else "key status not proved"


def verify(data, policy, authorities):
    value = json.loads(data.decode())
    need(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() == data, "Not its one form.")
    evidence = take(value, EVIDENCE | (CLOSED if value.get("closed") else {}))
    log, seen, (logs, witnesses, is_quorum) = read_note(evidence.checkpoint), set(), read_policy(policy)
    known = [("", key) for key in logs if key.name == log.first] + [*witnesses.items()]
    for signer, signature in log.signed:  # those of unknown keys say nothing
        for name, key in [one for one in known if (one[1].name, one[1].id) == (signer, signature[:4])]:
            check_signature(key, log.body, signature[4:])
            seen.add(name)
    lines, ours = {(name, one[:4]) for name, one in log.signed}, {(key.name, key.id) for _, key in known}
    need(not any({*one} & {*other} for one in lines - ours for other in ours - lines), "A signer misspelt.")
    need(lines <= ours or {(key.name, key.id) for name, key in known if not name} <= lines, "A hidden key.")
    need("" in seen and is_quorum(seen), "No log of the policy signed, or not yet a quorum of witnesses.")
    closed, name = getattr(evidence, "closed", []), re.sub("/([2-9]|[1-9][0-9]{1,3})$", "", log.first)
    logs = [*(read_note(one.checkpoint) for one in closed), log]
    for n, one in enumerate(logs):  # entries are counted through all of them
        one.base = sum(before.size for before in logs[:n])
        need(one.first == name + f"/{n + 1}" * (n > 0), f"{one.first} is not the log after {n} others.")
    for one, log in zip(closed, logs[1:], strict=True):  # each begins with the hash of the one before
        need(root_of(b"\3" + sha(one.checkpoint.encode()), 0, log.size, one.entry_proof) == log.root, "Cut.")
    reports = {digest: read_note(note) for digest, note in evidence.reports.items()}
    for digest, report in reports.items():
        report.origin, _, report.owner = report.first.rpartition("/report/")
        form = len(report.signed), report.body.count(b"\n"), sha(report.body).hex()
        need(form == (1, 3, digest), f"{digest} is not a report.")
    chains = {one.subject.removeprefix("organisation:"): one for one in [evidence, *evidence.signers]}
    events = sorted((one for chain in chains.values() for one in chain.events), key=lambda one: one.index)
    need(evidence.format == "voltrail-evidence/1" and len(chains) == 1 + len(evidence.signers), "Not a form.")
    need({event.report for event in events} == {*reports}, "A report is missing, or proves nothing here.")
    for event in events:
        check_event(event, reports[event.report], [log for log in logs if log.base <= event.index][-1])
    for chain in chains.values():
        check_chain(chain, logs)
    ranges = [re.fullmatch(r"(.+?)(?:@(\d+)-(\d+))?", authority).groups() for authority in authorities]
    keys = [(make_key(*v.split("+", 2)), int(first or 0), int(last or 1 << 63)) for v, first, last in ranges]
    check_signatures(events, chains, reports, keys, name + "/host")
    proved = [f"entry {e.index}, {e.signed}{e.doubt}: {e.line.decode()}" for e in evidence.events]
    others = f"no others up to entry {evidence.until - 1}" if evidence.head else "perhaps others (no head)"
    proved.append(f"The registry has bound itself to these {len(proved)} events and {others}.")
    return [f"Proved for {evidence.subject}, {log.first} at {log.size}, seen by {sorted(seen)[1:]}:", *proved]


if __name__ == "__main__":
    try:
        print(*verify(Path(sys.argv[1]).read_bytes(), Path(sys.argv[2]).read_text(), sys.argv[3:]), sep="\n")
    except (InvalidSignature, ValueError, LookupError, TypeError, RecursionError) as wrong:
        sys.exit(f"Not proved. {wrong or 'A signature does not hold.'}")

"""A log in memory, small enough to prove anything about: reports go in, evidence comes out."""

import json
from hashlib import sha256

from voltrail.ledger import commitments, entries, evidence, heads, merkle, reports
from voltrail.ledger.keys import Signer, encode64
from voltrail.ledger.notes import Checkpoint, Policy

ORIGIN = "voltrail.example/log"
AUTHORITY, MAKER, OTHER = "91000000MA00000009", "91000000MA0000000X", "91000000MA00000017"
HOST = f"{ORIGIN}/host"
CODE = "9ZZPB240000003G4C0221953"
SECOND = "9ZZPB240000003G4C0221954"

LOG_KEY = Signer.from_seed(ORIGIN, b"\x01" * 32)
ROOT_KEY = Signer.from_seed(f"{AUTHORITY}/root-1", b"\x02" * 32)
MAKER_KEY = Signer.from_seed(f"{MAKER}/line-1", b"\x03" * 32)
SPARE_KEY = Signer.from_seed(f"{MAKER}/line-2", b"\x04" * 32)
OTHER_KEY = Signer.from_seed(f"{OTHER}/gate-1", b"\x05" * 32)
HOST_KEY = Signer.from_seed(f"{HOST}/host-1", b"\x06" * 32)

POLICY = Policy.parse(f"log {LOG_KEY.vkey}\nquorum none\n")
TREE_SECRET = bytes(range(32))


def event(kind, **fields):
    return {"kind": kind, "occurred_at": "2026-04-12T10:20:30+08:00", **fields}


def registered(organisation):
    return event("organisation_registered", organisation=organisation, name="Example")


def key_added(signer, **fields):
    verifier = signer.verifier
    return event(
        "key_added",
        organisation=verifier.holder,
        key_id=signer.name.rpartition("/")[2],
        algorithm=verifier.algorithm,
        public_key=encode64(verifier.public_key),
        **fields,
    )


def key_revoked(signer):
    name, _, key_id = signer.name.rpartition("/")
    return event("key_revoked", organisation=name, key_id=key_id)


def manufactured(code=CODE, **fields):
    return event("manufactured", code=code, **fields)


def members_of(fields):
    return [
        f"{json.dumps(key)}:{json.dumps(value, ensure_ascii=False, separators=(',', ':'))}".encode()
        for key, value in fields.items()
    ]


def line_of(fields):
    return b"{" + b",".join(members_of(fields)) + b"}"


def subjects_of(fields):
    codes = [fields["code"]] if "code" in fields else []
    found = [f"battery:{code}" for code in codes + fields.get("codes", [])]
    found += [f"vehicle:{fields['vin']}"] if "vin" in fields else []
    return found + ([f"organisation:{fields['organisation']}"] if "organisation" in fields else [])


def nodes_by_position(leaf_hashes):
    nodes, _ = merkle.extend(0, (), leaf_hashes)
    return {place: nodes[32 * place : 32 * place + 32] for place in range(len(nodes) // 32)}


def prove(leaf_hashes, index):
    return merkle.inclusion_proof(index, len(leaf_hashes), nodes_by_position(leaf_hashes))


class Log:
    """All that the record keeps; `received_ms` and `subjects_of` may be set to break the rules."""

    def __init__(self):
        self.subjects_of = subjects_of
        self.entries, self.chains, self.heads, self.reports = [], {}, {}, []
        self.received_ms = 1_775_961_630_000

    def report(self, signer, *events, organisation=None):
        """Append all events as one report."""
        secret = sha256(b"%d" % len(self.reports)).digest()[:16]
        members = [members_of(fields) for fields in events]
        file = reports.sign_report(
            ORIGIN, signer, secret, [line_of(f) for f in events], members, organisation=organisation
        )
        self.reports.append((file, members))
        committed = commitments.commit_lines(secret, members)
        for position, fields in enumerate(events):
            self._append(len(self.reports) - 1, position, committed, fields)

    def _append(self, report, position, committed, fields):
        subjects, secret = self.subjects_of(fields), self.reports[report][0].secret
        before = [self.heads.get(subject, (0, entries.NO_HEAD)) for subject in subjects]
        blinds = entries.link_blinds(secret, position, subjects)
        links = [entries.link_leaf(blind, k + 1, h) for blind, (k, h) in zip(blinds, before, strict=True)]
        entry = entries.event_entry(self.received_ms, committed[position], merkle.root(links))
        for at, (subject, (k, head)) in enumerate(zip(subjects, before, strict=True)):
            link = evidence.Link(
                t=entries.link_ts(secret, position, len(subjects))[at],
                k=k + 1,
                before=head,
                at=at,
                of=len(subjects),
                proof=prove(links, at),
            )
            where = (len(self.entries), report, position, committed, link)
            self.chains.setdefault(subject, []).append(where)
            self.heads[subject] = (k + 1, entries.chain(head, entry))
        self.entries.append(entry)

    def commit_heads(self):
        """Append a heads entry over all chains as they stand."""
        self.places = sorted(self.heads, key=heads.head_place)
        self.counts = {subject: k for subject, (k, _) in self.heads.items()}
        self.leaves = [
            merkle.leaf_hash(heads.head_leaf(place, heads.head_salt(TREE_SECRET, place), *self.heads[s]))
            for s in self.places
            for place in [heads.head_place(s)]
        ]
        self.heads_index = len(self.entries)
        self.entries.append(
            entries.heads_entry(len(self.entries), len(self.leaves), merkle.root(self.leaves))
        )

    @property
    def leaf_hashes(self):
        return [merkle.leaf_hash(entry) for entry in self.entries]

    def checkpoint(self):
        return LOG_KEY.sign(Checkpoint(ORIGIN, len(self.entries), merkle.root(self.leaf_hashes)).text)

    def head(self, subject):
        position = self.places.index(subject)
        return evidence.HeadProof(
            events=self.counts[subject],
            salt=heads.head_salt(TREE_SECRET, heads.head_place(subject)),
            position=position,
            heads=len(self.leaves),
            proof=prove(self.leaves, position),
            entry=self.entries[self.heads_index],
            index=self.heads_index,
            entry_proof=prove(self.leaf_hashes, self.heads_index),
        )

    def events(self, subject, withhold=()):
        """Return the proofs of a chain; `withhold` names the keys of members not to be shown."""
        return [self._event(*where, withhold) for where in self.chains[subject]]

    def _event(self, index, report, position, committed, link, withhold):
        file, members = self.reports[report]
        salts = commitments.salts(file.secret, position, len(members[position]))
        shown = [
            evidence.Member.withhold(commitments.member_digest(salt, member), "access")
            if member.split(b'"')[1].decode() in withhold
            else evidence.Member.show(salt, member)
            for salt, member in zip(salts, members[position], strict=True)
        ]
        return evidence.EventProof(
            index=index,
            entry=self.entries[index],
            proof=prove(self.leaf_hashes, index),
            members=shown,
            report=reports.parse_report_note(file.note, ORIGIN).digest,
            position=position,
            report_proof=prove([merkle.leaf_hash(c) for c in committed], position),
            link=link,
        )

    def evidence(self, subject=f"battery:{CODE}", signers=(MAKER,), withhold=(), head=False):
        """Return the evidence about a subject, with the chains of these organisations."""
        chains = [(subject, withhold), *((f"organisation:{name}", ()) for name in signers)]
        used = {where[1] for name, _ in chains for where in self.chains[name]}
        notes = [self.reports[number][0].note for number in sorted(used)]
        return evidence.Evidence(
            subject=subject,
            checkpoint=self.checkpoint(),
            reports={reports.parse_report_note(note, ORIGIN).digest: note for note in notes},
            events=self.events(subject, withhold),
            head=self.head(subject) if head else None,
            signers=[
                evidence.Chain(name, self.events(name, hidden), self.head(name) if head else None)
                for name, hidden in chains[1:]
            ],
        )


def an_ordinary_log():
    """Return a log in which the maker was registered and given a key, and reported one battery twice."""
    log = Log()
    log.report(ROOT_KEY, registered(MAKER), key_added(MAKER_KEY, host_may_sign=False))
    log.report(MAKER_KEY, manufactured(model_id="S-102"), event("shipped", code=CODE, to=AUTHORITY))
    return log

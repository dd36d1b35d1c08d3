"""
Reports: lines that an organisation commits to and signs at once.

A report file is the signed note, the secret, and the lines. The note covers
commitments only, so it may stand in evidence without giving the lines away.
Source: formats.md, "Report".
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from hashlib import sha256
from typing import Self

import msgspec

from voltrail.errors import NoteError, ReportError
from voltrail.ledger import merkle
from voltrail.ledger.commitments import commit_lines
from voltrail.ledger.keys import Signer, Verifier, decode64, encode64
from voltrail.ledger.notes import Checkpoint, Signature, parse_note

MEDIA_TYPE = "application/voltrail-report"
SECRET_BYTES = 16
MAX_LINES = 100_000
MAX_FILE_BYTES = 64 << 20
MAX_LINE_BYTES = 65_536

SOURCE = "formats.md, Report"
INFIX = "/report/"
_SECRET = b"secret "


class ReportNote(msgspec.Struct, frozen=True):
    """A report's note, its form checked and its signature not yet: see `verify`."""

    origin: str
    organisation: str
    size: int
    root: bytes
    text: str
    signature: Signature

    @property
    def digest(self) -> str:
        """The hex SHA-256 of the note body, by which a report is known."""
        return sha256(self.text.encode()).hexdigest()

    @property
    def holder(self) -> str:
        """The organisation whose key signed: the reporter's own, or the host's."""
        return self.signature.name.rpartition("/")[0]

    @property
    def key_id(self) -> str:
        """The id of the key within that organisation, as in `key_added`."""
        return self.signature.name.rpartition("/")[2]

    def verify(self, verifier: Verifier) -> None:
        """Raise ReportError unless this key made the signature."""
        same = (verifier.name, verifier.key_id) == (self.signature.name, self.signature.key_id)
        if not same or not verifier.holds(self.text.encode(), self.signature.signature):
            raise _refuse("report.signature", f"The signature of {self.signature.name} does not hold.")

    def check(self, commitments: Sequence[bytes]) -> None:
        """Raise ReportError unless the note is over these commitments."""
        if self.size != len(commitments) or self.root != report_root(commitments):
            message = "The lines and the secret are not those that were signed."
            raise _refuse("report.root", message, "Sign the lines again and send the new file.")


class ReportFile(msgspec.Struct, frozen=True):
    """What is sent: the signed note, the secret, and the lines."""

    note: str
    secret: bytes
    lines: list[bytes]

    def encode(self) -> bytes:
        """Return the bytes of the file."""
        secret = _SECRET + encode64(self.secret).encode()
        return b"".join(
            (self.note.encode(), b"\n", secret, b"\n\n", *(b"%b\n" % line for line in self.lines))
        )

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Return the file's three parts; what they say is not yet checked."""
        if len(data) > MAX_FILE_BYTES:
            message = f"The file has {len(data):,} bytes; at most {MAX_FILE_BYTES:,} are taken."
            raise _refuse("report.too_large", message, "Send several reports.")
        text, _, rest = data.partition(b"\n\n")
        signature, _, rest = rest.partition(b"\n\n")
        secret, separator, lines = rest.partition(b"\n\n")
        if not separator or not secret.startswith(_SECRET):
            message = "The file is not a note, an empty line, the secret, an empty line and the lines."
            raise _refuse("report.layout", message, "Write it with `voltrail report`.")
        try:
            note = f"{text.decode()}\n\n{signature.decode()}\n"
            drawn = decode64(secret[len(_SECRET) :].decode())
        except (UnicodeDecodeError, NoteError) as error:
            raise _refuse("report.layout", "The note or the secret does not read.") from error
        if len(drawn) != SECRET_BYTES:
            raise _refuse("report.secret", f"The secret must have {SECRET_BYTES} bytes.")
        return cls(note, drawn, split_lines(lines))


def split_lines(data: bytes) -> list[bytes]:
    """Return the lines, each of which ends in LF; the form within a line is another's matter."""
    if data.startswith(b"\xef\xbb\xbf"):
        raise _refuse("line.bom", "The lines begin with a byte order mark.", "Save as UTF-8 without BOM.")
    if b"\r" in data:
        raise _refuse("line.cr", "The lines contain a carriage return.", "End lines in LF alone.")
    if not data:
        raise _refuse("report.empty", "There are no lines.", "Write one event a line, each ended by LF.")
    if not data.endswith(b"\n"):
        raise _refuse("report.unfinished", "The last line does not end in LF; the file may have been cut.")
    lines = data[:-1].split(b"\n")
    if len(lines) > MAX_LINES:
        raise _refuse(
            "report.too_long", f"A report has at most {MAX_LINES:,} lines.", "Send several reports."
        )
    for number, line in enumerate(lines, 1):
        if not 0 < len(line) <= MAX_LINE_BYTES:
            message = f"A line has 1 to {MAX_LINE_BYTES:,} bytes; this one has {len(line):,}."
            fix = "Make several events that share a `batch`." if line else "Leave empty lines out."
            raise ReportError("line.length", message, fix, number, SOURCE)
    return lines


def report_root(commitments: Sequence[bytes]) -> bytes:
    """Return the root of a report's tree, whose leaf data are the commitments."""
    return merkle.root([merkle.leaf_hash(commitment) for commitment in commitments])


def report_origin(origin: str, organisation: str) -> str:
    """Return the first line of an organisation's reports to the log of this origin."""
    return origin + INFIX + organisation


def addressed_to(note: str, origins: Sequence[str]) -> str:
    """Return to which of these logs a report is made out, the last when to none of them."""
    return next((one for one in origins if note.startswith(report_origin(one, ""))), origins[-1])


def parse_report_note(note: str, origin: str) -> ReportNote:
    """
    Return what a report's note says, when it is for this log and has the one signature.

    Raises ReportError. Who may sign for the organisation is not decided here.
    """
    try:
        parsed = parse_note(note)
        stated = Checkpoint.parse(parsed.text)
    except NoteError as error:
        raise _refuse("report.note", error.message) from error
    prefix = report_origin(origin, "")
    organisation = stated.origin.removeprefix(prefix)
    if organisation == stated.origin or not organisation:
        message = f"The report is made out to {stated.origin!r}, not to this log."
        raise _refuse("report.origin", message, f"Its first line must begin with {prefix}")
    if stated.extensions or len(parsed.signatures) != 1 or not stated.size:
        raise _refuse("report.note", "A report's note has three lines, one signature and at least one leaf.")
    return ReportNote(origin, organisation, stated.size, stated.root, parsed.text, parsed.signatures[0])


def sign_report(
    origin: str,
    signer: Signer,
    secret: bytes,
    lines: Sequence[bytes],
    members: Sequence[Sequence[bytes]],
    organisation: str | None = None,
) -> ReportFile:
    """
    Return the report file over these lines, given the members of each.

    `secret` is 16 random bytes, drawn anew for each report. `organisation`
    is named where the host signs for another; else it is the signer's own.
    """
    check_parts(secret, lines)
    for number, (line, parts) in enumerate(zip(lines, members, strict=True), 1):
        if b"{" + b",".join(parts) + b"}" != line:
            raise ReportError("report.members", "The members are not those of the line.", line=number)
    reporter = signer.verifier.holder if organisation is None else organisation
    note = sign_root(origin, signer, len(lines), report_root(commit_lines(secret, members)), reporter)
    return ReportFile(note, secret, list(lines))


def check_parts(secret: bytes, lines: Sequence[bytes]) -> None:
    """Raise ReportError unless a report can have this secret and so many lines."""
    if len(secret) != SECRET_BYTES or not 0 < len(lines) <= MAX_LINES:
        raise _refuse(
            "report.secret", f"A report has {SECRET_BYTES} secret bytes and 1 to {MAX_LINES:,} lines."
        )


def sign_root(origin: str, signer: Signer, count: int, root: bytes, organisation: str) -> str:
    """Return the signed note of a report of so many lines with this root, in an organisation's name."""
    return signer.sign(Checkpoint(report_origin(origin, organisation), count, root).text)


def host_secret(key: bytes, organisation: str, lines: Sequence[bytes]) -> bytes:
    """Return the secret of a report the host signs: a retry of the same lines is the same report."""
    body = sha256(b"".join(b"%b\n" % line for line in lines)).digest()
    return hmac.digest(key, organisation.encode() + b"\n" + body, "sha256")[:SECRET_BYTES]


def _refuse(rule: str, message: str, fix: str = "") -> ReportError:
    return ReportError(rule, message, fix, source=SOURCE)

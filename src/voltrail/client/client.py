"""`Client`: a registry elsewhere, to report to and to read from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import quote, urlencode

import msgspec

from voltrail.client.channel import Channel
from voltrail.errors import LineError, ReportError, ServerError, UsageError, VerificationError, VoltrailError
from voltrail.events import split
from voltrail.ledger.keys import ED25519, Signer, Verifier
from voltrail.ledger.notes import Checkpoint, Policy, parse_note
from voltrail.ledger.receipts import Receipt, verify_receipt
from voltrail.ledger.reports import (
    INFIX,
    MAX_LINES,
    MEDIA_TYPE,
    ReportFile,
    host_secret,
    sign_report,
)
from voltrail.ledger.trust import Authority
from voltrail.ledger.verify import Verified, verify

LINES_AT_ONCE: Final = 10_000  # of a long input in one report: a second's work, and a receipt of a few MB
LINES_TYPE: Final = "application/jsonl"

Event = Mapping[str, Any] | str | bytes
Events = bytes | Iterable[Event]

_encoder = msgspec.json.Encoder(decimal_format="number")


class Client:
    """
    A registry behind its address.

    `key`, a PEM file or a Signer, signs what is reported; without one a `token` of the scope `report` lets
    the host sign. `policy` is the log you believe (`policy.txt`): receipts and evidence are held against it.
    Without one, receipts are held against the policy that the server itself gives, which shows only that
    nobody on the way has changed them.

    What is read comes as the API gives it, in dicts (docs/api.md); receipts are structs. Threads may share a
    client; it asks one question at a time. Whatever is broken off or answered with "later" is asked again
    for `patience_s` seconds: that is safe, since the same lines give the same receipt.
    """

    def __init__(
        self,
        url: str,
        token: str | None = None,
        key: Signer | Path | str | None = None,
        policy: Policy | Path | str | None = None,
        *,
        timeout_s: float = 60,
        patience_s: float = 60,
        plain_http: bool = False,
    ) -> None:
        self._channel = Channel(url, token, timeout_s=timeout_s, patience_s=patience_s, plain_http=plain_http)
        self._has_token = token is not None
        self.key = key if key is None or isinstance(key, Signer) else read_key(Path(key))
        given = policy if policy is None or isinstance(policy, Policy) else _read_policy(Path(policy))
        self._given, self._believed = given, given
        self._origin: str | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._channel.close()

    # ---------------------------------------------------------------- reporting

    def report(self, events: Events, mode: str = "valid") -> Receipt:
        """
        Report some events, up to 100,000; return the receipt: what was taken, and what was not and why.

        An event is a dict, or a line as text or bytes; or all are lines in one bytes object. `mode="all"`
        takes everything or raises. Raises AccessError, ReportError, LineError, RegistryError as the
        server tells them, ServerError when it cannot be reached: report the same again then.
        """
        lines = list(islice(_lines(events), MAX_LINES + 1))
        if len(lines) > MAX_LINES:
            raise UsageError(
                "report.too_long", f"A report has at most {MAX_LINES:,} lines.", "Use `Client.reports`."
            )
        return self._send(self.encode(lines), mode)[1]

    def reports(self, events: Events, mode: str = "valid") -> Iterator[Receipt]:
        """
        Report as many events as there are, 10,000 in a report; yield each receipt once it is there.

        Reads on as it sends, so `events` may be endless. With `mode="all"` each report stands for itself.
        """
        lines = _lines(events)
        while part := list(islice(lines, LINES_AT_ONCE)):
            yield self._send(self.encode(part), mode)[1]

    def check(self, events: Events, organisation: str | None = None) -> list[dict[str, Any]]:
        """
        Ask for each event whether it may be done now, and if not why; nothing is recorded.

        With a key all of the record counts. Without one name the `organisation`: what is public counts.
        """
        lines = list(_lines(events))
        if self.key is not None:
            return self.check_file(self.encode(lines))
        if organisation is None:
            raise UsageError(
                "usage.organisation", "It is not said who means to do this.", "Name the organisation."
            )
        asked = {"organisation": organisation, "lines": [line.decode(errors="replace") for line in lines]}
        return _list(self._read("/checks", _encoder.encode(asked)), "checks")

    def encode(self, lines: Sequence[bytes]) -> bytes:
        """
        Return what is sent of these lines: a report file signed with the key, else the lines as they are.

        The secret follows from key and lines, so the same lines are the same report. LineError names a
        line, counting from 1, that is not in the strict form.
        """
        if not lines:
            raise ReportError("report.empty", "There are no lines.", "Give at least one event.")
        if self.key is not None:
            return sign(self.origin(), self.key, lines)
        return b"".join(b"%b\n" % line for line in lines)

    def send(self, content: bytes, mode: str = "valid") -> bytes:
        """
        Hand in what `encode` gave, or a report file from elsewhere; return the exact bytes of the receipt.

        VerificationError when the log has not signed it, for these lines.
        """
        return self._send(content, mode)[0]

    def _send(self, content: bytes, mode: str) -> tuple[bytes, Receipt]:
        if mode not in {"all", "valid"}:
            raise UsageError("usage.mode", f"There is no mode {mode[:40]!r}.", "Use all or valid.")
        if is_report(content):
            body = parse_note(ReportFile.parse(content).note).text
            log = self._log(Checkpoint.parse(body).origin.partition(INFIX)[0])
            receipt = self._channel.ask(f"/reports?mode={mode}", content, MEDIA_TYPE)
            return receipt, _check_receipt(receipt, log, digest=sha256(body.encode()).hexdigest())
        if not self._has_token:
            raise UsageError(
                "usage.key",
                "Lines must be signed.",
                "Give a key, `--key KEY.pem` (make one: `voltrail key new`), or a token.",
            )
        log, lines = self._log(self.origin()), content.count(b"\n")
        receipt = self._channel.ask(f"/reports?mode={mode}", content, LINES_TYPE)
        return receipt, _check_receipt(receipt, log, lines=lines)

    def check_file(self, content: bytes) -> list[dict[str, Any]]:
        """Ask as `check` does for a signed report file."""
        return _list(self._read("/checks", content, MEDIA_TYPE), "checks")

    def receipt(self, report: str) -> Receipt:
        """Return the receipt of a report of your organisation again, by its digest in hex; with a token."""
        content = self._channel.ask(f"/workspace/reports/{_name(report)}")
        return _check_receipt(content, self._log(self.origin()), digest=report)

    # ---------------------------------------------------------------- reading

    def origin(self) -> str:
        """Return the log's origin, as the server says: an empty log has no checkpoint yet."""
        if self._origin is None:
            origin = self._read("/healthz").get("origin")
            if not isinstance(origin, str):
                raise _other(self._channel.url)
            self._origin = origin
        return self._origin

    def battery(
        self, code: str, as_of: datetime | None = None, known_at: datetime | None = None
    ) -> dict[str, Any]:
        """Return what you may know of a battery. Raises UnknownBattery."""
        times = {"as_of": as_of, "known_at": known_at}
        return self._read(f"/b/{_name(code)}" + _query({k: t and t.isoformat() for k, t in times.items()}))

    def history(self, code: str) -> Iterator[dict[str, Any]]:
        """Yield the events of a battery, the last in the log first; asks page by page as you go on."""
        return self._pages(f"/b/{_name(code)}/history", "events", "before", limit=1000)

    def evidence(self, code: str) -> bytes:
        """Return the file by which anyone can verify the history, in its exact bytes."""
        return self._channel.ask(f"/b/{_name(code)}/evidence")

    def verify(self, code: str, authorities: Sequence[Authority]) -> Verified:
        """
        Return what the evidence of a battery proves by your policy and the authority's keys (VKEYs).

        Raises VerificationError with the first check that fails; UsageError without a policy of your own,
        since a server cannot vouch for itself.
        """
        if self._given is None:
            raise UsageError(
                "usage.policy",
                "It is not said which log you believe.",
                "Give the client a policy that you have from elsewhere: `voltrail log policy` prints it.",
            )
        return verify(self.evidence(code), self._given, authorities)

    def search(self, q: str) -> list[dict[str, Any]]:
        """Return what a text may mean: batteries, organisations, models."""
        return _list(self._read("/search" + _query({"q": q})), "found")

    def batteries(self, **wanted: str | int) -> Iterator[dict[str, Any]]:
        """
        Yield the batteries that your organisation holds, in the order of their codes; with a token.

        Narrowed by `place`, `phase`, `level`, `model`, `findings=1`, `q` as GET /workspace/batteries.
        """
        return self._pages("/workspace/batteries", "batteries", "after", **wanted)

    def organisation(self, identifier: str) -> dict[str, Any]:
        """Return what everybody may know of an organisation. Raises UnknownOrganisation."""
        return self._read(f"/organisations/{_name(identifier)}")

    def _pages(self, path: str, name: str, cursor: str, **asked: str | int) -> Iterator[dict[str, Any]]:
        while True:
            page = self._read(path + _query(asked))
            yield from _list(page, name)
            following = page.get("next")
            if following is None or following == asked.get(cursor):
                return
            asked[cursor] = following

    def _read(
        self, path: str, body: bytes | None = None, content_type: str = "application/json"
    ) -> dict[str, Any]:
        try:
            return msgspec.json.decode(self._channel.ask(path, body, content_type), type=dict[str, Any])
        except msgspec.MsgspecError:
            raise _other(self._channel.url) from None

    def _log(self, origin: str) -> Verifier:
        """Return the key by which the log of this origin signs receipts, as the policy has it."""
        if self._believed is None:
            self._believed = Policy.parse(self._channel.ask("/log/policy").decode(errors="replace"))
        for log in self._believed.logs:
            if (log.name, log.algorithm) == (origin, ED25519):
                return log
        if self._given is None:
            self._believed = None  # a successor log may have begun since: ask anew next time
        raise UsageError(
            "usage.policy",
            f"The policy has no Ed25519 key of {origin}, which receipts are checked with.",
            "Give the policy of this log; nothing was sent.",
        )


def sign(origin: str, key: Signer, lines: Sequence[bytes]) -> bytes:
    """Return the report file over lines, for the log of an origin; the same lines are the same report."""
    secret = host_secret(sha256(key.pem.encode()).digest(), key.verifier.holder, lines)
    return sign_report(origin, key, secret, lines, _split_all(lines)).encode()


def is_report(content: bytes) -> bool:
    """Return whether some bytes are a report file, and not lines."""
    return not content.startswith((b"{", b"\xef\xbb\xbf")) and b"\n\nsecret " in content[:65_536]


def read_key(path: Path) -> Signer:
    """Return the key in a PEM file. Raises UsageError when there is none."""
    try:
        return Signer.from_pem(path.read_text())
    except (OSError, UnicodeDecodeError, VoltrailError) as error:
        raise UsageError(
            "usage.key",
            f"The key file {path} cannot be read: {error}.",
            "Name the file that `voltrail key new` wrote.",
        ) from error


def _read_policy(path: Path) -> Policy:
    try:
        return Policy.parse(path.read_text())
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError("usage.policy", f"{path} cannot be read: {error}.", "Name a policy.txt.") from error


def _check_receipt(receipt: bytes, log: Verifier, *, digest: str = "", lines: int | None = None) -> Receipt:
    """Return the receipt; VerificationError unless this log signed it, and it answers what was sent."""
    fix = "Nothing is lost while the lines are kept: send them again. If this stays, ask the operator."
    try:
        said = verify_receipt(receipt, log)
    except VerificationError as error:
        raise VerificationError(error.rule, error.message, fix, source=error.source) from error
    if (digest and said.report != digest) or (lines is not None and said.lines != lines):
        raise VerificationError("receipt.other", "The receipt is that of another report.", fix)
    return said


def _lines(events: Events) -> Iterator[bytes]:
    """Yield each event as its line."""
    if isinstance(events, bytes):
        if not events.endswith(b"\n"):
            raise ReportError(
                "report.unfinished",
                "The last line does not end in LF; it may have been cut.",
                "End it in LF.",
            )
        yield from events[:-1].split(b"\n")
        return
    if isinstance(events, str | Mapping):
        raise UsageError(
            "usage.event_list", "These are not several events.", "Give them in a list, or as bytes."
        )
    for event in events:
        if isinstance(event, Mapping):
            try:
                yield _encoder.encode(event)
            except TypeError as error:
                raise UsageError("usage.event_list", f"An event does not read: {error}.") from error
        else:
            yield (event.encode() if isinstance(event, str) else event).removesuffix(b"\n")


def _split_all(lines: Sequence[bytes]) -> list[list[bytes]]:
    found = []
    for number, line in enumerate(lines, 1):
        try:
            found.append(split(line))
        except LineError as error:
            raise LineError(error.rule, error.message, error.fix, number, error.source) from None
    return found


def _list(told: dict[str, Any], name: str) -> list[dict[str, Any]]:
    found = told.get(name)
    if not isinstance(found, list):
        raise ServerError("http.other", f"The answer has no {name}.", "Compare the address and its version.")
    return found


def _other(url: str) -> ServerError:
    return ServerError("http.other", f"{url} does not answer as a registry does.", "Compare the address.")


def _name(text: str) -> str:
    return quote(text, safe="")


def _query(asked: Mapping[str, object]) -> str:
    said = urlencode({name: value for name, value in asked.items() if value is not None})
    return f"?{said}" if said else ""

"""`voltrail report`: sign lines and hand them in."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any, Self
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import click

import voltrail
from voltrail.cli.common import data_option, database_option, json_option, print_json
from voltrail.errors import ReportError, UsageError, VerificationError
from voltrail.ledger.keys import ED25519, Verifier
from voltrail.ledger.notes import Checkpoint, Policy, parse_note
from voltrail.ledger.receipts import verify_receipt
from voltrail.ledger.reports import INFIX, MEDIA_TYPE, ReportFile, host_secret, sign_report, split_lines
from voltrail.registry.files import write_private
from voltrail.registry.prepare import split_all
from voltrail.registry.settings import read_signer

TIMEOUT_SECONDS = 60


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--key", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Your key, a PEM file."
)
@click.option(
    "--mode",
    type=click.Choice(["valid", "all"]),
    default="valid",
    show_default=True,
    help="Take the lines that hold, or everything or nothing.",
)
@click.option("--check", is_flag=True, help="Ask whether it may be done; record nothing.")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Sign only: write the signed file here, to be handed in later.",
)
@click.option("--to", "url", metavar="URL", help="Send it to a server instead of a folder on this machine.")
@click.option(
    "--policy",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="With --to: the log you believe, policy.txt. Else the server's own is taken.",
)
@data_option
@database_option
@json_option
def report(
    *,
    file: Path,
    key: Path | None,
    mode: str,
    check: bool,
    out: Path | None,
    url: str | None,
    policy: Path | None,
    data: Path,
    database: str | None,
    as_json: bool,
) -> None:
    """
    Sign the event lines of FILE with your key and hand them in; print the receipt.

    FILE holds one event a line (.jsonl), or is a signed .report. The signed
    file is kept beside FILE until there is a receipt, so nothing is lost when
    the line breaks; the same lines give the same receipt however often they are sent.
    With --out it is only signed, and written there: for the page /report, or for another day.
    A receipt that a server gives is checked: the log's key must have signed it, for these lines.
    """
    content = file.read_bytes()
    with _Server(url, policy) if url else _Folder(data, database) as target:
        if out is not None:
            _keep(out, _sign(content, key, target.origin()))
            click.echo(f"Signed: {out}. Hand it in with voltrail report {out}, or on the page /report.")
            return
        if check:
            signed = content if file.suffix == ".report" else _sign(content, key, target.origin())
            answers = target.check(signed)
            print_json(answers) if as_json else _print_answers(answers)
            raise SystemExit(0 if all(answer["allowed"] for answer in answers) else 1)
        kept = file.with_suffix(".report")
        signed = content if file.suffix == ".report" else _sign(content, key, target.origin())
        if kept != file:
            _keep(kept, signed)
        receipt = target.report(signed, mode)
        if kept != file:
            kept.unlink()
    told = json.loads(receipt)
    click.echo(receipt.decode()) if as_json else _print_receipt(told)
    raise SystemExit(1 if told["refused"] else 0)


def _sign(content: bytes, key: Path | None, origin: str) -> bytes:
    """Return the report file over these lines; its secret is derived, so that a retry is the same report."""
    if key is None:
        raise UsageError(
            "usage.key", "Lines must be signed.", "Give --key KEY.pem (make one: voltrail key new)."
        )
    signer = read_signer(key)
    lines = split_lines(content)
    secret = host_secret(sha256(signer.pem.encode()).digest(), signer.verifier.holder, lines)
    return sign_report(origin, signer, secret, lines, split_all(lines)).encode()


def _keep(path: Path, signed: bytes) -> None:
    """Write the signed file for its owner only; another file of that name is not written over."""
    if path.exists() and path.read_bytes() == signed:  # kept when the same lines were not answered
        return
    try:
        write_private(path, signed)
    except FileExistsError:
        raise UsageError(
            "usage.exists",
            f"{path} holds another report.",
            f"Hand that one in first (voltrail report {path}), or move it away.",
        ) from None


class _Folder:
    """A registry on this machine."""

    def __init__(self, data: Path, database: str | None) -> None:
        self._registry = voltrail.open(data, database)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._registry.close()

    def origin(self) -> str:
        """Return the log's origin."""
        return self._registry.origin

    def report(self, signed: bytes, mode: str) -> bytes:
        """Hand the report in; return the receipt."""
        return self._registry.report(signed, mode)

    def check(self, signed: bytes) -> list[dict[str, Any]]:
        """Ask whether these may be done."""
        return self._registry.check_report(signed)


class _Server:
    """A registry behind HTTP."""

    def __init__(self, url: str, policy: Path | None) -> None:
        if not url.startswith(("http://", "https://")):
            raise UsageError("usage.url", f"{url!r} is not an address.", "Give it as https://HOST.")
        self._url = url.rstrip("/")
        self._policy = policy

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Hold nothing open."""

    def origin(self) -> str:
        """Return the log's origin, as the server says: an empty log has no checkpoint yet."""
        try:
            return str(json.loads(self._ask("/healthz"))["origin"])
        except (ValueError, KeyError, TypeError):
            raise ReportError(
                "http.other", f"{self._url} does not answer as a registry does.", "Compare the address."
            ) from None

    def report(self, signed: bytes, mode: str) -> bytes:
        """Hand the report in; return the receipt once it is found to be the log's, for these lines."""
        parsed = ReportFile.parse(signed)
        body = parse_note(parsed.note).text
        log = self._log(Checkpoint.parse(body).origin.partition(INFIX)[0])
        receipt = self._ask(f"/reports?mode={mode}", signed, MEDIA_TYPE)
        _check_receipt(receipt, sha256(body.encode()).hexdigest(), log)
        return receipt

    def _log(self, origin: str) -> Verifier:
        """Return the key by which the log of this origin signs receipts, as the policy has it."""
        text = self._policy.read_bytes() if self._policy else self._ask("/log/policy")
        for log in Policy.parse(text.decode(errors="replace")).logs:
            if (log.name, log.algorithm) == (origin, ED25519):
                return log
        raise UsageError(
            "usage.policy",
            f"The policy has no Ed25519 key of {origin}, which receipts are checked with.",
            "Give the policy of this log; nothing was sent.",
        )

    def check(self, signed: bytes) -> list[dict[str, Any]]:
        """Ask whether these may be done."""
        answers: list[dict[str, Any]] = json.loads(self._ask("/checks", signed, MEDIA_TYPE))["checks"]
        return answers

    def _ask(self, path: str, body: bytes | None = None, content_type: str = "") -> bytes:
        headers = {"Content-Type": content_type} if body is not None else {}
        request = Request(self._url + path, data=body, headers=headers)  # noqa: S310 - http(s) only, checked
        try:
            with urlopen(request, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310
                content: bytes = answer.read()
                return content
        except HTTPError as error:
            told = _error_in(error.read())
            raise ReportError(
                told.get("rule", "http.error"),
                told.get("message", f"The server answered {error.code}."),
                told.get("fix", ""),
                told.get("line"),
                told.get("source"),
            ) from None
        except (URLError, TimeoutError) as error:
            raise ReportError(
                "http.unreachable",
                f"{self._url} did not answer: {error}.",
                "Run the same command again: nothing is reported twice.",
            ) from None


def _error_in(body: bytes) -> dict[str, Any]:
    """Return the error that an answer tells, or nothing where a proxy answered in its own words."""
    try:
        told = json.loads(body)["error"]
    except (ValueError, KeyError, TypeError):
        return {}
    return told if isinstance(told, dict) else {}


def _check_receipt(receipt: bytes, digest: str, log: Verifier) -> None:
    """Raise VerificationError unless this log signed the receipt, for the report of this digest."""
    fix = "The signed file is kept. Send it again; if this stays, ask the registry's operator."
    try:
        said = verify_receipt(receipt, log)
    except VerificationError as error:
        raise VerificationError(error.rule, error.message, fix, source=error.source) from error
    if said.report != digest:
        raise VerificationError("receipt.other", "The receipt is that of another report.", fix)


def _print_receipt(receipt: dict[str, Any]) -> None:
    taken, known, refused = (len(receipt[name]) for name in ("accepted", "known", "refused"))
    click.echo(f"{taken:,} taken, {known:,} known before, {refused:,} refused.")
    if taken:
        first = receipt["first_index"]
        click.echo(
            f"In the log from entry {first:,} to {first + taken - 1:,}. Report {receipt['report'][:16]}"
        )
    for line in receipt["refused"]:
        click.echo(f"Line {line['line'] + 1}: {line['message']} {line['fix']}", err=True)
    for line in receipt["findings"]:
        click.echo(f"Line {line['line'] + 1}, {line['kind']}: {line['message']}")


def _print_answers(answers: list[dict[str, Any]]) -> None:
    for answer in answers:
        verdict = "yes" if answer["allowed"] else f"no. {answer['message']} {answer['fix']}"
        click.echo(f"Line {answer['line']}: {verdict}")
        for one in answer.get("warnings", ()):
            click.echo(f"  advisory, {one['source']}: {one['message']} {one['fix']}")

"""`voltrail report`: sign lines and hand them in; `--watch`: whatever comes into a folder."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain, islice
from pathlib import Path
from typing import Any, Final, Self

import click

import voltrail
from voltrail.cli.common import data_option, database_option, json_option, print_json
from voltrail.client import Client
from voltrail.client.client import read_key, sign
from voltrail.connections.sending import (
    BYTES_AT_ONCE,
    ROWS_AT_ONCE,
    Sent,
    deliver,
    deliver_whole,
    note_receipt,
)
from voltrail.connections.sources import (
    SIGNED,
    Asked,
    Reason,
    Source,
    open_source,
    read_columns,
    read_signed,
)
from voltrail.connections.watched import Told, Watch
from voltrail.errors import ReportError, UsageError
from voltrail.ledger.keys import Signer
from voltrail.ledger.reports import MAX_LINES
from voltrail.registry.files import write_private

IN_ENVIRONMENT: Final = "VOLTRAIL_TOKEN"
PATIENCE_S: Final = 3
SHOWN: Final = 50  # rows whose reasons are told; a file may have a million

_file = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.argument("file", type=_file, required=False)
@click.option("--key", type=_file, help="Your key, a PEM file.")
@click.option(
    "--token",
    type=_file,
    help="A file that holds your token: the host of the registry signs. Or set VOLTRAIL_TOKEN to the token"
    " itself. It is never an argument, since all who use this machine see those.",
)
@click.option(
    "--mode",
    type=click.Choice(["valid", "all"]),
    default="valid",
    show_default=True,
    help="Take the lines that hold, or everything or nothing.",
)
@click.option("--kind", help="Of a table: the kind of event of all rows, such as shipped.")
@click.option("--columns", type=_file, help="Of a table: which column is what, a JSON file.")
@click.option("--check", is_flag=True, help="Ask whether it may be done; record nothing.")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Sign only: write the signed file here, to be handed in later.",
)
@click.option(
    "--watch",
    type=click.Path(file_okay=False, path_type=Path),
    help="Hand in whatever files come into this folder, until Ctrl-C.",
)
@click.option("--once", is_flag=True, help="With --watch: hand in what is there, and end.")
@click.option("--to", "url", metavar="URL", help="Send it to a server instead of a folder on this machine.")
@click.option("--plain-http", is_flag=True, help="With --to: also where nothing is encrypted.")
@click.option(
    "--policy",
    type=_file,
    help="With --to: the log you believe, policy.txt. Else the server's own is taken.",
)
@data_option
@database_option
@json_option
def report(
    *,
    file: Path | None,
    key: Path | None,
    token: Path | None,
    mode: str,
    kind: str | None,
    columns: Path | None,
    check: bool,
    out: Path | None,
    watch: Path | None,
    once: bool,
    url: str | None,
    plain_http: bool,
    policy: Path | None,
    data: Path,
    database: str | None,
    as_json: bool,
) -> None:
    """
    Sign the events of FILE with your key and hand them in; print the receipt.

    FILE holds one event a line (.jsonl) or one a row (.csv, .xlsx: see voltrail template), is an EPCIS
    document (.json, .jsonld) or a signed .report. The signed file is kept beside FILE until there is a
    receipt, so nothing is lost when the line breaks; the same lines give the same receipt however often they
    are sent. More than 10,000 rows go in several reports.
    With --out it is only signed, and written there: for the page /report, or for another day.
    A receipt that a server gives is checked: the log's key must have signed it, for these lines.
    With --watch files are taken from a folder: each once, to taken/, or to refused/ with the reasons.
    """
    if (file is None) == (watch is None) or (once and watch is None):
        raise UsageError(
            "usage.file", "Nothing is named to be reported.", "Name a FILE, or a folder: --watch DIR."
        )
    mapping = read_columns(columns) if columns is not None else None
    signer = read_key(key) if key is not None else None
    asked = Asked(kind, mapping, signer.verifier.holder if signer is not None else None)
    secret = read_token(token)
    if url is not None:
        patience_s = 0 if watch is not None else PATIENCE_S
        target: Client | _Folder = Client(
            url, secret, signer, policy, patience_s=patience_s, plain_http=plain_http
        )
    else:
        if token is not None:
            raise UsageError(
                "usage.token", "A token is for a server.", "Give --to URL, or --key KEY.pem for a folder."
            )
        target = _Folder(data, database, signer)
    with target:
        if watch is not None:
            watch_folder(watch, target, asked, mode, once=once, as_json=as_json)
        elif file is not None and out is not None:
            _keep(out, _signed(file, asked, target))
            click.echo(f"Signed: {out}. Hand it in with voltrail report {out}, or on the page /report.")
        elif file is not None and check:
            answers = target.check_file(_signed(file, asked, target))
            print_json(answers) if as_json else _print_answers(answers)
            raise SystemExit(0 if all(answer["allowed"] for answer in answers) else 1)
        elif file is not None:
            _report(file, asked, target, mode, as_json=as_json).close()


def read_token(path: Path | None) -> str | None:
    """Return the token in a file that only its owner may read, else that of the environment, else None."""
    if path is None:
        return os.environ.get(IN_ENVIRONMENT) or None
    if path.stat().st_mode & 0o077:
        raise UsageError(
            "usage.token", f"Others on this machine may read {path}.", f"Close it: chmod 600 {path}"
        )
    return path.read_text().strip()


def _report(file: Path, asked: Asked, target: Client | _Folder, mode: str, *, as_json: bool) -> _Told:
    """Report all rows of a file, and tell what became of them."""
    told = _Told(as_json=as_json)
    if file.suffix == SIGNED:
        told.receipt(target.send(read_signed(file), mode))
        return told
    source = open_source(file, asked)
    with _bar(file, shown=not as_json) as progress:
        reads = source.reads(progress)
        if mode == "all":
            told.sent(deliver_whole(target, reads, _Beside(file, several=False)))
            return told
        keeper = _Beside(file, several=_is_long(source))
        for sent in deliver(target, reads, keeper):
            told.sent(sent)
    return told


def _is_long(source: Source) -> bool:
    """Return whether a file has more rows than go into one report."""
    size = 0
    for number, read in enumerate(source.reads()):
        size += len(read.line or b"")
        if number >= ROWS_AT_ONCE or size > BYTES_AT_ONCE:
            return True
    return False


class _Beside:
    """A keeper: what is signed stands beside the file, as NAME.report or NAME-1.report, until answered."""

    def __init__(self, file: Path, *, several: bool) -> None:
        self._file, self._several, self._number = file, several, 0
        self._held: Path | None = None

    def receipt(self, _: Sequence[bytes]) -> bytes | None:
        """Return nothing: receipts are printed, and asked for again."""
        return None

    def hold(self, _: Sequence[bytes], content: bytes) -> None:
        """Write what is signed; another file of that name is not written over."""
        self._let_go()  # of one that was refused for its size: its halves follow
        self._number += 1
        number = f"-{self._number}" if self._several else ""
        if not content.startswith(b"{"):
            path = self._file.with_name(f"{self._file.stem}{number}{SIGNED}")
            _keep(path, content)
            self._held = path

    def settle(self, _: Sequence[bytes], __: bytes) -> None:
        """Let go of it."""
        self._let_go()

    def _let_go(self) -> None:
        if self._held is not None:
            self._held.unlink(missing_ok=True)
            self._held = None


def _signed(file: Path, asked: Asked, target: Client | _Folder) -> bytes:
    """Return all of a file as one signed report. Raises where a row cannot be read."""
    if file.suffix == SIGNED:
        return read_signed(file)
    reads = list(islice(open_source(file, asked).reads(), MAX_LINES + 1))
    why = next(chain.from_iterable(read.reasons for read in reads), None)
    if why is not None:
        raise ReportError(why.rule, why.message, why.fix, why.row)
    if len(reads) > MAX_LINES:
        raise ReportError(
            "report.too_long", f"A report has at most {MAX_LINES:,} lines.", "Make several files."
        )
    if target.key is None:
        raise UsageError(
            "usage.key", "Lines must be signed.", "Give --key KEY.pem (make one: voltrail key new)."
        )
    return target.encode([read.line or b"" for read in reads])


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

    def __init__(self, data: Path, database: str | None, key: Signer | None) -> None:
        self.key = key
        self._registry = voltrail.open(data, database)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._registry.close()

    def encode(self, lines: Sequence[bytes]) -> bytes:
        """Return the report file over these lines."""
        if self.key is None:
            raise UsageError(
                "usage.key", "Lines must be signed.", "Give --key KEY.pem (make one: voltrail key new)."
            )
        return sign(self._registry.origin, self.key, lines)

    def send(self, content: bytes, mode: str) -> bytes:
        """Hand the report in; return the receipt."""
        return self._registry.report(content, mode)

    def check_file(self, content: bytes) -> list[dict[str, Any]]:
        """Ask whether these may be done."""
        return self._registry.check_report(content)


@contextmanager
def _bar(file: Path, *, shown: bool) -> Iterator[Callable[[int], None] | None]:
    """Show how much of a long file is read, where somebody looks on."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    size = file.stat().st_size
    if not shown or not console.is_terminal or size < 1 << 20:
        yield None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("Reported", total=size)
        yield lambda done: progress.update(task, completed=done)


class _Told:
    """Tells what became of the rows, as it becomes known; `close` ends with the exit code."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._taken = self._known = self._refused = self._runs = 0

    def receipt(self, receipt: bytes) -> None:
        """Tell the receipt of a report that came signed: its rows are its lines."""
        sent = Sent(rows=0)
        note_receipt(receipt, range(1, json.loads(receipt)["lines"] + 1), sent)
        self.sent(sent)

    def sent(self, sent: Sent) -> None:
        """Tell what became of some rows."""
        refused = len({why.row for why in sent.reasons})
        if self._as_json:
            for receipt in sent.receipts:
                click.echo(receipt.decode())
            if sent.unread:
                rows = [_as_dict(why) for why in sent.unread]
                click.echo(json.dumps({"refused_rows": rows}, ensure_ascii=False))
        else:
            click.echo(_tally(sent.taken, sent.known, refused))
            for receipt in sent.receipts:
                _print_entries(json.loads(receipt))
            for found in sent.findings[:SHOWN]:
                click.echo(f"Line {found.row}, {found.kind}: {found.message}")
            for why in sent.reasons[: max(0, SHOWN - self._refused)]:
                click.echo(_said(why), err=True)
        self._runs += 1
        self._taken, self._known = self._taken + sent.taken, self._known + sent.known
        self._refused += refused

    def close(self) -> None:
        """Say how many rows came to which end in all; leave with exit code 1 where some were refused."""
        if not self._as_json:
            if self._runs > 1:
                click.echo(f"In all {_tally(self._taken, self._known, self._refused)}")
            if self._refused > SHOWN:
                click.echo(f"Of those refused, {SHOWN} are told above. All of them: --json", err=True)
        raise SystemExit(1 if self._refused else 0)


def _tally(taken: int, known: int, refused: int) -> str:
    return f"{taken:,} taken, {known:,} known before, {refused:,} refused."


def _print_entries(receipt: dict[str, Any]) -> None:
    if taken := len(receipt["accepted"]):
        first = receipt["first_index"]
        click.echo(
            f"In the log from entry {first:,} to {first + taken - 1:,}. Report {receipt['report'][:16]}"
        )


def _as_dict(why: Reason) -> dict[str, Any]:
    names = ("row", "column", "value", "rule", "message", "fix")
    return {name: getattr(why, name) for name in names}


def _said(why: Reason) -> str:
    """Return in words why a row was not taken."""
    where = f", {why.column}" if why.column else ""
    value = f" ({why.value!r})" if why.value else ""
    return f"Line {why.row}{where}{value}: {why.message} {why.fix}".rstrip()


def _print_answers(answers: list[dict[str, Any]]) -> None:
    for answer in answers:
        verdict = "yes" if answer["allowed"] else f"no. {answer['message']} {answer['fix']}"
        click.echo(f"Line {answer['line']}: {verdict}")
        for one in answer.get("warnings", ()):
            click.echo(f"  advisory, {one['source']}: {one['message']} {one['fix']}")


def watch_folder(
    folder: Path, target: Client | _Folder, asked: Asked, mode: str, *, once: bool, as_json: bool
) -> None:
    """Watch a folder until Ctrl-C; one line is told for each file."""

    def tell(told: Told) -> None:
        click.echo(json.dumps(told.as_dict(), ensure_ascii=False) if as_json else str(told))

    with Watch(folder, target, asked, mode, tell) as watch:
        if once:
            raise SystemExit(0 if watch.run_once() else 1)
        click.echo(f"Watching {folder} until Ctrl-C.", err=True)
        try:
            watch.run()
        except KeyboardInterrupt:
            raise SystemExit(0) from None

"""
Asking the witnesses: every 10 s, for their cosignatures on the last published checkpoint.

Each witness has a thread of its own, so that one that is slow delays nobody. Once the policy's quorum has
cosigned a checkpoint it is kept beside the anchor, and evidence stands under it. The log needs none of this
to go on: it only finds out, here, when its witnesses have seen another history.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from voltrail.connections.exchange import Answer, Unanswered, exchange
from voltrail.errors import NoteError, RegistryClosed, VoltrailError, WitnessError
from voltrail.ledger.keys import Verifier
from voltrail.ledger.notes import Checkpoint, Policy
from voltrail.ledger.witness import Cosignature, Request, origin_hash, parse_size, read_answer
from voltrail.registry.doctor import Check
from voltrail.registry.registry import Registry

ASK_EVERY_S = 10
MAX_AHEAD_S = 3600
MAX_TARGETS = 8  # checkpoints for which cosignatures are gathered at a time

log = logging.getLogger("voltrail.witnesses")

_FIXES = {
    403: "Give its operator this log's key: `voltrail log policy`",
    404: "Ask its operator to add this log: `voltrail log policy`",
}
NOT_ASKED = WitnessError(
    "witness.no_url",
    "It has no URL, so nobody asks it.",
    "Write it after the VKEY in settings.json, with a space between.",
)


class Asked:
    """One witness of the policy, and what became of asking it; only its own thread writes here."""

    def __init__(self, name: str, verifier: Verifier, url: str) -> None:
        self.name, self.verifier, self.url = name, verifier, url.rstrip("/")
        self.checkpoint: Checkpoint | None = None  # the last it cosigned for us since we started
        self.time: int | None = None
        self.error: VoltrailError | None = None

    def ask(self, registry: Registry, note: str, checkpoint: Checkpoint) -> Cosignature | None:
        """
        Return its cosignature on a checkpoint; None when it has already cosigned a later one of this log.

        Raises WitnessError when it does not answer as it must, RegistryClosed when it proves a fork.
        """
        old = min(self.checkpoint.size if self.checkpoint else 0, checkpoint.size)
        for _ in range(2):  # a second time with the size that it says it knows
            request = Request(old, tuple(registry.log.consistency_proof(old, checkpoint.size)), note)
            answer = _ask("POST", f"{self.url}/add-checkpoint", request.body)
            if answer.status == 200:
                cosignature = read_answer(answer.body, checkpoint.text, self.verifier)
                _check_time(cosignature)
                self.checkpoint, self.time = checkpoint, cosignature.time
                return cosignature
            known = parse_size(answer.body.decode("ascii", "replace").rstrip("\n"))
            if answer.status != 409 or known is None or known == old:
                break
            if known > checkpoint.size:
                self._check_ahead(registry, known)
                return None
            old = known
        if answer.status == 422:
            self._check_fork(registry, f"It does not take the proof from the {old:,} entries it knows.")
        raise _refused(answer)

    def _check_ahead(self, registry: Registry, known: int) -> None:
        """Return when the log has grown past what the witness knows; else it knows what the log does not."""
        published = registry.metrics()["log_published_size"]
        if known > published:
            self._check_fork(registry, f"It knows {known:,} entries of this log, which has {published:,}.")

    def _check_fork(self, registry: Registry, why: str) -> None:
        """
        Ask for the checkpoint it holds against us, and raise.

        RegistryClosed when that proves that the log has forked: nobody but the log can have signed it.
        """
        answer = _ask("GET", f"{self.url}/{origin_hash(registry.origin)}/checkpoint")
        try:
            registry.hold_against(answer.body.decode())
        except (NoteError, UnicodeDecodeError):
            shown = "It shows nothing with this log's signature that would prove it."
        else:
            shown = "The checkpoint that it shows is one of this log's own, so it is wrong."
        raise WitnessError(
            "witness.other_history",
            f"{why} {shown}",
            "Ask its operator. If the log was restored from a copy, see the operator's manual.",
        )


class Witnesses:
    """The witnesses of a registry's policy that have a URL, asked from `start` to `close`."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._policy = Policy.parse(registry.policy)
        self.asked = [
            Asked(name, verifier, self._policy.urls[name])
            for name, verifier in self._policy.witnesses.items()
            if name in self._policy.urls
        ]
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()  # guards what follows
        self._round = -1
        self._target: tuple[str, Checkpoint] | None = None
        self._lines: dict[str, dict[str, str]] = {}  # by the log's note: each witness's line

    def start(self) -> None:
        """Begin asking."""
        self._stop.clear()
        self._threads = [
            threading.Thread(target=self._run, args=(one,), name=f"witness {one.name}", daemon=True)
            for one in self.asked
        ]
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Stop asking; whoever still waits for an answer is not waited for long."""
        self._stop.set()
        until = time.monotonic() + 1
        for thread in self._threads:
            thread.join(timeout=max(0.0, until - time.monotonic()))

    def ask_all(self) -> None:
        """Ask every witness once, all at the same time; return when all have answered or been given up."""
        number = self._round + 1
        threads = [threading.Thread(target=self._ask, args=(one, number)) for one in self.asked]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _run(self, one: Asked) -> None:
        started = time.monotonic()
        while not self._stop.is_set():
            number = int((time.monotonic() - started) // ASK_EVERY_S)
            self._ask(one, number)
            self._stop.wait(started + (number + 1) * ASK_EVERY_S - time.monotonic())

    def _ask(self, one: Asked, number: int) -> None:
        """Ask a witness for the checkpoint of this round, if it has not cosigned it; note what is wrong."""
        before = one.error
        try:
            note, checkpoint = self._chosen(number)
            if checkpoint != one.checkpoint or before is not None:
                cosignature = one.ask(self._registry, note, checkpoint)
                if cosignature is not None:
                    self._take(one, note, checkpoint, cosignature)
            one.error = None
        except VoltrailError as error:
            one.error = error
        except Exception as error:  # noqa: BLE001 - whatever it is, the next round is tried
            one.error = WitnessError("witness.failed", f"It could not be asked: {error!r}.")
        self._tell(one, before)

    def _tell(self, one: Asked, before: VoltrailError | None) -> None:
        """Tell the operator what has changed; a fork loudly."""
        if str(one.error) == str(before):
            return
        if one.error is None:
            log.warning("Witness %s cosigns again.", one.name)
        elif isinstance(one.error, RegistryClosed):
            log.critical("Witness %s: %s", one.name, one.error)
        else:
            log.warning("Witness %s: %s", one.name, one.error)

    def _chosen(self, number: int) -> tuple[str, Checkpoint]:
        """Return the checkpoint that all witnesses are asked for in this round: the last published one."""
        with self._lock:
            if self._target is None or number > self._round:
                self._round, self._target = number, self._registry.log.published()
            return self._target

    def _take(self, one: Asked, note: str, checkpoint: Checkpoint, cosignature: Cosignature) -> None:
        """Gather a cosignature; keep the checkpoint once the quorum has cosigned it."""
        with self._lock:
            lines = self._lines.setdefault(note, {})
            lines[one.name] = cosignature.line
            while len(self._lines) > MAX_TARGETS:
                del self._lines[next(iter(self._lines))]
            whole = note + "".join(lines[name] for name in self._policy.witnesses if name in lines)
            try:
                self._policy.check(whole)
            except NoteError:
                return  # not yet a quorum
            self._registry.witnessed.advance(whole, checkpoint.size)

    def status(self) -> dict[str, Any]:
        """Return how far the witnesses are; `behind` counts entries, `error` is in plain words."""
        published = self._registry.metrics()["log_published_size"]
        witnessed = self._registry.witnessed.read()
        asked = {one.name: one for one in self.asked}
        return {
            "size": published,
            "witnessed_size": witnessed[1].size if witnessed else None,
            "witnesses": [_status(name, asked.get(name), published) for name in self._policy.witnesses],
        }


def diagnose_witnesses(registry: Registry) -> Iterator[Check]:
    """Ask every witness once, and say of each whether it cosigns."""
    witnesses = Witnesses(registry)
    witnesses.ask_all()
    for told in witnesses.status()["witnesses"]:
        asked = next((one for one in witnesses.asked if one.name == told["name"]), None)
        if asked is None:
            message = f"{told['name']}: {NOT_ASKED.message}"
            yield Check("witness", ok=False, message=message, fix=NOT_ASKED.fix)
        elif asked.error is not None:
            message = f"{asked.name} ({asked.url}): {asked.error.message}"
            yield Check("witness", ok=False, message=message, fix=asked.error.fix)
        else:
            size = asked.checkpoint.size if asked.checkpoint else told["size"]
            yield Check("witness", ok=True, message=f"{asked.name} cosigned {size:,} entries.")


def _status(name: str, asked: Asked | None, published: int) -> dict[str, Any]:
    checkpoint = asked.checkpoint if asked else None
    at = asked.time if asked else None
    error = NOT_ASKED if asked is None else asked.error
    return {
        "name": name,
        "url": asked.url if asked else None,
        "size": checkpoint.size if checkpoint else None,
        "time": datetime.fromtimestamp(at, UTC).isoformat() if at is not None else None,
        "behind": published - (checkpoint.size if checkpoint else 0),
        "error": error and error.message,
        "rule": error and error.rule,
    }


def _check_time(cosignature: Cosignature) -> None:
    """Raise when a witness's clock is far ahead: verifiers may refuse such cosignatures."""
    if cosignature.time > time.time() + MAX_AHEAD_S:
        message = "Its cosignature is of a time that has not come yet."
        raise WitnessError("witness.time", message, "Compare the clocks of both machines.")


def _ask(method: str, url: str, body: bytes | None = None) -> Answer:
    """Return a witness's answer. Raises WitnessError when there is none."""
    try:
        return exchange(method, url, body)
    except Unanswered as error:
        if error.why == "unreachable":
            fix = "See that it runs, and that its URL is right."
            raise WitnessError("witness.unreachable", error.message, fix) from error
        if error.why == "slow":
            fix = "Ask its operator; the log goes on without it."
            raise WitnessError("witness.slow", error.message, fix) from error
        fix = "This is not how a witness answers: see its URL."
        raise WitnessError("witness.answer", error.message, fix) from error


def _refused(answer: Answer) -> WitnessError:
    """Return what is said of an answer that is no cosignature."""
    words = "".join(c for c in answer.body[:200].decode("utf-8", "replace") if c.isprintable() or c == " ")
    said = f", and says: {words}" if words else ""
    fix = _FIXES.get(answer.status, "See that its URL is that of a witness (C2SP tlog-witness).")
    return WitnessError("witness.refused", f"It answers {answer.status}{said}", fix)

"""
While a server runs, what is due is claimed and sent, eight at a time; several servers take different pieces.

What is claimed stands in the database with a lease: whatever stops, it is claimed again.
"""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable
from typing import Final, Generic, TypeVar

AT_ONCE: Final = 8
LOOK_S: Final = 1.0
AGAIN_S: Final = 10.0  # after a failure of our own
FIRST_WAIT_S: Final = 5
LONGEST_WAIT_S: Final = 900
LONGEST_ASKED_S: Final = 3_600  # that a receiver may ask for

log = logging.getLogger("voltrail.sending")

Claimed = TypeVar("Claimed")


class Rounds(Generic[Claimed]):
    """Claims and works, from `start` to `close`; `claim` gives None when nothing is due."""

    def __init__(
        self, name: str, claim: Callable[[], Claimed | None], work: Callable[[Claimed], object]
    ) -> None:
        self._name, self._claim, self._work = name, claim, work
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin; the first look is at once."""
        self._stop.clear()
        self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop; what is under way is not waited for: it is sent again under the same id."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=1)

    def _run(self) -> None:
        free = threading.BoundedSemaphore(AT_ONCE)

        def work(claimed: Claimed) -> None:
            try:
                self._work(claimed)
            except Exception as error:  # it is claimed again when its lease ends
                self._say("What was sent is sent again", error)
                log.debug("What was sent is sent again.", exc_info=error)
            finally:
                free.release()

        while not self._stop.is_set():
            if not free.acquire(timeout=LOOK_S):
                continue
            claimed = self._next()
            if claimed is None:
                free.release()
                continue
            threading.Thread(target=work, args=(claimed,), name=self._name, daemon=True).start()

    def _next(self) -> Claimed | None:
        """Return what is due; None after a rest."""
        try:
            claimed = self._claim()
        except Exception as error:  # whatever it is, it is tried again
            self._say("Nothing is sent", error)
            log.debug("Nothing is sent.", exc_info=error)
            self._stop.wait(AGAIN_S)
            return None
        if claimed is None:
            self._stop.wait(LOOK_S)
        return claimed

    def _say(self, what: str, error: Exception) -> None:
        if not self._stop.is_set():
            log.warning("%s (%s): %s", what, self._name, str(error) or repr(error))


def wait_s(attempt: int, later: str = "") -> float:
    """Return when to try again: twice as long each time, never all at once; or as the receiver says."""
    most = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** min(attempt - 1, 16))
    asked = int(later) if later.isascii() and later.isdigit() and len(later) < 6 else 0
    return max(random.uniform(most / 2, most), min(asked, LONGEST_ASKED_S))  # noqa: S311 - spreads load

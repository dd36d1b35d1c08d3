"""While a server runs, what workspaces, duties, outlets, flows and cases say is brought up behind the log."""

from __future__ import annotations

import logging
import threading
import time
from datetime import datetime

from voltrail.regimes.deadlines import CHINA
from voltrail.registry.following import FOLLOWED_AT_ONCE
from voltrail.registry.registry import Registry

LOOK_S = 1.0
AGAIN_S = 10.0  # after a failure
WEIGHED_EVERY_S = 60.0
RESTS = 4  # times as long as it worked, while reports come in: they come first

log = logging.getLogger("voltrail.workspace")


class Follower:
    """
    Follows the log from `start` to `close`, by small steps; with rests between while the log grows.

    Several servers take turns. Whoever asks for a workspace brings it up first, as far as that takes no time.
    """

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._left = 0
        self._weigh_at = 0.0

    def start(self) -> None:
        """Begin; the first look is at once."""
        self._stop.clear()
        self._thread = threading.Thread(target=self._run, name="workspace", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop after the step that is being made: the next start goes on from there."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=5)

    def _run(self) -> None:
        while not self._stop.wait(self.step()):
            pass

    def step(self) -> float:
        """Follow a step of the log; return after how many seconds to go on."""
        begun = time.monotonic()
        try:
            left = self._registry.follow()
            if not left and time.monotonic() >= self._weigh_at:
                self._registry.missing.weigh()
                self._registry.duties.remind(datetime.now(CHINA).date())
                self._weigh_at = time.monotonic() + WEIGHED_EVERY_S
        except Exception as error:  # whatever it is, it is tried again
            if self._stop.is_set():  # the database was closed over a long step: the next start goes on
                return AGAIN_S
            log.warning("What follows the log is not brought up: %s", str(error) or repr(error))
            log.debug("What follows the log is not brought up.", exc_info=error)
            return AGAIN_S
        before, self._left = self._left, left
        if not left:
            return LOOK_S
        grown = left > before - FOLLOWED_AT_ONCE
        return RESTS * (time.monotonic() - begun) if grown else 0

"""Once a day the heads of all chains are entered in the log, while a server runs."""

from __future__ import annotations

import logging
import threading
import time

from voltrail.errors import VoltrailError
from voltrail.registry.registry import Registry

DAY_S = 86_400
AGAIN_S = 600  # after a failure

log = logging.getLogger("voltrail.heads")


class DailyHeads:
    """
    Enters heads when the last are a day old, from `start` to `close`.

    Several servers may do so on one folder: they take turns, and one that comes second finds nothing new.
    """

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin; the first look is at once."""
        self._stop.clear()
        self._thread = threading.Thread(target=self._run, name="daily heads", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop; a tree that is being built is not waited for: the next start begins it anew."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=1)

    def _run(self) -> None:
        while not self._stop.wait(self.enter()):
            pass

    def enter(self) -> float:
        """Enter heads if they are due; return after how many seconds to look again."""
        entered_at = self._registry.heads.entered_at()
        due_s = 0.0 if entered_at is None else entered_at + DAY_S - time.time()
        if due_s > 0:
            return due_s
        try:
            index = self._registry.enter_heads()
        except VoltrailError as error:
            log.warning("Heads were not entered: %s", error)
            return AGAIN_S
        except Exception:
            log.exception("Heads were not entered; they are tried again.")
            return AGAIN_S
        if index is None:  # nothing reported since: look again when something may have been
            return AGAIN_S
        log.info("The heads of all chains stand at entry %d.", index)
        return DAY_S

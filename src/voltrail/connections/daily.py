"""Once a day the heads of all chains are entered in the log, while a server runs."""

from __future__ import annotations

import logging
import threading

from voltrail.errors import VoltrailError
from voltrail.registry.registry import Registry

DAY_S = 86_400
AGAIN_S = 600  # after a failure

log = logging.getLogger("voltrail.heads")


class DailyHeads:
    """
    Enters heads when the last are a day old, from `start` to `close`.

    Several servers may do so on one folder: they take turns, and one that comes second finds them young.
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
        try:
            age_s = self._registry.heads.age_s()
            if age_s < DAY_S:
                return min(DAY_S - age_s, DAY_S)  # where the clock was put back, no longer either
            index = self._registry.enter_heads(min_age_s=DAY_S)
        except VoltrailError as error:
            log.warning("Heads were not entered, and are tried again in ten minutes: %s", error)
            return AGAIN_S
        except Exception as error:  # whatever it is, it is tried again
            log.warning(
                "Heads were not entered, and are tried again in ten minutes: %s", str(error) or repr(error)
            )
            log.debug("Heads were not entered.", exc_info=error)
            return AGAIN_S
        if index is None:  # nothing reported since: look again when something may have been
            return AGAIN_S
        log.info("The heads of all chains stand at entry %d.", index)
        return DAY_S

"""
A process to be killed: several threads report to a registry and print each receipt as they get it.

Run with `python -m tests.faults.reporter DATA FIRST_NUMBER THREADS [MOMENT]`. At MOMENT, the first time a
commit comes to it, the process kills itself; without one, whoever started it does that.
"""

import json
import os
import signal
import sys
import threading
from itertools import count
from pathlib import Path

import voltrail
from tests.faults.load import report_of
from voltrail.registry.anchor import Anchor
from voltrail.registry.append import Append

MOMENTS = {  # what is about to be done when the process is killed
    "writing": (Append, "write"),
    "anchoring": (Anchor, "advance"),
    "renaming": (Path, "replace"),
    "answering": (Append, "answer"),
}


def kill_at(moment):
    """Let the process kill itself instead of doing what comes at this moment."""
    owner, name = MOMENTS[moment]
    setattr(owner, name, lambda *_: os.kill(os.getpid(), signal.SIGKILL))


def main(data, first, threads, moment=None):
    numbers, told = count(int(first)), threading.Lock()
    registry = voltrail.open(Path(data))
    if moment:
        kill_at(moment)

    def work():
        while True:
            with told:
                number = next(numbers)
            receipt = registry.report(report_of(number)[0])
            with told:
                print(json.dumps({"number": number, "receipt": receipt.decode()}), flush=True)

    for _ in range(int(threads)):
        threading.Thread(target=work).start()


if __name__ == "__main__":
    main(*sys.argv[1:])

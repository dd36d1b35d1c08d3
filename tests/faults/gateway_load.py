"""Platforms that send as fast as they are answered, and what must hold of what they were answered."""

import socket
import threading
from contextlib import suppress

from tests.gateway.vehicles import platform_login, report
from voltrail.telematics.gbt32960.stream import split

AT_ONCE = 50


class Loader(threading.Thread):
    """Sends reports of a vehicle of its own, each second once, and again after a break until answered."""

    def __init__(self, port, name, password, number):
        super().__init__()
        self.port, self.login = port, platform_login(name, password)
        self.vin = f"LTESTVIN{number:09}"
        self.acknowledged = []
        self.stopped = threading.Event()

    def run(self):
        while not self.stopped.is_set():
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=30) as peer:
                peer.sendall(self.login)
                self._send(peer)
            self.stopped.wait(0.05)

    def _send(self, peer):
        rest, waiting = b"", [self.login]
        while not self.stopped.is_set():
            data = peer.recv(1 << 16)
            if not data:
                return
            rest += data
            cut = split(rest, final=False)
            for start, _ in cut.frames:
                sent = waiting.pop(0)
                assert (rest[start + 2], rest[start + 3]) == (sent[2], 1)
                assert rest[start + 24 : start + 30] == sent[24:30]
                if sent is not self.login:
                    self.acknowledged.append(sent)
            rest = rest[cut.rest :]
            if not waiting:
                first = len(self.acknowledged)
                waiting = [report(first + n, self.vin) for n in range(AT_ONCE)]
                peer.sendall(b"".join(waiting))


def loaders(port, admission, count=6):
    """Return platforms that have begun to send."""
    password = admission.add_platform("north", "91000000MA0000001R")
    found = [Loader(port, "north", password, number) for number in range(count)]
    for one in found:
        one.start()
    return found


def check(found, kept, processes=1):
    """
    All that was acknowledged stands in the segments; what stands there more was sent.

    Of one process also in order. Whoever comes to another process after a kill goes on in its segment,
    which may have begun before: then what was sent is put in order by its time.
    """
    held = {}
    for _, frame in kept:
        held.setdefault(frame[4:21].decode(), []).append(frame)
    for one in found:
        frames = list(dict.fromkeys(held.get(one.vin, [])))
        if processes > 1:
            frames.sort(key=lambda frame: frame[24:30])
        assert frames[: len(one.acknowledged)] == one.acknowledged
        assert len(frames) <= len(one.acknowledged) + AT_ONCE

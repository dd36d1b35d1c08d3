"""Vehicles and platforms on real sockets, for the tests of the gateway."""

import socket
import ssl
from datetime import UTC, datetime, timedelta

from voltrail.gateway.segments import SUFFIX, read
from voltrail.telematics.gbt32960.frame import read_frame
from voltrail.telematics.gbt32960.stream import split
from voltrail.telematics.gbt32960.writing import make_frame

VIN = "LTESTVIN000000001"
OTHER = "LTESTVIN000000002"
ICCID = "89860000000000000001"
BEGUN = datetime(2026, 11, 30, 1, 0, 0, tzinfo=UTC)
PACK = "0EVCBA00000001A000000001"


def login(vin=VIN, iccid=ICCID, edition=2016):
    """Return the frame with which a vehicle logs in."""
    record = {"time": BEGUN, "login_seq": 1, "iccid": iccid}
    if edition == 2016:
        record |= {"ress_count": 1, "code_length": 24, "ress_codes": [PACK]}
    else:
        record |= {"packs_per_bms": [1], "pack_codes": [PACK]}
    return make_frame(edition, 1, vin, record)


def report(second=0, vin=VIN, edition=2016, command=2):
    """Return a report, another for each second."""
    place = {"position_status": 0, "longitude": 116_400_000, "latitude": 39_900_000}
    if edition == 2025:
        place["coordinate_system"] = 1
    time = BEGUN + timedelta(seconds=second)
    return make_frame(edition, command, vin, {"time": time}, [(5, place)])


def logout(vin=VIN, edition=2016):
    """Return the frame with which a vehicle logs out."""
    return make_frame(edition, 4, vin, {"time": BEGUN, "logout_seq": 1})


def platform_login(name, password, edition=2016):
    """Return the frame with which a platform logs in."""
    record = {"time": BEGUN, "login_seq": 1, "username": name, "password": password, "encryption_rule": 1}
    return make_frame(edition, 5, "", record)


class Peer:
    """A socket that sends frames and reads answers."""

    def __init__(self, port, context=None):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        if context is not None:
            self.socket = context.wrap_socket(self.socket, server_hostname="localhost")  # closes what fails
        self.rest = b""

    def send(self, *frames):
        self.socket.sendall(b"".join(frames))

    def answers(self, count):
        """Return so many answers, each as command and acknowledgement; fewer if the gateway closes."""
        found = []
        while len(found) < count:
            try:
                data = self.socket.recv(65536)
            except (ConnectionResetError, ssl.SSLError):
                break
            if not data:
                break
            self.rest += data
            cut = split(self.rest, final=False)
            assert not cut.refused
            found += [self.rest[start:stop] for start, stop in cut.frames]
            self.rest = self.rest[cut.rest :]
        return found

    def acks(self, count):
        return [(frame[2], frame[3]) for frame in self.answers(count)]

    def asked(self, frame):
        """Send a frame; return the command and acknowledgement of its answer."""
        self.send(frame)
        return (self.acks(1) or [None])[0]

    def is_closed(self):
        """Wait until the gateway closes; whether it has said anything before is left aside."""
        self.answers(1 << 30)
        return True

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def kept(folder):
    """Return all frames in the segments of a folder, each with its source, in the order they were kept."""
    found = []
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        for record in read(path):
            cut = split(record.frames)
            assert not cut.refused
            found += [(record.source, record.frames[start:stop]) for start, stop in cut.frames]
    return found


def time_of(frame):
    return read_frame(frame).time

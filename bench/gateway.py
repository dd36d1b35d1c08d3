"""
How many frames the gateway makes durable, how long its answers take, and what a connection costs it.

    python bench/gateway.py [--connections 10000] [--links 20] [--seconds 10] [--rate 50000] [--processes 2]

Terminals and platforms connect to a gateway of its own on this machine, each sends one frame at a time, and
only platforms are answered. The generator is compiled and sends frames that were made before, so that the
gateway has as much of both cores as may be; what each of them took is told apart. Durable are the frames that
stand in segments, counted afterwards. Beside it in the same run: the same load on a receiver that only reads.
"""

from __future__ import annotations

import argparse
import asyncio
import ctypes
import os
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numba import njit

import voltrail
from voltrail.demo import World, populate
from voltrail.demo.convoy import Convoy, invented
from voltrail.demo.frames import PLATFORM_LOGIN, login
from voltrail.gateway.folder import Folder
from voltrail.gateway.segments import read
from voltrail.registry.admission import Admission
from voltrail.registry.settings import initialise
from voltrail.telematics.gbt32960.batch import Decoder
from voltrail.telematics.gbt32960.writing import make_frame

ANSWER_BYTES = 31  # an answer with a time and nothing else
WINDOW = 256  # frames of a platform that wait for their answers
PER_ADDRESS = 1_000  # connections from one address: a port is named once for each
TOGETHER = 100  # log in at once
CHUNK = 64  # sends between two looks at the clock and at what was answered

_libc = ctypes.CDLL(None)
send = _libc.send
send.argtypes = (ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
send.restype = ctypes.c_ssize_t
recv = _libc.recv
recv.argtypes = (ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
recv.restype = ctypes.c_ssize_t
clock_gettime = _libc.clock_gettime
clock_gettime.argtypes = (ctypes.c_int, ctypes.c_void_p)
clock_gettime.restype = ctypes.c_int
usleep = _libc.usleep
usleep.argtypes = (ctypes.c_uint,)
usleep.restype = ctypes.c_int


@njit
def drive(files, base, begins, sizes, left, links, sent_s, asked, got, rest, took_s, seconds, rate):
    """
    Send each connection's frame in turns for some seconds, `rate` a second (0: as fast as it goes).

    The first `links` are platforms: how long each of their answers took goes into `took_s`. Returns how many
    frames were sent, how many answers came, and how often a connection would take no more.
    """
    now, inbox = np.zeros(2, np.int64), np.zeros(1 << 16, np.uint8)
    clock_gettime(1, now.ctypes.data)
    begun = now[0] + now[1] * 1e-9
    at = begun
    frames = answers = full = 0
    while at - begun < seconds:
        for first in range(0, len(files), CHUNK):
            for n in range(first, min(first + CHUNK, len(files))):
                if n < links:
                    if asked[n] - got[n] >= WINDOW:
                        continue
                    if left[n] == 0:
                        sent_s[n, asked[n] % WINDOW] = at
                done = send(files[n], base + begins[n] + left[n], sizes[n] - left[n], 0x4040)
                if done < 0:
                    full += 1
                    continue
                left[n] += done
                if left[n] == sizes[n]:
                    left[n] = 0
                    frames += 1
                    if n < links:
                        asked[n] += 1
            clock_gettime(1, now.ctypes.data)
            at = now[0] + now[1] * 1e-9
            for n in range(links):
                size = recv(files[n], inbox.ctypes.data, len(inbox), 0x40)
                if size <= 0:
                    continue
                rest[n] += size
                while rest[n] >= ANSWER_BYTES:
                    rest[n] -= ANSWER_BYTES
                    took_s[answers % len(took_s)] = at - sent_s[n, got[n] % WINDOW]
                    got[n] += 1
                    answers += 1
            if at - begun >= seconds:
                break
            if rate > 0:
                ahead = frames / rate - (at - begun)
                if ahead > 0:
                    usleep(np.uint32(ahead * 1e6))
    return frames, answers, full


def cpu_s(pids) -> float:
    """Return the CPU seconds that processes have taken."""
    ticks = 0
    for pid in pids:
        try:
            told = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except FileNotFoundError:
            continue
        ticks += int(told[11]) + int(told[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def family(pid: int) -> list[int]:
    """Return a process and all that it began."""
    found = [pid]
    for one in found:
        for task in Path(f"/proc/{one}/task").glob("*/children"):
            found += [int(child) for child in task.read_text().split()]
    return found


def resident_kb(pids) -> int:
    """Return the memory that processes have to themselves."""
    total = 0
    for pid in pids:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith(("Private_Clean", "Private_Dirty")):
                total += int(line.split()[1])
    return total


def kernel_kb() -> int:
    """Return the memory of the machine's TCP sockets' buffers, and of what else the kernel keeps of them."""
    held = 0
    for line in (
        Path("/proc/slabinfo").read_text().splitlines() if os.access("/proc/slabinfo", os.R_OK) else ()
    ):
        name, _, count, size, *_ = line.split()
        if name in {
            "TCP",
            "sock_inode_cache",
            "filp",
            "eventpoll_epi",
            "eventpoll_pwq",
            "dentry",
            "tw_sock_TCP",
        }:
            held += int(count) * int(size) // 1024
    pages = int(Path("/proc/net/sockstat").read_text().split("mem ")[1].split()[0])
    return held + pages * os.sysconf("SC_PAGE_SIZE") // 1024


def connected(port: int, number: int, first: int = 0) -> list[socket.socket]:
    """Return connections from several addresses of this machine, numbered from `first`."""
    found = []
    for n in range(first, first + number):
        one = socket.socket()
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        one.bind((f"127.0.1.{1 + n // PER_ADDRESS}", 0))
        for _ in range(50):
            try:
                one.connect(("127.0.0.1", port))
                break
            except ConnectionRefusedError:
                time.sleep(0.2)
        found.append(one)
    return found


def answered(sockets, frames) -> int:
    """Send each connection its frame and wait for its answer; return how many said yes."""
    for one, frame in zip(sockets, frames, strict=True):
        one.settimeout(30)
        one.sendall(frame)
    return sum(one.recv(4096)[3:4] == b"\x01" for one in sockets)


class Load:
    """Connections, each with the frame that it sends again and again."""

    def __init__(self, sockets, frames, links: int) -> None:
        self.sockets = sockets
        for one in sockets:
            one.setblocking(False)
        self.files = np.array([one.fileno() for one in sockets], np.int32)
        self.sizes = np.array([len(frame) for frame in frames], np.int64)
        self.begins = self.sizes.cumsum() - self.sizes
        self.bytes = np.frombuffer(b"".join(frames), np.uint8).copy()
        self.links = links
        self.left = np.zeros(len(sockets), np.int64)
        many = max(links, 1)
        self.sent_s = np.zeros((many, WINDOW))
        self.asked, self.got, self.rest = (np.zeros(many, np.int64) for _ in range(3))
        self.took_s = np.zeros(1_000_000)
        self.phases = []

    def settle(self) -> int:
        """Wait until nothing comes any more; return how many answers came."""
        came, quiet = 0, 0
        while quiet < 20:
            time.sleep(0.1)
            before = came
            for n in range(self.links):
                try:
                    size = len(self.sockets[n].recv(1 << 20))
                except BlockingIOError:
                    continue
                whole, self.rest[n] = divmod(self.rest[n] + size, ANSWER_BYTES)
                self.got[n] += whole
                came += whole
            quiet = quiet + 1 if came == before else 0
        return came

    def run(self, seconds: float, rate: float = 0) -> tuple[int, int, int, float]:
        """Send; return frames, answers, refusals to take more, and the seconds it took."""
        begun = time.monotonic()
        told = drive(
            self.files,
            self.bytes.ctypes.data,
            self.begins,
            self.sizes,
            self.left,
            self.links,
            self.sent_s,
            self.asked,
            self.got,
            self.rest,
            self.took_s,
            float(seconds),
            float(rate),
        )
        return *told, time.monotonic() - begun


def receive(port: int) -> None:
    """Read what comes to a port and count it until told to end."""
    import uvloop

    class Counting(asyncio.BufferedProtocol):
        buffer = bytearray(1 << 16)
        seen = 0

        def get_buffer(self, _size):
            return Counting.buffer

        def buffer_updated(self, size):
            Counting.seen += size

    async def serve() -> None:
        loop, stop = asyncio.get_running_loop(), asyncio.Event()
        loop.add_signal_handler(signal.SIGTERM, stop.set)
        await loop.create_server(Counting, "127.0.0.1", port, reuse_port=True, backlog=4096)
        await stop.wait()
        print(Counting.seen, flush=True)

    uvloop.run(serve())


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def say(label: str, frames: int, seconds: float, ours: float, theirs: float, more: str = "") -> None:
    print(
        f"{label:<34} {frames:>11,} frames {frames / seconds:>9,.0f}/s"
        f"   CPU: generator {ours:5.1f} s, receiver {theirs:5.1f} s{more}",
        flush=True,
    )


def bare(frames: list[bytes], processes: int, seconds: float) -> None:
    """Tell what a receiver that only reads and counts takes of the same load."""
    port = free_port()
    receivers = [
        subprocess.Popen(
            [sys.executable, str(Path(__file__).resolve()), "--receive", str(port)],
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(processes)
    ]
    time.sleep(2)
    load = Load(connected(port, len(frames)), frames, 0)
    pids = [one.pid for one in receivers]
    load.run(1)
    before, ours = cpu_s(pids), time.process_time()
    sent, _, _, took = load.run(seconds)
    say("bare receiver, as fast as it goes", sent, took, time.process_time() - ours, cpu_s(pids) - before)
    for one in load.sockets:
        one.close()
    for one in receivers:
        one.terminate()
        one.wait()


class Gateway:
    """A gateway of its own over a registry of its own."""

    def __init__(self, folder: Path, processes: int, links: int) -> None:
        self.data, self.port = folder / "data", free_port()
        world = World(1, 20261)
        initialise(self.data, "bench.example/log", [world.authority.vkey])
        with voltrail.open(self.data) as registry:
            populate(registry, world)
            admission, owner = Admission(registry.database.pool), world.organisations[1].identifier
            self.passwords = [admission.add_platform(f"LINK{number}", owner) for number in range(links)]
        options = ("--listen", f"127.0.0.1:{self.port}", "--processes", str(processes), "--admit", "any")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "voltrail.cli", "gateway", *options, "--data", str(self.data)],
            stderr=subprocess.PIPE,
            text=True,
        )
        assert "Taking frames" in self._process.stderr.readline()

    @property
    def pids(self) -> list[int]:
        return family(self._process.pid)

    def end(self) -> None:
        self._process.terminate()
        self._process.wait(60)

    def durable(self, begin_ms: int, end_ms: int) -> int:
        """Return how many frames stand in segments that came within a time."""
        decoder, found = Decoder(), 0
        for path in sorted(Folder.of(self.data).segments.rglob("*.seg")):
            for record in read(path):
                if begin_ms <= record.received_ms < end_ms:
                    found += len(decoder.decode(record.frames).frames()["offset"])
        return found


def logins(members, passwords) -> list[bytes]:
    """Return what each connection says first: platforms by their names, vehicles by their VINs."""
    now = datetime.now(UTC)
    first = [
        make_frame(
            2016,
            PLATFORM_LOGIN,
            f"LINK{number}",
            {
                "time": now,
                "login_seq": 1,
                "username": f"LINK{number}",
                "password": password,
                "encryption_rule": 1,
            },
        )
        for number, password in enumerate(passwords)
    ]
    return first + [login(m.edition, m.vehicle, now.timestamp()) for m in members]


def measure(load: Load, gateway: Gateway, label: str, seconds: float, rate: float = 0) -> None:
    """Put load on a gateway and tell what became durable of it."""
    load.run(1, rate)
    load.settle()
    pids, ours = gateway.pids, time.process_time()
    before, begun_ms = cpu_s(pids), time.time_ns() // 1_000_000
    sent, answers, full, took = load.run(seconds, rate)
    ours, theirs = time.process_time() - ours, cpu_s(pids) - before
    late = load.settle()
    ended_ms = time.time_ns() // 1_000_000 + 1
    waits = np.sort(load.took_s[: min(answers, len(load.took_s))]) * 1_000
    load.phases.append((label, sent, took, ours, theirs, begun_ms, ended_ms))
    told = "no answers"
    if len(waits):
        p99 = waits[int(0.99 * len(waits))]
        told = f"{answers:,} answers: median {np.median(waits):.1f} ms, p99 {p99:.1f} ms"
    print(f"{label}: {sent:,} sent; {told}; {late:,} answers came later; full {full:,} times", flush=True)


def main() -> None:
    """Measure, and print a line for each."""
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    asked.add_argument("--connections", type=int, default=10_000)
    asked.add_argument("--links", type=int, default=20)
    asked.add_argument("--seconds", type=float, default=10)
    asked.add_argument("--rate", type=float, default=50_000)
    asked.add_argument("--processes", type=int, default=2)
    asked.add_argument("--receive", type=int)
    given = asked.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if given.receive:
        receive(given.receive)
        return
    print(
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {os.cpu_count()} cores,"
        f" load average {os.getloadavg()[0]:.1f}"
    )
    members = invented(given.connections, "mixed", 1)
    convoy = Convoy(members, time.time(), 1)
    reports = convoy.reports(0, time.time())
    # A platform passes on what vehicles of its own send: those that are first.
    frames = reports[: given.links] + reports
    warm = Load([], [], 0)
    warm.run(0)
    bare(frames, given.processes, given.seconds)
    with tempfile.TemporaryDirectory() as folder:
        gateway = Gateway(Path(folder), given.processes, given.links)
        try:
            end_to_end(gateway, members, frames, given)
        finally:
            gateway.end()


def end_to_end(gateway: Gateway, members, frames: list[bytes], given) -> None:
    """Connect, look at what idle connections take, put load on, and count what is durable."""
    pids = gateway.pids
    memory, kernel = resident_kb(pids), kernel_kb()
    begun, cpu = time.monotonic(), cpu_s(pids)
    first, sockets, good = logins(members, gateway.passwords), [], 0
    for at in range(0, len(first), TOGETHER):
        some = connected(gateway.port, len(first[at : at + TOGETHER]), at)
        good += answered(some, first[at : at + TOGETHER])
        sockets += some
    took = time.monotonic() - begun
    print(
        f"{len(sockets):,} connections, {good:,} logged in, {took:.1f} s,"
        f" gateway's CPU {cpu_s(pids) - cpu:.1f} s"
    )
    time.sleep(3)
    each = len(sockets)
    print(
        f"idle: {(resident_kb(pids) - memory) / each:.1f} KB a connection in the processes,"
        f" {(kernel_kb() - kernel) / each:.1f} KB in the kernel (both ends);"
        f" {memory / 1024:.0f} MB before",
        flush=True,
    )
    load = Load(sockets, frames, given.links)
    measure(load, gateway, f"{given.rate:,.0f}/s offered", given.seconds, given.rate)
    measure(load, gateway, "as fast as it goes", given.seconds)
    for one in sockets:
        one.close()
    gateway.end()
    for label, sent, took, ours, theirs, begun_ms, ended_ms in load.phases:
        durable = gateway.durable(begun_ms, ended_ms)
        say(label, durable, took, ours, theirs, f"; {sent:,} sent")


if __name__ == "__main__":
    main()

"""Witnesses in this process, behind real sockets: honest ones, and those that are slow or lie."""

import threading
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from voltrail.connections.witness_server import Witness
from voltrail.connections.witness_store import WitnessStore
from voltrail.errors import WitnessError
from voltrail.ledger.keys import Signer
from voltrail.ledger.witness import STATUS, Cosigner, known_logs


def key(number):
    """Return the key of witness w1, w2, …, the same in every run."""
    return Cosigner(Signer.from_seed(f"w{number}.example", bytes([number]) * 32))


@contextmanager
def served(answer):
    """Serve HTTP with this function of (handler, body), which writes the answer; give the URL."""
    stop = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        stopped = stop

        def do_POST(self):
            answer(self, self.rfile.read(int(self.headers["Content-Length"])))

        def do_GET(self):
            answer(self, None)

        def log_message(self, *_):
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

        def handle_error(self, request, client_address):
            pass  # who lies for ever is cut off, and that is the point

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        stop.set()
        server.shutdown()
        server.server_close()
        thread.join()


def send(handler, status, body, **headers):
    """Write one whole answer."""
    handler.send_response(status)
    for name, value in {"Content-Length": str(len(body)), **headers}.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(body)


@contextmanager
def honest(cosigner, folder, log):
    """An honest witness of one log; gives its URL."""
    store = WitnessStore(folder)
    witness = Witness(cosigner, store, known_logs([log]))

    def answer(handler, body):
        if body is None:
            note = store.last(log.name)
            return send(handler, 200 if note else 404, (note or "").encode())
        try:
            line = witness.add_checkpoint(body)
        except WitnessError as error:
            known = error.known_size
            return send(handler, STATUS[error.rule], (str(error) if known is None else f"{known}\n").encode())
        return send(handler, 200, line.encode())

    with served(answer) as url:
        yield url
    store.close()


def always(status, body=b"", **headers):
    """Answer this, whatever is asked."""
    return lambda handler, _: send(handler, status, body, **headers)


def silence(handler, _):
    """Say nothing, and do not hang up."""
    handler.stopped.wait(60)


def drip(handler, _):
    """Begin an answer and send a byte now and then, for ever."""
    handler.send_response(200)
    handler.end_headers()
    with suppress(OSError):
        while not handler.stopped.wait(0.1):
            handler.wfile.write(b"\xe2")


def flood(handler, _):
    """Send for ever, as fast as it goes."""
    handler.send_response(200)
    handler.end_headers()
    with suppress(OSError):
        while not handler.stopped.is_set():
            handler.wfile.write(bytes(1 << 16))


def garbage(handler, _):
    """Answer with something that is not HTTP."""
    handler.wfile.write(b"\x00\x01 not HTTP\r\n\r\n")


def cosigns(witness, text):
    """Cosign this text, whatever is asked."""
    return always(200, witness.cosign(text, 1_775_000_000).encode())

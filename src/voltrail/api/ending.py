"""How a server ends: whoever was not answered in time is told so; threads are left to what they are at."""

from __future__ import annotations

import asyncio
import json
import os
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from functools import partial
from queue import SimpleQueue
from typing import Final, ParamSpec, TypeVar

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from voltrail.errors import RegistryError

P = ParamSpec("P")
T = TypeVar("T")

MOST: Final = min(32, (os.cpu_count() or 1) + 4)  # as asyncio has it

_ENDING: Final = RegistryError(
    "request.ending",
    "This server is being stopped, and did not come to an answer.",
    "Send it again in a moment; a report that was taken gets the same receipt.",
)


class Told:
    """Around the application: requests that are cancelled, as a server does that ends, are answered."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request on."""
        begun = False

        async def sent(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, sent)
        except asyncio.CancelledError:
            if begun or scope["type"] != ScopeType.HTTP:
                return  # the connection is closed on what was half sent
            body = json.dumps(_ENDING.as_json()).encode()
            headers = {
                b"content-type": b"application/json",
                b"content-length": b"%d" % len(body),
                b"cache-control": b"no-store",
                b"x-content-type-options": b"nosniff",
                b"retry-after": b"5",
                b"connection": b"close",
            }
            await send({"type": "http.response.start", "status": 503, "headers": list(headers.items())})
            await send({"type": "http.response.body", "body": body, "more_body": False})


class Threads(Executor):
    """
    Calls what it is given, in the order it came, in daemon threads.

    A process does not end before the threads of a ThreadPoolExecutor: one page that takes long to work out
    would hold up a server for as long, though nobody waits for it any more. A call that is left unfinished is
    one that nobody was answered: what it had not committed is undone by the database.
    """

    def __init__(self, most: int = MOST) -> None:
        self._calls: SimpleQueue[Callable[[], None]] = SimpleQueue()
        for number in range(most):
            threading.Thread(target=self._run, name=f"request {number}", daemon=True).start()

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Return what will have the result; cancelled before its turn, nothing is called."""
        future: Future[T] = Future()
        self._calls.put(partial(_call, future, partial(fn, *args, **kwargs)))
        return future

    def _run(self) -> None:
        while True:
            self._calls.get()()


def _call(future: Future[T], function: Callable[[], T]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        result = function()
    except BaseException as error:  # noqa: BLE001 - whoever waits is told, whatever it is
        future.set_exception(error)
    else:
        future.set_result(result)

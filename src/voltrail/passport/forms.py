"""
The forms in which a passport is given: one table, for the page, the routes and the command line.

Each is written from what a reader sees of a passport (`Told`), and says itself what it withholds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

from voltrail.errors import UsageError
from voltrail.passport import batterypass, batterypass_ready, credentials, en18223, idta, json_ld
from voltrail.passport.told import Told


class Form(msgspec.Struct, frozen=True):
    """One form: its name in addresses and on the command line, what pages call it, and how it is written."""

    name: str
    title: str
    media_type: str
    write: Callable[[Told], Any]  # a document, as JSON has it; a text is the document itself

    def written(self, told: Told) -> bytes:
        """Return the document as it is sent."""
        document = self.write(told)
        return document.encode() if isinstance(document, str) else msgspec.json.encode(document)


def _batterypass_ready(told: Told) -> dict[str, Any]:
    barred = batterypass_ready.RULES.bars(told.whole.category)
    return batterypass_ready.written(told.shown(barred), told.hidden(barred))


FORMS: Final = {
    one.name: one
    for one in (
        Form("batterypass-ready", "BatteryPass-Ready 1.0", "application/json", _batterypass_ready),
        Form("batterypass-1.2", "BatteryPass 1.2", "application/json", batterypass.written),
        Form("idta-02035", "IDTA 02035", "application/json", idta.written),
        Form("json-ld", "JSON-LD", json_ld.MEDIA_TYPE, json_ld.written),
        Form("sd-jwt", "SD-JWT (RFC 9901)", "application/sd-jwt", credentials.as_sd_jwt),
        Form("vc", "W3C Verifiable Credential", "application/vc+jwt", credentials.as_verifiable_credential),
        Form("en18223", "EN 18223", "application/json", en18223.compressed),
        Form("en18223-full", "EN 18223, in full", "application/json", en18223.in_full),
    )
}


def form(name: str) -> Form:
    """Return the form of a name. Raises UsageError where there is none."""
    if (found := FORMS.get(name)) is None:
        message = f"There is no form {name[:40]!r}."
        raise UsageError("usage.choice", message, f"Use one of {', '.join(FORMS)}.")
    return found

"""Why the gateway did not take what came, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from voltrail.web.catalogue import later

REFUSED: Final[Mapping[str, str]] = {
    "frame.start": later("No frame begins where one must."),
    "frame.length": later("A frame ended before its header says it does."),
    "frame.bcc": later("A byte was changed on the way: the check does not hold."),
    "frame.inside": later("A frame was cut, and its header reaches over others."),
    "gateway.structure": later("A frame does not have what its command asks for."),
    "gateway.command": later("A command that is not for a gateway, or not at this moment."),
    "gateway.answer": later("An answer to a command that was never sent."),
    "gateway.not_logged_in": later("Sent before a login."),
    "gateway.other_vin": later("Sent for another vehicle than the one that logged in."),
    "gateway.vin_unknown": later("A vehicle that the record does not know."),
    "gateway.iccid": later("A vehicle whose card is another than the one it is bound to."),
    "gateway.chip": later("A chip that was activated in another vehicle."),
    "gateway.activated": later("A vehicle that was activated with another chip or key."),
    "gateway.signature": later("A signature that does not hold."),
    "gateway.unsigned": later("Not signed, though the vehicle was activated with a key."),
    "gateway.platform": later("A platform’s name or password was wrong."),
    "gateway.platform_ended": later("A platform that may send no more."),
    "gateway.attempts": later("Too many failed logins from one address."),
    "gateway.connections": later("More connections than the gateway takes on."),
    "gateway.per_address": later("More connections from one address than are taken on."),
    "gateway.taken_over": later("Closed, since the same vehicle connected anew."),
    "gateway.login_late": later("Closed, since no login came."),
    "gateway.idle": later("Closed, since nothing was heard for long."),
    "gateway.slow": later("Closed, since a frame came too slowly."),
    "gateway.unread": later("Closed, since it did not read its answers."),
    "gateway.flood": later("Made to wait, since it sent more than it may."),
    "gateway.database": later("Not asked whether it may, since the database did not answer."),
}
"""By the rule that says so."""

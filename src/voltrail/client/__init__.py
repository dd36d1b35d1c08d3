"""
What programs elsewhere use: a registry's server as an object, and a check for what its webhooks send.

Needs nothing of a registry: no database, no other library for HTTP than Python's own.
"""

from voltrail.client.client import Client
from voltrail.client.signatures import verify_webhook

__all__ = ["Client", "verify_webhook"]

"""
HTTP: one module per noun, one shape for errors, JSON for programs and pages for people.

`create_app(registry)` assembles; nothing imports this package but the command line.
"""

from voltrail.api.app import create_app

__all__ = ["create_app"]

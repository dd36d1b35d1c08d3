"""Which identity provider a registry believes: `oidc.json` in its folder, for its owner's eyes only."""

from __future__ import annotations

import stat
from importlib.util import find_spec
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import msgspec

from voltrail.errors import RegistryError

FILE: Final = "oidc.json"
BACK: Final = "/sign-in/provider/back"
_LOOPBACK: Final = {"127.0.0.1", "::1", "localhost"}


class ProviderSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    An OpenID Connect provider, and how it knows us.

    `name` is what the button says, `address` where people find this registry, as the provider was told.
    """

    name: str
    issuer: str
    client_id: str
    client_secret: str
    address: str

    @property
    def redirect_uri(self) -> str:
        """Where the provider sends people back to."""
        return self.address.rstrip("/") + BACK


def read_provider(data: Path) -> ProviderSettings | None:
    """Return the provider of the registry in a folder, None where there is none. Raises RegistryError."""
    path = data / FILE
    try:
        content, mode = path.read_bytes(), path.stat().st_mode
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _wrong(f"{path} cannot be read: {error.strerror}.") from error
    if stat.S_IMODE(mode) & 0o077:
        raise RegistryError(
            "oidc.readable", f"Others may read {path}, which holds a secret.", f"Run: chmod 600 {path}"
        )
    try:
        settings = msgspec.json.decode(content, type=ProviderSettings)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise _wrong(f"{path} does not read: {error}.") from error
    for name in ("name", "client_id", "client_secret"):
        if not getattr(settings, name).strip():
            raise _wrong(f"{path}: {name} is empty.")
    for name in ("issuer", "address"):
        check_url(f"{path}: {name}", getattr(settings, name))
    if find_spec("joserfc") is None:
        raise RegistryError(
            "oidc.missing",
            f"{path} names an identity provider, and what reads its tokens is not installed.",
            "Run: pip install 'voltrail[oidc]'",
        )
    return settings


def check_url(what: str, url: str) -> None:
    """Raise RegistryError unless nobody on the way to an address can read along."""
    if not is_private_url(url) or urlsplit(url).query or urlsplit(url).fragment:
        raise _wrong(f"{what} is {url[:200]!r}, which is no https address.")


def is_private_url(url: str) -> bool:
    """Return whether an address is one with TLS, or on this machine."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    return (
        bool(host)
        and url.isascii()
        and url.isprintable()
        and not (" " in url or parts.username or parts.password)
        and (parts.scheme == "https" or (parts.scheme == "http" and host in _LOOPBACK))
    )


def _wrong(message: str) -> RegistryError:
    return RegistryError(
        "oidc.settings",
        message,
        "It holds name, issuer, client_id, client_secret and address as JSON: see the operator's manual.",
    )

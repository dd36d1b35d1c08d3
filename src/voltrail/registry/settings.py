"""
What a registry is started with: its origin, its authorities, and its own keys.

In the data folder: `settings.json`, `policy.txt` (for verifiers), `keys/`
(files of mode 0600, never in the database), `host-trust.jsonl` (what the
authority reports once, so that the host's signatures count) and `anchor/`.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from voltrail.errors import NoteError, RegistryError, UsageError
from voltrail.ledger.keys import ED25519, ML_DSA_44, Signer, Verifier, encode64
from voltrail.ledger.notes import Policy
from voltrail.ledger.succession import first_origin, number_of
from voltrail.registry.files import replace


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """
    The public settings.

    `authorities` are vkeys; `witnesses` each a vkey, or a vkey, a space and the URL where it is asked, as in
    a policy; `database` is a DSN, None if embedded.
    """

    origin: str
    authorities: list[str]
    witnesses: list[str] = []
    database: str | None = None

    @property
    def host(self) -> str:
        """The organisation under which the host signs for those who report by sign-in."""
        return f"{first_origin(self.origin)}/host"


class Keys:
    """
    The registry's own keys, read from `folder`: the log's two, the host's, and the host's secret.

    Each log of the record has keys of its own; the host's stay.
    """

    def __init__(self, folder: Path, origin: str) -> None:
        log, log_ml_dsa = _log_files(folder, origin)
        self.log, self.log_ml_dsa = _read_named(log, origin), _read_named(log_ml_dsa, origin)
        self.host = read_signer(folder / "host.pem")
        self.host_secret = (folder / "host.secret").read_bytes()


def _log_files(folder: Path, origin: str) -> tuple[Path, Path]:
    """Return the files of a log's two keys: `log.pem`, or `log-2.pem` for the second log of a record."""
    number = number_of(origin)
    name = "log" if number == 1 else f"log-{number}"
    return folder / f"{name}.pem", folder / f"{name}-ml-dsa-44.pem"


def _read_named(path: Path, name: str) -> Signer:
    signer = read_signer(path)
    if signer.name != name:
        raise RegistryError(
            "key.other",
            f"The key in {path} is that of {signer.name}, not of {name}.",
            "Put the keys folder of this registry back.",
        )
    return signer


def make_keys(folder: Path, settings: Settings) -> bool:
    """Make those of a registry's keys that are not in the folder; return whether the host's was made."""
    log, log_ml_dsa = _log_files(folder, settings.origin)
    host = folder / "host.pem"
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    made = not host.exists()
    for path, name, algorithm in (
        (log, settings.origin, ED25519),
        (log_ml_dsa, settings.origin, ML_DSA_44),
        (host, f"{settings.host}/host-{number_of(settings.origin)}", ED25519),
    ):
        if not path.exists():
            replace(path, Signer.generate(name, algorithm).pem.encode(), 0o600)
    if not (folder / "host.secret").exists():
        replace(folder / "host.secret", secrets.token_bytes(32), 0o600)
    return made


def read_signer(path: Path) -> Signer:
    """Return the key of a PEM file; RegistryError when it is not there or does not read."""
    try:
        return Signer.from_pem(path.read_text())
    except (OSError, UnicodeDecodeError) as error:
        raise RegistryError(
            "key.missing",
            f"The key file {path} cannot be read: {error}.",
            "Put it back from your copy of the keys folder.",
        ) from error


def initialise(
    data: Path,
    origin: str,
    authorities: Sequence[str],
    witnesses: Sequence[str] = (),
    database: str | None = None,
) -> Settings:
    """
    Make the data folder of a new registry: keys, settings, policy.

    Refuses (UsageError, NoteError) a folder that has one already, and keys that do not read.
    """
    if (data / "settings.json").exists():
        raise UsageError(
            "init.exists",
            f"{data} already holds a registry.",
            "Name another folder, or use the one there is.",
        )
    if not authorities:
        raise UsageError("init.authority", "No authority was named.", "Give at least one --authority VKEY.")
    for vkey in authorities:
        if not Verifier(vkey).holder:
            raise NoteError(
                "key.name",
                f"{vkey[:60]} is not named ORGANISATION/KEY_ID.",
                "Make it with `voltrail key new`.",
            )
    for witness in witnesses:
        check_witness(witness)
    if number_of(origin) != 1:
        raise UsageError(
            "init.origin",
            f"{origin} would be the name of a successor log.",
            f"Begin with {first_origin(origin)}.",
        )
    settings = Settings(
        origin=origin, authorities=list(authorities), witnesses=list(witnesses), database=database
    )
    trial = [Signer.generate(origin).vkey for _ in range(2)]
    Policy.parse(policy_text(trial[0], witnesses, trial[1]))  # before anything is written: it must read
    make_keys(data / "keys", settings)
    keys = Keys(data / "keys", origin)
    (data / "policy.txt").write_text(policy_of(settings, keys))
    (data / "host-trust.jsonl").write_bytes(host_trust(settings, keys.host))
    save(data, settings)  # last
    return settings


def save(data: Path, settings: Settings) -> None:
    """Write the settings into a folder, for its owner only, since a DSN may hold a password."""
    replace(data / "settings.json", msgspec.json.format(msgspec.json.encode(settings)) + b"\n", 0o600)


def load(data: Path) -> Settings:
    """Return the settings of the registry in a folder; RegistryError when there is none."""
    try:
        return msgspec.json.decode((data / "settings.json").read_bytes(), type=Settings)
    except FileNotFoundError:
        raise RegistryError(
            "registry.missing",
            f"There is no registry in {data}.",
            "Make one: `voltrail init`, or `voltrail demo`.",
        ) from None
    except msgspec.MsgspecError as error:
        raise RegistryError(
            "registry.settings", f"{data / 'settings.json'} does not read: {error}."
        ) from error


def check_witness(witness: str) -> None:
    """Raise unless this is a witness's vkey, or its vkey, a space and its URL."""
    vkey, _, url = witness.partition(" ")
    Verifier(vkey)
    if url and (urlsplit(url).scheme not in {"http", "https"} or not urlsplit(url).hostname):
        raise UsageError(
            "usage.witness",
            f"{url[:200]!r} is not where a witness can be asked.",
            'Give its VKEY and its address: --witness "VKEY https://witness.example/"',
        )


def policy_of(settings: Settings, keys: Keys) -> str:
    """Return the policy by which others verify a registry's log, as in `policy.txt`."""
    return policy_text(keys.log.vkey, settings.witnesses, keys.log_ml_dsa.vkey)


def policy_text(log_vkey: str, witnesses: Sequence[str], ml_dsa_vkey: str) -> str:
    """
    Return the C2SP policy by which others verify this log: the log, its witnesses, a majority of them.

    The log has a line for each of its keys: C2SP tlog-policy takes a checkpoint that any one of them signed.
    """
    lines = [
        f"log {log_vkey}",
        "# The same log's ML-DSA-44 key (type 0x06). It signs published checkpoints, beside the key above,",
        "# and no receipts. Either signature is enough: to ask for one, take the other's line out. Take this",
        "# one out for a program that does not know the type.",
        f"log {ml_dsa_vkey}",
    ]
    names = []
    for witness in witnesses:
        name = Verifier(witness.partition(" ")[0]).name
        names.append(name)
        lines.append(f"witness {name} {witness}")
    if names:
        lines.append(f"group witnesses {len(names) // 2 + 1} {' '.join(names)}")
    lines.append(f"quorum {'witnesses' if names else 'none'}")
    return "".join(f"{line}\n" for line in lines)


def host_trust(settings: Settings, host: Signer) -> bytes:
    """Return the lines by which the authority puts the host's key into the record; a later key's is one."""
    now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    lines = [
        {
            "kind": "organisation_registered",
            "occurred_at": now,
            "organisation": settings.host,
            "name": "Host",
        },
        {
            "kind": "key_added",
            "occurred_at": now,
            "organisation": settings.host,
            "key_id": host.name.rpartition("/")[2],
            "algorithm": host.algorithm,
            "public_key": encode64(host.verifier.public_key),
        },
    ]
    later = number_of(settings.origin) > 1
    return b"".join(msgspec.json.encode(line) + b"\n" for line in lines[later:])

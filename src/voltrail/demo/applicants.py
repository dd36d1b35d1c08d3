"""Who waits to be let into the sample world: a few applications for its authority to decide on."""

from __future__ import annotations

from typing import Final

from voltrail.accounts.applications import Applications, Asked, RoleAsked
from voltrail.accounts.trail import Actor
from voltrail.demo.cast import KEY_ID, secret
from voltrail.ledger.keys import Signer
from voltrail.organisations.identifiers import credit_code

# name, login, roles with their evidence, whether it has a key
_APPLICANTS: Final = (
    (
        "示例换电三公司 Sample Swap Three",
        "swap-three",
        (("swap_operator", "Sample permit SWAP-2026-03"),),
        True,
    ),
    (
        "示例回收三点 Sample Outlet Three",
        "outlet-three",
        (("collection_outlet", "Sample filing OUT-03"),),
        False,
    ),
    (
        "示例综合利用三厂 Sample Utilisation Three",
        "utilisation-three",
        (
            ("utilisation_enterprise", "Sample licence UTIL-03"),
            ("vehicle_dismantler", "Sample qualification DIS-03"),
        ),
        True,
    ),
)


def apply_all(applications: Applications, seed: int, day: str) -> None:
    """Apply for organisations that are not in the world yet, with roles from a day on; once."""
    if applications.waiting(limit=1):
        return
    for number, (name, login, roles, has_key) in enumerate(_APPLICANTS):
        identifier = credit_code(f"91000000XDEM{100 + number:05d}")
        key = Signer.from_seed(f"{identifier}/{KEY_ID}", secret(seed, "applicant", number))
        asked = Asked(
            organisation=identifier,
            registers=True,
            name=name,
            country="CN",
            roles=tuple(RoleAsked(role, evidence, day) for role, evidence in roles),
            vkey=key.vkey if has_key else None,
            host_may_sign=True,
            login=login,
        )
        applications.apply(asked, Actor())

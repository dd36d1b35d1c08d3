"""Steps that recur in many lives; each returns when it was done."""

from __future__ import annotations

from typing import Any, Final

from voltrail.demo.cast import Member
from voltrail.demo.diary import Diary

# The provinces in which the sample's cars are sold (GB/T 2260), as often as one stands here. Invented.
MARKET: Final = (
    *("44", "44", "32", "32", "33", "33", "37", "41", "51", "31"),
    *("11", "42", "43", "34", "35", "13", "61", "50", "45", "21"),
)


def hand_over(
    diary: Diary,
    code: str,
    sender: Member,
    receiver: Member,
    when: int,
    *,
    how: str = "shipped",
    taken: str = "received",
    untold: str = "",
    shows: str = "",
    **arrival: Any,
) -> int:
    """
    Tell of a transport: `how` it left, how it was `taken`; the step that is `untold` stays a gap.

    `shows` is the rule of a step before that was not told, which the first step here brings out.
    """
    if how != untold:
        carrier: dict[str, Any] = (
            {"carrier": diary.cast.one("carrier").identifier} if how == "shipped" else {}
        )
        diary.tell(sender, when, how, code=code, to=receiver.identifier, **carrier)
        if shows:
            diary.mean(shows, code)
    when += diary.some(1, 9)
    if taken != untold:
        place = arrival or {"site": receiver.sites[0]}
        diary.tell(receiver, when, taken, code=code, from_=sender.identifier, **place)
    return when


def fit(
    diary: Diary, code: str, maker: Member, vin: str, when: int, shows: str = "", interface: str | None = None
) -> int:
    """
    Tell how a pack went into a new vehicle, and that to its buyer; `shows` a step not told before.

    A vehicle that swaps has an `interface`.
    """
    when += diary.some(1, 20)
    diary.tell(maker, when, "installed", code=code, vin=vin, reason="new", site=maker.sites[0])
    if shows:
        diary.mean(shows, code)
    when += diary.some(0, 4)
    about: dict[str, Any] = {"certificate_no": f"SAMPLE-{vin[-8:]}"} | (
        {"swap_interface": interface} if interface else {}
    )
    diary.tell(maker, when, "vehicle_certified", vin=vin, codes=[code], **about)
    when += diary.some(2, 40)
    province = MARKET[int(vin[-8:]) % len(MARKET)]
    region = province + diary.pick(("0000", "0100", "0300" if province == "44" else "0100"))
    diary.tell(maker, when, "sold", vin=vin, codes=[code], buyer_region=region)
    return when


def sample_vin(serial: int) -> str:
    """Return the number of an invented vehicle."""
    return f"ZZZSAMPLE{serial:08d}"


def health(diary: Diary, age: int, life: int) -> float:
    """Return a state of health at an age: 1 when new, 0.7 at the end of the life, roughly."""
    return round(max(0.3, 1 - 0.3 * age / life + diary.rng.uniform(-0.02, 0.02)), 3)

"""What makers of the sample world say of their recalls, and who has read it: no part of the record."""

from __future__ import annotations

from typing import Final

from voltrail.demo.rounds import FLEET_CAMPAIGN, RISK
from voltrail.registry.recalls import Plan, Recalls, Scope, Words

TITLE: Final = "示例召回：密封圈 Sample recall: a seal to be replaced"
FLEET_TITLE: Final = "示例召回：换电车队 Sample recall: packs of a swap fleet"
_ADVICE_ZH: Final = "示例 sample: 请勿快充，并联系维修企业更换密封圈。"
ADVICE: Final = f"{_ADVICE_ZH} Do not fast-charge; have a repair enterprise replace the seal."
LOGIN: Final = "sample"


def open_campaigns(recalls: Recalls) -> None:
    """Open the campaigns of the sample world; every second holder has acknowledged, the others were shown."""
    for campaign in recalls.page(100)[0]:
        if campaign.title is not None:
            continue
        title = FLEET_TITLE if campaign.id == FLEET_CAMPAIGN else TITLE
        words = Words(campaign.id, title, campaign.risk or RISK, ADVICE)
        recalls.open(words, Plan(Scope(), campaign.batteries, []), campaign.organisation, LOGIN)
        recalls.complete(campaign.id)
        for number, holder in enumerate(recalls.holders(campaign.id)):
            if number % 2 == 0:
                recalls.acknowledge(holder.organisation, campaign.id, LOGIN)
            else:
                recalls.note_shown(holder.organisation, [campaign.id])

"""
What may be reported, and what follows from it: judge and fold, both pure.

`judge` decides once, at the door; `fold` gives the state and never refuses.
"""

from voltrail.lifecycle.fold import Life, effective_events, fold, in_order, step
from voltrail.lifecycle.judge import (
    Verdict,
    World,
    judge,
    judge_for_public,
    judge_for_reporter,
    judge_intention,
)
from voltrail.lifecycle.recalls import Recall, recalls_in
from voltrail.lifecycle.state import (
    Battery,
    Effective,
    Finding,
    Issued,
    Model,
    Organisation,
    Recorded,
    Site,
    State,
    Vehicle,
    Whereabouts,
    decode_state,
    effective,
    encode_state,
)

__all__ = [
    "Battery",
    "Effective",
    "Finding",
    "Issued",
    "Life",
    "Model",
    "Organisation",
    "Recall",
    "Recorded",
    "Site",
    "State",
    "Vehicle",
    "Verdict",
    "Whereabouts",
    "World",
    "decode_state",
    "effective",
    "effective_events",
    "encode_state",
    "fold",
    "in_order",
    "judge",
    "judge_for_public",
    "judge_for_reporter",
    "judge_intention",
    "recalls_in",
    "step",
]

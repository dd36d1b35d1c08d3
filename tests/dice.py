"""
Where tests that throw dice take their seed from.

By hand each run throws anew, so that the many runs of those who work here look at many worlds. In CI the
same is thrown each time: what fails there was broken by the change that is looked at, not found by chance.
"""

import os
import random
import secrets
import zlib

ANEW = os.environ.get("CI") != "true"


def seed(name: str) -> int:
    """Return the seed of a test of this name, below 2^32; what is printed is shown of a test that fails."""
    found = secrets.randbits(32) if ANEW else zlib.crc32(name.encode())
    print(f"seed {found}")
    return found


def of_run(name: str) -> random.Random:
    """Return dice that fall alike in all processes of one run, so that they find the same tests."""
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID")
    return random.Random(f"{name} {run or secrets.randbits(64)}" if ANEW else name)

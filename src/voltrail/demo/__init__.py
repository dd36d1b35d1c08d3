"""
The sample world: invented organisations and batteries, from a seed.

Everything in it is a sample and says so. `World` makes the lines, without a
clock; `populate` signs them and reports them to a registry like anybody else.
"""

from voltrail.demo.delivery import Report
from voltrail.demo.driver import Populated, populate
from voltrail.demo.world import World

__all__ = ["Populated", "Report", "World", "populate"]

"""
Files that people send in, to the record: kept, opened, checked, mended, put on record batch by batch.

`Worker` does it behind the scenes; `jobs` has what became of each file; `shelf` the files themselves;
`sources` reads rows from them.
"""

from voltrail.intake.jobs import Batch, Counts, Job, Jobs, ToMend, Wanted
from voltrail.intake.shelf import Shelf
from voltrail.intake.worker import Worker

__all__ = ["Batch", "Counts", "Job", "Jobs", "Shelf", "ToMend", "Wanted", "Worker"]

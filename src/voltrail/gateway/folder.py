"""
Where telemetry lies: a folder beside the database, since a fleet sends in a day what a record gets in years.

    segments/               frames as they came, until they are in the archive (`segments`)
    archive/reports/day=2026-11-30/hour=09/*.parquet     one row a vehicle and second (`telematics.signals`)
    archive/cells/day=.../hour=.../*.parquet             one row a pack and second: every cell and probe
    archive/logins/day=.../hour=.../*.parquet            who logged in with which battery codes
    health/month=2026-10/*.parquet                       state of health by battery and month
    alarms/                 the frames around an alarm, by their digest
    live/                   what each process of the gateway says of itself, every second

Days and hours are UTC. Everything below `archive` follows from the segments, whatever order they are read in.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

NAME: Final = "telemetry"


class Folder:
    """The folder of a registry's telemetry; its parts are made when they are first asked for."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @classmethod
    def of(cls, data: Path) -> Folder:
        """Return the folder in the data folder of a registry."""
        return cls(data / NAME)

    @property
    def segments(self) -> Path:
        """Frames as they came."""
        return self._part("segments")

    @property
    def archive(self) -> Path:
        """Parquet by hour."""
        return self._part("archive")

    @property
    def health(self) -> Path:
        """Health by month."""
        return self._part("health")

    @property
    def alarms(self) -> Path:
        """Frames around alarms."""
        return self._part("alarms")

    @property
    def live(self) -> Path:
        """What the processes of the gateway say of themselves."""
        return self._part("live")

    def _part(self, name: str) -> Path:
        path = self.root / name
        path.mkdir(parents=True, exist_ok=True)
        return path

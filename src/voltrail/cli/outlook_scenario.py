"""What the commands of the outlook share: a scenario by its name or file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from voltrail.errors import UsageError

if TYPE_CHECKING:
    from voltrail.outlook.scenario import Scenario

_MOST_BYTES: Final = 1_000_000


def scenario_of(name: str) -> Scenario:
    """Return a scenario that Voltrail brings along, or that of a file. Raises UsageError."""
    from voltrail.outlook.scenario import named, names, read

    found = named(name)
    if found is not None:
        return found
    path = Path(name)
    if not name or not path.exists():
        raise UsageError(
            "outlook.file",
            f"There is no scenario and no file {name!r}.",
            f"Give a file, or one of {', '.join(names())}. `voltrail outlook run --example` prints a file.",
        )
    return read(text_of(path))


def text_of(path: Path) -> str:
    """Return the text of a small file. Raises UsageError."""
    try:
        with path.open("rb") as opened:
            text = opened.read(_MOST_BYTES + 1)
        if len(text) > _MOST_BYTES:
            raise UsageError("outlook.file", f"{path.name} has more than 1 MB.", "Give the file meant.")
        return text.decode("utf-8-sig")
    except OSError as error:
        raise UsageError(
            "outlook.file", f"{path.name}: {error.strerror}.", "Give a file, or a name such as baseline."
        ) from error
    except UnicodeDecodeError as error:
        raise UsageError("outlook.file", f"{path.name} is no text in UTF-8.", "Save it in UTF-8.") from error

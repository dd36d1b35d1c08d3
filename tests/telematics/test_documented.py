"""What docs/telematics.md says of frames is so."""

import re
from pathlib import Path

from click.testing import CliRunner

from voltrail.cli import main

TEXT = (Path(__file__).parents[2] / "docs/telematics.md").read_text()


def test_the_snippets_run():
    """A frame is made, read, and read in columns as shown; and the archive is read."""
    for snippet in re.findall(r"^```python\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL):
        exec(compile(snippet, "telematics.md", "exec"), {"__name__": "documented"})


def test_the_frame_shown_is_one():
    """The digits of the example are a frame with a position."""
    digits = re.search(r"decode ([0-9a-f]{40,})", TEXT)[1]
    result = CliRunner().invoke(main, ["frames", "decode", digits])
    assert result.exit_code == 0, result.output
    assert "116.4" in result.output

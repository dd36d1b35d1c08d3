"""Outside facts and vectors, read from where they are kept and never copied."""

import os
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[3] / "shared" / "reference"


@pytest.fixture(scope="session")
def reference() -> Path:
    """
    The folder of reference data beside the checkout.

    Without it a test is skipped on a reader's machine and fails in CI, where
    a skip would look like a pass.
    """
    if FOLDER.is_dir():
        return FOLDER
    if os.environ.get("CI") == "true":
        pytest.fail("The reference data is missing: shared/reference belongs beside the checkout.")
    pytest.skip("There is no shared/reference beside the checkout.")

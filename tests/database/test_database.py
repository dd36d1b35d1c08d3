"""The embedded PostgreSQL starts, keeps its promises about durability, and is migrated once."""

from importlib import resources

import pytest

from voltrail.database import copy
from voltrail.database.database import Database


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    with Database(tmp_path_factory.mktemp("record") / "pg", None) as database:
        yield database


def test_durability_is_on(database):
    """What is acknowledged is on disk: fsync and synchronous_commit are never traded for speed."""
    with database.connect() as connection:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            assert connection.execute(f"show {setting}").fetchone() == ("on",)


def test_opening_again_migrates_nothing(database):
    """A second process on the same database finds the schema and leaves it as it is."""
    with Database(None, database.dsn) as again, again.connect() as connection:
        numbers = [number for (number,) in connection.execute("select number from migration order by number")]
        scripts = resources.files("voltrail.database.migrations").iterdir()
        assert numbers == sorted(int(one.name[:4]) for one in scripts if one.name.endswith(".sql"))


def test_rows_built_by_hand_arrive_as_they_are(database):
    """Each column type of the hand-built COPY reads back as the value that was written."""
    values = (-1, 7, b"\x00\xff", "电池", None, [5], [1, -2, 3], ["a", "电"])
    row = b"".join(
        [
            copy.columns(9),
            copy.bigint(-1),
            copy.integer(7),
            copy.blob(b"\x00\xff"),
            copy.text("电池"),
            copy.text(None),
            copy.bigints([5]),
            copy.bigints([1, -2, 3]),
            copy.texts([b"a", "电".encode()]),
            copy.timestamp(1_775_000_000_000_001),
        ]
    )
    with database.connect() as connection:
        connection.execute(
            "create temp table sample (a bigint, b integer, c bytea, d text, e text, f bigint[], g bigint[],"
            " h text[], i timestamptz)"
        )
        with connection.cursor().copy("copy sample from stdin (format binary)") as rows:
            rows.write(copy.HEADER + row + copy.TRAILER)
        stored = connection.execute(
            "select a, b, c, d, e, f, g, h, (extract(epoch from i) * 1000000)::bigint from sample"
        ).fetchone()
    assert (*values, 1_775_000_000_000_001) == stored

"""What pages load: what others made is what they published, and is named with its licence."""

import tomllib
from hashlib import sha256
from importlib.resources import files

VENDOR = files("voltrail.web").joinpath("static", "vendor")
LICENCES = {"0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT"}


def test_each_vendored_file_is_the_one_that_is_listed():
    """By its sha256; none is there that the list does not name, and none under a licence that binds ours."""
    listed = tomllib.loads(VENDOR.joinpath("vendored.toml").read_text())["file"]
    there = {one.name for one in VENDOR.iterdir()} - {"vendored.toml"}
    assert {one["name"] for one in listed} == there
    for one in listed:
        assert sha256(VENDOR.joinpath(one["name"]).read_bytes()).hexdigest() == one["sha256"]
        assert one["licence"] in LICENCES
        assert all(one[name] for name in ("package", "version", "from", "why"))

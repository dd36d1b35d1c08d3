"""`voltrail label`: from codes to files, without a registry."""

import json
from io import BytesIO

import pytest
import zxingcpp
from click.testing import CliRunner
from PIL import Image

from tests.codes.pictures import of_pdf, picture_of
from voltrail.cli import main
from voltrail.codes import url

CODE = "9ZZPB240000003G4C0221953"
CELL = "001CB240000003B3C0221953"
HOST = "registry.example.org"


def run(*arguments, stdin=None):
    return CliRunner().invoke(main, ["label", "--host", HOST, *map(str, arguments)], input=stdin)


@pytest.mark.parametrize("suffix", [".svg", ".png", ".pdf", ".PDF"])
@pytest.mark.parametrize("carrier", ["qr", "datamatrix", "code128"])
def test_a_label_in_each_format(tmp_path, carrier, suffix):
    """The suffix says which; what is written reads."""
    out = tmp_path / f"label{suffix}"
    result = run(CODE, "--carrier", carrier, "--size", "100x50", "--out", out)
    assert result.exit_code == 0, result.output
    found = zxingcpp.read_barcode(picture_of(out.read_bytes()))
    assert found.text == (CODE if carrier == "code128" else url(CODE, HOST))


def test_codes_from_everywhere(tmp_path):
    """From the command, a file and the standard input, each once; JSON says what was made."""
    (tmp_path / "codes.txt").write_bytes(b"\xef\xbb\xbf" + f"{CELL}\r\n{CODE}\n".encode())
    out = tmp_path / "all.pdf"
    result = run(CODE, "-", "--codes", tmp_path / "codes.txt", "--out", out, "--json", stdin=f"{CELL}\n")
    assert json.loads(result.stdout) == {"labels": 2, "carrier": "qr", "size": "a4-3x7", "files": [str(out)]}
    [page] = of_pdf(out.read_bytes())
    assert {one.text for one in zxingcpp.read_barcodes(page)} == {url(CODE, HOST), url(CELL, HOST)}


def test_pictures_of_several_have_names(tmp_path):
    """{code} in the name is each one's own; a PNG says its dots."""
    result = run(CODE, CELL, "--out", tmp_path / "{code}.png", "--size", "50x30", "--dpi", 600)
    assert result.exit_code == 0, result.output
    assert {one.name for one in tmp_path.iterdir()} == {f"{CODE}.png", f"{CELL}.png"}
    with Image.open(BytesIO((tmp_path / f"{CODE}.png").read_bytes())) as picture:
        assert round(picture.info["dpi"][0]) == 600
        assert picture.size == (1181, 709)


@pytest.mark.parametrize(
    ("arguments", "rule"),
    [
        (["9ZZP", "--out", "{folder}/a.pdf"], "identity.code"),
        ([CODE, "--out", "{folder}/a.gif"], "label.format"),
        ([CODE, CELL, "--out", "{folder}/a.svg"], "label.format"),
        ([CODE, "--out", "{folder}/a.svg", "--carrier", "code128"], "label.too_small"),
        ([CODE, "--out", "{folder}/a.png", "--dpi", "72"], "label.dots"),
        ([CODE, "--out", "{folder}/a.pdf", "--start", "22"], "label.start"),
        (["--out", "{folder}/a.pdf"], "label.none"),
        ([CODE, "--out", "{folder}/none/a.pdf"], "label.file"),
    ],
)
def test_what_cannot_be_made_is_said(tmp_path, arguments, rule):
    """Exit code 1, the rule in JSON, and no file."""
    result = run(*[one.replace("{folder}", str(tmp_path)) for one in arguments], "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["error"]["rule"] == rule
    assert not list(tmp_path.iterdir())


def test_wrong_use_is_2(tmp_path):
    """A carrier or a size that is none, and no host at all."""
    assert run(CODE, "--out", tmp_path / "a.pdf", "--carrier", "aztec").exit_code == 2
    assert run(CODE, "--out", tmp_path / "a.pdf", "--size", "1x1").exit_code == 2
    assert CliRunner().invoke(main, ["label", CODE, "--out", str(tmp_path / "a.pdf")]).exit_code == 2

"""/outlook/report, for programs, readers and whoever types nonsense."""

import pytest
from click.testing import CliRunner

from tests.api.conftest import HTML
from voltrail.cli import main

PAGE = "/outlook/report"
ASKED = {"scenario": "trucks_goal", "lfp_percent": "70"}


def test_programs_get_the_tree(client):
    """A title and parts of known kinds; numbers are numbers, and a cell that is none is null."""
    told = client.get(PAGE, params=ASKED).json()
    assert told["language"] == "en"
    assert {part["type"] for part in told["parts"]} == {"heading", "paragraph", "chart", "table"}
    [asked] = [one for one in told["parts"] if one.get("title") == "What differs from the default"]
    assert any(row[2] == {"middle": 70.0, "low": None, "high": None} for row in asked["rows"])


@pytest.mark.parametrize(("language", "said"), [("en", "What was asked"), ("zh", "情景设定")])
def test_readers_get_the_page(client, language, said):
    """In their language, with the PDF of the same scenario a click away."""
    shown = client.get(PAGE, params=ASKED | {"lang": language}, headers=HTML)
    assert shown.status_code == 200
    assert said in shown.text
    assert "/outlook/report.pdf?scenario=trucks_goal&amp;lfp_percent=70" in shown.text
    assert shown.text.count('<details class="appendix">') == 3  # the page is short, its appendix is folded
    assert shown.text.count("<details") == shown.text.count("</details>")
    assert "/outlook/report?" in client.get("/outlook", params=ASKED, headers=HTML).text


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_command_makes_the_same_pdf(client, tmp_path, language):
    """From the scenario that the page gives as a file: byte for byte."""
    answer = client.get(f"{PAGE}.pdf", params=ASKED | {"lang": language})
    assert answer.headers["content-type"] == "application/pdf"
    assert client.get(f"{PAGE}.pdf", params=ASKED | {"lang": language}).content == answer.content
    (tmp_path / "scenario.toml").write_text(client.get("/outlook.toml", params=ASKED).text)
    out = tmp_path / "report.pdf"
    told = CliRunner().invoke(
        main,
        ["outlook", "report", str(tmp_path / "scenario.toml"), "--out", str(out), "--language", language],
    )
    assert told.exit_code == 0, told.output
    assert out.read_bytes() == answer.content


@pytest.mark.parametrize("path", [PAGE, f"{PAGE}.pdf"])
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("car.battery_years", "99"),
        ("car.battery_years", "nan"),
        ("lfp_percent", "<b>much</b>"),
        ("lfp_percent", "6_0"),
        ("with", "a" * 5000),
        ("known_at", "yesterday"),
        ("known_at", "2001-01"),
        ("scenario", "../../etc/passwd"),
        ("car.batery_years", "12"),
    ],
)
def test_nonsense_is_refused_and_named(client, path, name, value):
    """With what to do, for programs and for readers; nothing is guessed."""
    for headers in ({}, HTML):
        answer = client.get(path, params={name: value}, headers=headers)
        assert answer.status_code == 400, answer.text
        assert "html" not in answer.headers["content-type"] or "<b>much" not in answer.text
    assert client.get(path, params={name: value}).json()["error"]["rule"].startswith("outlook.")

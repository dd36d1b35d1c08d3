"""`voltrail recycling balance`: from reports to balances, rates and names, for people and for programs."""

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

import voltrail
from tests.docs.test_docs import FENCE
from tests.registry import sample
from tests.registry.conftest import postgres  # noqa: F401 - a fixture
from voltrail.cli import main
from voltrail.recycling.policy import CHOICES
from voltrail.recycling.targets import TARGETS
from voltrail.registry.settings import initialise

GUIDE = (Path(__file__).parents[2] / "docs/guides/recycling.md").read_text()
LINES = [body.strip().encode() for marked, body in FENCE.findall(GUIDE) if marked == "json"]
PACKS = [sample.pack(number) for number in (1, 2, 3, 4)]
MODEL = sample.line(
    "model_registered",
    "2026-04-01T10:00:00+08:00",
    model_id="S-102",
    chemistry="LFP",
    mass_kg=612.5,
    energy_kwh=90,
    composition={"Li": 8.1, "Fe": 60, "P": 33, "Cu": 51, "Al": 140, "C": 86},
)


@pytest.fixture
def balance(tmp_path, postgres):  # noqa: F811
    """Report lines of a recycler's and return what the command prints."""
    data, dsn = tmp_path / "data", postgres()
    initialise(data, sample.ORIGIN, [sample.authority().vkey])
    with voltrail.open(data, dsn) as registry:
        trust = [one for name, role in sample.ROLES.items() for one in sample.registrations(name, role)]
        _say(registry, sample.authority(), trust)
        lives = [line for code in PACKS for line in sample.first_life(code)]
        _say(registry, sample.signer(sample.MAKER), [MODEL, *lives])

    def command(*words, lines=()):
        if lines:
            with voltrail.open(data, dsn) as registry:
                _say(registry, sample.signer(sample.RECYCLER), list(lines))
        asked = ["recycling", "balance", *words, "--data", str(data), "--database", dsn]
        return CliRunner().invoke(main, asked)

    return command


def _say(registry, key, lines):
    receipt = json.loads(registry.report(sample.report(key, lines)))
    assert receipt["refused"] == []


def test_the_guide_adds_up_as_it_says(balance):
    """Its lines are taken, its command prints what stands in it, and nobody is named."""
    [call] = re.findall(r"^voltrail recycling balance (.*)$", GUIDE, re.MULTILINE)
    said = balance(*call.split(), lines=LINES)
    assert said.exit_code == 0, said.output
    [shown] = (body for marked, body in FENCE.findall(GUIDE) if marked == "output")
    assert [line.rstrip() for line in said.stdout.splitlines()] == [
        line.rstrip() for line in shown.splitlines()
    ]


def test_the_guide_has_what_is_assumed():
    """Each value of the policy, and each target that is held against rates, stands there."""
    for name, choice in CHOICES.items():
        assert name in GUIDE or name == "coverage"
        assert len(choice.reason) > 20
        if name != "coverage":
            assert f"`{name}` {choice.value * 100:g} %" in GUIDE
    for target in TARGETS:
        if target.metric != "recycled_content":
            assert f"{target.value:g} %" in GUIDE, target.id


def test_programs_read_one_shape(balance):
    """Each member that the guide names is there, and no other; each number leads to an entry."""
    told = json.loads(balance("--json", lines=LINES).stdout)
    section = GUIDE.partition("## For programs")[2]
    rows = dict(re.findall(r"^\| (`[^|]*`) \| (.*) \|$", section, re.MULTILINE))
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert named - {"mass", "elements", "rates"} == told.keys()
    [one] = told["balances"]
    assert one.keys() == set(re.findall(r"`(\w+)`", rows["`balances`"]))
    assert one["mass"].keys() == set(re.findall(r"`(\w+)`", rows["`mass`"]))
    assert one["elements"][0].keys() == set(re.findall(r"`(\w+)`", rows["`elements`"]))
    of_rates = set(re.findall(r"`(\w+)`", rows["`rates`"]))
    assert one["rates"][0].keys() <= of_rates
    numbers = [number for rate in one["rates"] for number in rate["numbers"]]
    assert numbers
    assert all(number.keys() <= of_rates for number in numbers)
    assert all(number["index"] is not None for number in numbers)
    assert told["claims_more_than_came_in"] == told["claims"] == []


def test_a_site_that_claims_more_is_named_with_reasons(balance):
    """And the exit code is 0 all the same: a finding is no refusal."""
    more = LINES[1].replace(b'"mass_kg":159', b'"mass_kg":259').replace(b'"mass_kg":3564', b'"mass_kg":3464')
    said = balance("--json", lines=[LINES[0], more])
    assert said.exit_code == 0
    told = json.loads(said.stdout)
    assert told["claims_more_than_came_in"] == ["HZ-1"]
    assert {one["scope"] for one in told["claims"]} == {"site", "refining", "batch"}
    assert all(one["element"] == "Li" and "of Li came out of" in one["message"] for one in told["claims"])
    words = balance().stdout
    assert "Claims more than came in: HZ-1." in words
    assert "more than came in" in words


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (("--by", "batch"), 2),
        (("--by", "month"), 1),
        (("--by", "chemistry"), 1),
        (("--chemistry", "LFP"), 1),
        (("--chemistry", "NMC"), 0),
        (("--organisation", sample.RECYCLER), 1),
        (("--organisation", sample.MAKER), 0),
        (("--batch", "S-2026-07-06", "--by", "batch"), 1),
        (("--to", "2026-07-05"), 0),
        (("--from", "2026-07-07", "--by", "batch"), 1),
        (("--site", "HZ-2"), 0),
    ],
)
def test_what_is_asked_for_is_what_is_told(balance, words, names):
    """By name, day and chemistry; nothing where there is nothing."""
    assert len(json.loads(balance(*words, "--json", lines=LINES).stdout)["balances"]) == names
    assert balance(*words).exit_code == 0


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--from", "July"), "is no day"),
        (("--from", "2026-07-31", "--to", "2026-07-01"), "is before"),
        (("--organisation", "HZ"), ""),
    ],
)
def test_what_cannot_be_asked_is_refused_in_words(balance, words, says):
    """With exit code 1, and no traceback."""
    said = balance(*words)
    assert said.exit_code == 1
    assert says in said.output
    assert "Traceback" not in said.output

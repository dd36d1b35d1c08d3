"""`voltrail technology cycler`: a file is checked and reckoned, also one that its maker's cycler wrote."""

import json
import sys

import pytest
from click.testing import CliRunner

from tests.technology import cycling
from voltrail.cli import main
from voltrail.errors import RegistryError, TableError, UsageError
from voltrail.intake.cyclers import read_vendor


def run(*words):
    """Run the command; return its exit code and what it printed."""
    done = CliRunner().invoke(main, ["technology", "cycler", *map(str, words)], catch_exceptions=False)
    return done.exit_code, done.output


@pytest.fixture
def file(tmp_path):
    """A BDF file of three full cycles."""
    path = tmp_path / "three.bdf.csv"
    path.write_bytes(cycling.bdf())
    return path


def test_a_file_is_told_in_words_and_as_json(file):
    """Digest, checks and cycles; 0 where no check fails."""
    code, said = run(file, "--capacity-ah", 2, "--chemistry", "NMC")
    assert (code, "sha256" in said, "C/3" in said) == (0, True, True)
    code, said = run(file, "--capacity-ah", 2, "--json")
    told = json.loads(said)
    assert (code, told["standing"], told["rows"], len(told["cycles"])) == (0, "passed", 6690, 3)
    assert told["cycles"][0]["discharge_ah"] == pytest.approx(2, rel=0.002)


def test_a_file_that_is_wrong_ends_with_1(file):
    """By the capacity it is seen that the current cannot be."""
    assert run(file, "--capacity-ah", 0.001)[0] == 1
    file.write_bytes(b"no table")
    code, said = run(file, "--json")
    assert (code, json.loads(said)["error"]["rule"]) == (1, "cycler.columns")
    assert run(file, "--chemistry", "tin")[0] == 2


def neware(path):
    """Write two cycles as BTSDA of Neware exports them."""
    time, voltage, current, _ = cycling.course([(1.0, 3600), (-1.0, 3600)] * 2, step_s=60.0, start=0.2)
    headers = "DataPoint,Cycle Index,Step Index,Step Type,Time,Cumulative Time,Current(A),Voltage(V)"
    headers += ",Chg. Cap.(Ah),Chg. Energy(Wh),DChg. Cap.(Ah),DChg. Energy(Wh),Date,Power(W)"
    headers += ",dQ/dV(Ah/V),Contact resistance(mO)"
    lines = [headers]
    for place, (at, volts, amps) in enumerate(
        zip(time.tolist(), voltage.tolist(), current.tolist(), strict=True)
    ):
        into = (at % 3600) / 3600
        sums = (into, 3.7 * into, 0, 0) if amps > 0 else (0, 0, into, 3.7 * into)
        clock = f"{at // 3600:02.0f}:{at % 3600 // 60:02.0f}:00.0"
        own = (place + 1, int(at // 7200) + 1, int(at // 3600) + 1, "CC Chg" if amps > 0 else "CC DChg")
        row = (*own, f"00:{at % 3600 // 60:02.0f}:00.0", clock, amps, round(volts, 5), *sums)
        lines.append(",".join(map(str, (*row, f"2026-05-03 {clock[:8]}", 0, 0, 5))))
    path.write_text("\n".join(lines) + "\n")
    return path


def maccor(path):
    """Write two cycles as text of Maccor: the current without a sign, the way it flows in `State`."""
    time, voltage, current, _ = cycling.course([(1.0, 3600), (-1.0, 3600)] * 2, step_s=60.0, start=0.2)
    lines = ["Today's Date\t05/03/2026", "Date of Test:\t05/03/2026", "Filename:\tx"]
    lines.append(
        "Rec#\tCyc#\tStep\tTestTime\tStepTime\tAmp-hr\tWatt-hr\tAmps\tVolts\tState\tES\tDPt Time\tACImp/Ohms\tDCIR/Ohms"  # noqa: E501
    )
    for place, (at, volts, amps) in enumerate(
        zip(time.tolist(), voltage.tolist(), current.tolist(), strict=True)
    ):
        clock = f"{at // 3600:02.0f}:{at % 3600 // 60:02.0f}:00"
        into = (at % 3600) / 3600
        state = "C" if amps > 0 else "D"
        row = (
            place + 1,
            int(at // 7200),
            int(at // 3600) + 1,
            f"0d {clock}.00",
            f"0d 00:{at % 3600 // 60:02.0f}:00.00",
        )
        row += (into, 3.7 * into, abs(amps), round(volts, 5), state, 1, f"05/03/2026 {clock}", 0, 0)
        lines.append("\t".join(map(str, row)))
    path.write_text("\n".join(lines) + "\n")
    return path


def test_cellpy_reads_what_neware_writes(tmp_path):
    """The same cycles by cellpy and by ourselves, from the same file."""
    pytest.importorskip("cellpy")
    path = neware(tmp_path / "neware.csv")
    for words in ([], ["--instrument", "neware_txt"]):
        told = json.loads(run(path, *words, "--json")[1])
        assert [one["discharge_ah"] for one in told["cycles"]] == pytest.approx([1, 1], rel=0.02)
    assert told["form"].startswith("cellpy")


def test_a_current_that_cellpy_lost_is_no_current(tmp_path):
    """Where cellpy leaves zeros for the current of a cycle the file is refused; read as a table it is whole."""  # noqa: E501
    pytest.importorskip("cellpy")
    path = maccor(tmp_path / "maccor.txt")
    try:
        by_cellpy = read_vendor(path, "maccor_txt")
    except TableError as error:
        assert error.rule == "cycler.vendor"
    else:
        assert abs(by_cellpy.current_a).max() == 1
    told = json.loads(run(path, "--json")[1])
    assert [one["discharge_ah"] for one in told["cycles"]] == pytest.approx([1, 1], rel=0.02)


def test_instruments_that_are_none_and_files_of_others(file):
    """Both are told in words."""
    with pytest.raises(UsageError) as raised:
        read_vendor(file, "../../etc/passwd")
    assert raised.value.rule == "cycler.instrument"
    pytest.importorskip("cellpy")
    with pytest.raises(TableError) as wrong:
        read_vendor(file, "arbin_sql_h5")
    assert wrong.value.rule == "cycler.vendor"


def test_without_the_extra_it_says_how_to_install_it(file, monkeypatch):
    """Cellpy is imported only when it is asked for."""
    monkeypatch.setitem(sys.modules, "cellpy", None)
    with pytest.raises(RegistryError) as raised:
        read_vendor(file, "neware_txt")
    assert (raised.value.rule, "voltrail[cyclers]" in raised.value.fix) == ("cycler.extra", True)

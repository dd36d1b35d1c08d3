"""`voltrail technology accuracy`: every row of the reference files, and how far off it is predicted."""

from __future__ import annotations

import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console

from voltrail.cli.common import json_option, print_json
from voltrail.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltrail.technology.circuit_fit import ColdRow
    from voltrail.technology.life_accuracy import Row

FILES = ("vehicles.csv", "naf_winter_2026.csv")
MOST_BYTES = 1 << 20
MOST_UNPACKED = 1 << 26


@click.command()
@click.option(
    "--reference",
    required=True,
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="The folder with vehicles.csv and naf_winter_2026.csv; runs of a cell and ageing if they are there.",
)
@click.option(
    "--refit",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the factors fitted to all rows to this file, in the form of technology/calibration.csv.",
)
@json_option
def accuracy(*, reference: Path, refit: Path | None, as_json: bool) -> None:
    """Print the tables of accuracy as Markdown: cars, trucks, winter, each row by others; cell and life."""
    from voltrail.technology.accuracy import markdown, tables, written
    from voltrail.technology.circuit_fit import COLD_RUNS, cold_table
    from voltrail.technology.life_accuracy import FLEET, life_tables

    with Console(stderr=True).status("Each row, by the others …") as status:
        told = tables(*(_read(reference / name) for name in FILES))
        cell: list[ColdRow] = []
        if (reference / "cold_18650pf").is_dir():
            status.update("A cell, fitted to the beginning of each run …")
            cell = cold_table({name: _read(reference / "cold_18650pf" / name) for name in COLD_RUNS})
        status.update("How cells aged …")
        texts = dict(_severson(reference / "severson"))
        if (reference / FLEET).exists():
            texts[FLEET] = _read(reference / FLEET)
        life = life_tables(texts)
    if refit is not None:
        refit.write_text(written(told.factors), encoding="utf-8")
    if as_json:
        print_json(
            {name: getattr(told, name) for name in told.__struct_fields__} | {"cell": cell, "life": life}
        )
        return
    click.echo(markdown(told))
    if cell:
        click.echo("\n".join(_of_cell(cell)))
    if life:
        click.echo("\n".join(_of_life(life)))


def _of_cell(rows: list[ColdRow]) -> Iterator[str]:
    """Yield the table of a cell's runs."""
    held = sum(one.voltage_rmse_mv <= one.limit_mv for one in rows)
    yield f"### A cell in the cold: {held} of {len(rows)} within their limit\n"
    yield "| Run | Voltage, RMSE | Limit | Bias | On the part fitted to | Warmth of the cell | Energy |"
    yield "| --- | ---: | ---: | ---: | ---: | ---: | ---: |"
    for one in rows:
        off = f"{one.voltage_rmse_mv:.1f} mV"
        yield (
            f"| {one.ambient_c:g} °C | {off if one.voltage_rmse_mv <= one.limit_mv else f'**{off}**'} "
            f"| {one.limit_mv:g} mV | {one.voltage_bias_mv:+.0f} mV | {one.fitted_rmse_mv:.1f} mV "
            f"| {one.temperature_rmse_k:.1f} K | {one.energy_error_percent:+.1f} % |"
        )
    yield ""


def _of_life(rows: list[Row]) -> Iterator[str]:
    """Yield the table of ageing."""
    inside = sum(one.low <= one.measured <= one.high for one in rows)
    yield f"### Life: {inside} of {len(rows)} within the interval of nine in ten\n"
    yield "| Table | What | Number | Measured | Said | Interval | Off |"
    yield "| --- | --- | ---: | ---: | ---: | ---: | ---: |"
    for one in rows:
        yield (
            f"| {one.table} | {one.what} | {one.number} | {one.measured:.4g} {one.unit} | {one.said:.4g} "
            f"| {one.low:.4g} to {one.high:.4g} | {100 * one.off:+.1f} % |"
        )
    yield ""


def _severson(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield the lives of cells, and the members of both archives, by their names."""
    from voltrail.technology.life_accuracy import SEVERSON

    if not folder.is_dir():
        return
    for name in ("train", "test1"):
        yield f"{SEVERSON}{name}_cycle_lives.csv", _read(folder / f"{name}_cycle_lives.csv")
        path = folder / f"{name}_qd_curves.tar.gz"
        try:
            with tarfile.open(path) as archive:
                for member in archive:
                    if (
                        member.isfile()
                        and member.size <= MOST_UNPACKED
                        and (file := archive.extractfile(member))
                    ):
                        yield SEVERSON + member.name, file.read().decode("utf-8")
        except (OSError, ValueError, tarfile.TarError) as error:
            raise _unreadable(path) from error


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(MOST_BYTES).decode("utf-8-sig")
    except (OSError, ValueError) as error:
        raise _unreadable(path) from error


def _unreadable(path: Path) -> UsageError:
    return UsageError(
        "accuracy.file", f"{path.name} cannot be read.", "Give the folder in which it lies as it came."
    )

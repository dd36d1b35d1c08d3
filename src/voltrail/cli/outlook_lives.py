"""`voltrail outlook lives`: how long vehicles and batteries last, as fitted, as published, by a record."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
from rich.console import Console
from rich.table import Table

import voltrail
from voltrail.cli.common import database_option, json_option, print_json
from voltrail.errors import UsageError

if TYPE_CHECKING:
    from voltrail.outlook.calibration import Calibration, Interval
    from voltrail.outlook.lives import Curve

_KINDS: Final = {
    "car": "Packs below 120 kWh, as in cars",
    "commercial": "Packs from 120 kWh on, as in buses and trucks",
}


@click.command("lives")
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="The folder of a registry: what its record says is added.",
)
@database_option
@click.option("--toml", "as_toml", is_flag=True, help="Print what a scenario sets to go by that record.")
@json_option
def lives(*, data: Path | None, database: str | None, as_toml: bool, as_json: bool) -> None:
    """
    Print how long vehicles and batteries last: fitted to registrations, as published, by a record.

    Of a record only what many batteries have in common is told: with fewer than 30 ends nothing is.
    """
    from voltrail.outlook.book import book
    from voltrail.outlook.calibration import calibrate
    from voltrail.outlook.lives import published

    record = _of_record(data, database) if data is not None else {}
    if as_toml:
        _print_toml(record)
        return
    fit, told = calibrate(book()), published()
    if as_json:
        of_record = {
            name: one.as_json() if isinstance(one, UsageError) else _plain(one)
            for name, one in record.items()
        }
        print_json({"fitted": _plain(fit), "published": [one._asdict() for one in told], "record": of_record})
        return
    _print_fit(fit)
    table = Table("Mean life as published", "Years", "Status", "Source")
    for one in told:
        table.add_row(one.what, f"{one.mean_years:.1f}", one.status, one.source)
    Console().print(table)
    for name, curve in record.items():
        if isinstance(curve, UsageError):
            click.echo(f"{_KINDS[name]}: {curve}")
        else:
            _print_curve(_KINDS[name], curve)


def _of_record(data: Path, database: str | None) -> dict[str, Curve | UsageError]:
    """Return the curve of each kind of battery, or why there is none."""
    from voltrail.outlook.lives import curve_of, kinds_of
    from voltrail.registry.outlook_lives import read_lives

    with voltrail.open(data, database) as registry:
        seen = read_lives(registry.database, registry.authorities)
    found: dict[str, Curve | UsageError] = {}
    for name, some in kinds_of(seen).items():
        try:
            found[name] = curve_of(some)
        except UsageError as error:
            found[name] = error
    return found


def _print_toml(record: dict[str, Curve | UsageError]) -> None:
    """Print the lines; raise what the first kind was refused for where there are none."""
    from voltrail.outlook.lives import overrides

    curves = {name: one for name, one in record.items() if not isinstance(one, UsageError)}
    if not curves:
        for error in record.values():
            raise error  # type: ignore[misc]
        raise UsageError("outlook.no_record", "--toml goes by a record.", "Name its folder with --data.")
    click.echo("[set]")
    for name, value in overrides(curves).items():
        click.echo(f"{name} = {value}")


def _print_fit(fit: Calibration) -> None:
    table = Table("Year", "On the road (million)", "Status", "Fitted")
    for one in fit.parc:
        table.add_row(str(one.year), f"{one.published:.2f}", one.status, _interval(one.fitted, 2))
    Console().print(table)
    click.echo(f"A car sold in 2025 lasts {_interval(fit.vehicle_years)} years.")
    click.echo(f"The road alone would say {_interval(fit.by_parc_alone)}; the rest is what was published.")
    click.echo(f"Of wholesale less exports {_interval(fit.registered, 3)} was registered.")
    click.echo(f"In the last year {_interval(fit.deregistered, 2)} million ended. Vehicles, not batteries.")


def _print_curve(name: str, curve: Curve) -> None:
    click.echo(f"{name}: {curve.batteries:,}, of which {curve.ended:,} ended.")
    table = Table("Age", "Still there", "from", "to")
    for age, share, low, high in zip(curve.ages, curve.share, curve.low, curve.high, strict=True):
        table.add_row(f"{age:.0f}", f"{share:.1%}", f"{low:.1%}", f"{high:.1%}")
    Console().print(table)
    law = f"by a Weibull law of shape {_interval(curve.shape)}"
    click.echo(f"They last {_interval(curve.mean_years)} years, {law}.")


def _interval(one: Interval, digits: int = 1) -> str:
    return f"{one.middle:.{digits}f} ({one.low:.{digits}f} to {one.high:.{digits}f})"


def _plain(value: Any) -> Any:
    """Return named tuples and arrays as JSON has them."""
    if hasattr(value, "_asdict"):
        return {name: _plain(one) for name, one in value._asdict().items()}
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    return value.tolist() if hasattr(value, "tolist") else value

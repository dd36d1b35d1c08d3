"""`voltrail label`: labels of codes as SVG, PNG or PDF; no registry is needed."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import click
from rich.progress import Progress

from voltrail.cli.common import json_option, print_json
from voltrail.codes import labels, printing
from voltrail.codes.carriers import CARRIERS, Carrier
from voltrail.codes.labels import DEFAULT_SIZE, SIZES, Label, Size
from voltrail.errors import UsageError

MOST: Final = 100_000
BAR_FROM: Final = 500  # codes: these take about a second
SUFFIXES: Final = (".svg", ".png", ".pdf")


@click.command()
@click.argument("codes", nargs=-1, metavar="CODE...")
@click.option(
    "--codes", "file", type=click.File(encoding="utf-8-sig"), help="A file with one code a line, or -."
)
@click.option(
    "--out", required=True, type=click.Path(dir_okay=False, path_type=Path), help="FILE.svg, .png, .pdf"
)
@click.option(
    "--host",
    required=True,
    envvar="VOLTRAIL_HOST",
    help="Where the registry is reached, as registry.example.org: labels carry https://HOST/b/CODE.",
)
@click.option("--gtin", metavar="GTIN", help="The model's GTIN: labels carry a GS1 Digital Link with it.")
@click.option("--carrier", type=click.Choice(CARRIERS), default="qr", show_default=True)
@click.option("--size", type=click.Choice(tuple(SIZES)), default=DEFAULT_SIZE, show_default=True)
@click.option("--start", default=1, show_default=True, help="The first free label of a sheet already begun.")
@click.option("--dpi", default=300, show_default=True, help="Dots per inch of a PNG: 203, 300 or 600.")
@json_option
def label(
    *,
    codes: tuple[str, ...],
    file: Any,
    out: Path,
    host: str,
    gtin: str | None,
    carrier: Carrier,
    size: str,
    start: int,
    dpi: int,
    as_json: bool,
) -> None:
    """
    Make labels of codes: SVG and PNG of one, PDF of as many as there are, on sheets.

    A CODE - reads them from the standard input. For several as SVG or PNG, --out has {code} in its name.
    """
    wanted = _codes(codes, file)
    suffix = _suffix(out, len(wanted))
    chosen = labels.size_of(size)
    dots = dpi if suffix == ".png" else labels.DOTS_PER_INCH
    printing.check_dots(dots)
    with Progress(transient=True, disable=as_json or len(wanted) < BAR_FROM) as bar:
        made = (
            labels.make(one, carrier, chosen, host, dots, gtin)
            for one in bar.track(wanted, description="Labels")
        )
        try:
            written = _write(made, out, suffix, chosen, start, dots)
        except OSError as error:
            raise UsageError(
                "label.file", f"{out} cannot be written: {error.strerror}.", "Name a folder that is there."
            ) from error
    if as_json:
        print_json(
            {"labels": len(wanted), "carrier": carrier, "size": size, "files": [str(one) for one in written]}
        )
    else:
        click.echo(
            f"{len(wanted):,} {'label' if len(wanted) == 1 else 'labels'} in {written[0]}{_more(written)}"
        )


def _codes(given: tuple[str, ...], file: Any) -> list[str]:
    """Return the codes of the command, of a file and of the standard input."""
    texts = [sys.stdin.read() if one == "-" else one for one in given]
    if file is not None:
        texts.append(file.read())
    return labels.read_list("\n".join(texts), MOST)


def _suffix(out: Path, count: int) -> str:
    suffix = out.suffix.lower()
    if suffix not in SUFFIXES:
        raise UsageError(
            "label.format", f"{out.name!r} says no format.", f"Let its name end in {', '.join(SUFFIXES)}."
        )
    if suffix != ".pdf" and count > 1 and "{code}" not in out.name:
        raise UsageError(
            "label.format",
            f"A {suffix[1:].upper()} holds one label, and these are {count:,}.",
            f"Write --out '{{code}}{suffix}', or take .pdf.",
        )
    return suffix


def _write(made: Iterable[Label], out: Path, suffix: str, size: Size, start: int, dots: int) -> list[Path]:
    """Write the files; of a PDF nothing where one of its labels cannot be made."""
    if suffix == ".pdf":
        out.write_bytes(printing.pdf(made, size, start - 1))
        return [out]
    return list(_each(made, out, suffix, dots))


def _each(made: Iterable[Label], out: Path, suffix: str, dots: int) -> Iterator[Path]:
    for one in made:
        path = out.with_name(out.name.replace("{code}", one.code))
        path.write_bytes(printing.svg(one) if suffix == ".svg" else printing.png(one, dots))
        yield path


def _more(written: list[Path]) -> str:
    return f" and {len(written) - 1:,} more files" if len(written) > 1 else ""

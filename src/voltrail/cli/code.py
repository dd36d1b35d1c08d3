"""`voltrail code`: read, check and issue battery codes."""

import json
from datetime import date
from typing import get_args

import click

from voltrail.cli.common import refuse
from voltrail.codes import Code, issue, parse
from voltrail.codes.tables import Level
from voltrail.errors import VoltrailError

LEVELS = [level for level in get_args(Level) if level != "unknown"]


@click.group()
def code() -> None:
    """Read, check and issue battery codes (GB/T 34014)."""


@code.command("parse")
@click.argument("text")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def parse_code(text: str, *, as_json: bool) -> None:
    """Say what each part of a code means."""
    try:
        parsed = parse(text)
    except VoltrailError as error:
        refuse(error, as_json=as_json)
    click.echo(json.dumps(_described(parsed), ensure_ascii=False, indent=2) if as_json else _read_out(parsed))


@code.command("check")
@click.argument("texts", nargs=-1, required=True, metavar="CODE...")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def check_codes(texts: tuple[str, ...], *, as_json: bool) -> None:
    """Say of each code whether it is one; exit with 1 when any is not."""
    answers = [_checked(text) for text in texts]
    if as_json:
        click.echo(json.dumps(answers, ensure_ascii=False, indent=2))
    else:
        for answer in answers:
            told = "right" if answer["right"] else f"{answer['message']} {answer['fix']}".rstrip()
            click.echo(f"{answer['code']}  {told}")
    if not all(answer["right"] for answer in answers):
        raise SystemExit(1)


@code.command("issue")
@click.option("--maker", required=True, help="Manufacturer code: 3 characters, allocated centrally.")
@click.option("--level", type=click.Choice(LEVELS), default="pack", show_default=True)
@click.option("--battery-type", required=True, help="Battery type letter, B for lithium iron phosphate.")
@click.option("--date", "day", required=True, type=click.DateTime(["%Y-%m-%d"]), help="Day of production.")
@click.option("--specification", default="00", show_default=True, help="Specification code: 2 characters.")
@click.option("--traceability", default="0000000", show_default=True, help="Traceability code: 7 characters.")
@click.option("--count", default=1, show_default=True, help="How many codes.")
@click.option("--first", default=1, show_default=True, help="The first serial number of that day to use.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def issue_codes(
    *,
    maker: str,
    level: Level,
    battery_type: str,
    day: date,
    specification: str,
    traceability: str,
    count: int,
    first: int,
    as_json: bool,
) -> None:
    """Issue codes with consecutive serial numbers, one a line."""
    try:
        codes = issue(
            maker=maker,
            count=count,
            level=level,
            battery_type=battery_type,
            production_date=date(day.year, day.month, day.day),
            specification=specification,
            traceability=traceability,
            first_serial=first,
        )
        if as_json:
            click.echo(json.dumps(list(codes), indent=2))
        else:
            for text in codes:
                click.echo(text)
    except VoltrailError as error:
        refuse(error, as_json=as_json)


def _checked(text: str) -> dict[str, object]:
    try:
        return {"code": parse(text).text, "right": True}
    except VoltrailError as error:
        return {"code": text, "right": False, "rule": error.rule, "message": error.message, "fix": error.fix}


def _described(parsed: Code) -> dict[str, object]:
    return {
        "code": parsed.text,
        "level": parsed.level,
        "maker": parsed.maker,
        "battery_type": parsed.battery_type,
        "chemistry": parsed.chemistry,
        "chemistry_confidence": parsed.chemistry_confidence,
        "specification": parsed.specification,
        "traceability": parsed.traceability,
        "production_date": parsed.production_date.isoformat() if parsed.production_date else None,
        "serial": parsed.serial,
        "second_life": parsed.second_life,
    }


def _read_out(parsed: Code) -> str:
    rows = [(segment.text, segment.name, segment.meaning) for segment in parsed.segments]
    wide, named = (max(len(row[column]) for row in rows) for column in (0, 1))
    lines = [parsed.text, ""]
    lines += [f"  {text:<{wide}}  {name:<{named}}  {meaning}".rstrip() for text, name, meaning in rows]
    return "\n".join(lines)

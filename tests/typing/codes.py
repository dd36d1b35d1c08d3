"""The types a caller sees; checked by mypy, never run."""

from collections.abc import Iterator
from datetime import date

from voltrail.codes import Code, build, is_code, issue, parse, url
from voltrail.errors import Refusal, VoltrailError
from voltrail.organisations.identifiers import check_organisation, credit_code

code: Code = parse("001CB240000003B3C0221953")
day: date | None = code.production_date
known: bool = is_code(code.text)
parts: list[tuple[str, str, str]] = [(name, text, meaning) for name, text, meaning in code.segments]
text: str = build(maker="9ZZ", level="pack", battery_type="B", production_date=date(2026, 4, 12), serial=1)
many: Iterator[str] = issue(
    maker="9ZZ", count=2, level="cell", battery_type="E", production_date=date(2026, 4, 12)
)
address: str = url(code, "voltrail.example")
organisation: str = check_organisation(credit_code("91350100M000100Y4"))
refusal: Refusal = VoltrailError("usage.example", "An example.").as_refusal(line=1)

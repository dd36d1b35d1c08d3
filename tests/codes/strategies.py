"""Codes for properties: every form, every level, any day of the cycle."""

from datetime import date

from hypothesis import strategies as st

from voltrail.codes import build, tables, without_code

free = st.text(tables.DIGITS + tables.LETTERS, min_size=7, max_size=7)
levels = st.sampled_from(["pack", "module", "cell"])
days = st.dates(date(2011, 1, 1), tables.LAST_DATE)

parts = st.fixed_dictionaries(
    {
        "maker": free.map(lambda text: text[:3]),
        "level": levels,
        "battery_type": st.sampled_from(sorted(tables.BATTERY_TYPES)),
        "specification": free.map(lambda text: text[:2]),
        "production_date": days,
        "serial": st.integers(1, tables.LAST_SERIAL),
    }
)

first_life = st.builds(lambda p, trace: build(**p, traceability=trace), parts, free)
second_life = st.builds(lambda p, level: build(**p, second_life=level), parts, levels)
codes = first_life | second_life

organisations = st.sampled_from(["91350100M000100Y43", "5493001KJTIIGC8Y1R12"])
serials = st.from_regex(r"[0-9A-Z]([0-9A-Z-]{0,30}[0-9A-Z])?", fullmatch=True)
no_codes = st.builds(without_code, organisations, serials)

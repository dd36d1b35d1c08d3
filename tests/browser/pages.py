"""
The pages that a browser looks at: one list, for every check and every picture.

Whoever adds a page adds its line. `test_the_list_is_whole` fails until it stands here.
"""

from typing import NamedTuple


class Place(NamedTuple):
    """A page: its name in test output, its path with names of `serving.Site.places` in braces, its status."""

    name: str
    path: str
    status: int = 200
    charts: bool = False  # a page with charts may weigh more
    signed_in: bool = False  # as an administrator, who sees most


SOLID = "/technology/tests/SAMPLE-9Z4-SOLID-CELL"
PLACES = (
    Place("home", "/"),
    Place("search", "/search?q=9Z0PB"),
    Place("found-nothing", "/search?q=ZZZ"),
    Place("batteries", "/batteries"),
    Place("battery", "/b/{code}"),
    Place("battery-that-ended", "/b/{ended}"),
    Place("decision-not-shown", "/b/{code}/decision", 403),
    Place("decisions", "/workspace/decisions", signed_in=True),
    Place("battery-before", "/b/{code}?as_of={then}"),
    Place("event", "/b/{code}/events/{index}"),
    Place("family", "/b/{code}/genealogy"),
    Place("card", "/b/{code}/card"),
    Place("passport", "/b/{code}/passport"),
    Place("passport-by-number", "/b/{code}/passport/1"),
    Place("recycled-content", "/b/{made_of}/recycled-content"),
    Place("nothing-recycled", "/b/{ended}/recycled-content"),
    Place("transport", "/b/{code}/transport"),
    Place("transport-recalled", "/b/{recalled}/transport", signed_in=True),
    Place("transport-paper-of-others", "/b/{recalled}/transport/paper", 403),
    Place("alarms-not-shown", "/b/{code}/alarms", 403),
    Place("materials", "/b/{code}/materials"),
    Place("nothing-handed-over", "/b/{code}/handed", 404),
    Place("report", "/report"),
    Place("labels", "/labels?code={code}"),
    Place("scan", "/scan"),
    Place("scanned", "/scan?text={recalled}"),
    Place("scanned-elsewhere", "/scan?text=https://elsewhere.example/b/{ended}"),
    Place("scan-found", "/scan?part=9Z0PB"),
    Place("scan-nothing", "/scan?text=hello", 400),
    Place("sign-in", "/sign-in"),
    Place("register", "/register"),
    Place("no-such-application", "/register/nothing", 404),
    Place("owner", "/owner"),
    Place("account", "/account", signed_in=True),
    Place("password", "/account/password", signed_in=True),
    Place("accounts", "/accounts", signed_in=True),
    Place("trail", "/accounts/trail", signed_in=True),
    Place("fleet", "/fleet", signed_in=True),
    Place("fleet-outliers", "/fleet/outliers", signed_in=True),
    Place("fleet-warranty", "/fleet/warranty", signed_in=True),
    Place("webhooks", "/workspace/webhooks", signed_in=True),
    Place("platform", "/workspace/platform", signed_in=True),
    Place("eu-registry", "/workspace/eu-registry", signed_in=True),
    Place("platform-items", "/workspace/platform/items", signed_in=True),
    Place("organisations", "/organisations"),
    Place("organisation", "/organisations/{identifier}"),
    Place("no-such-organisation", "/organisations/nobody", 404),
    Place("models", "/models"),
    Place("model", "/models/{model}"),
    Place("standards", "/stations/standards"),
    Place("answers", "/answers"),
    Place("completeness", "/completeness", signed_in=True),
    Place("requests", "/requests", signed_in=True),
    Place("request-new", "/requests/new", signed_in=True),
    Place("recalls", "/recalls"),
    Place("recall", "/recalls/{recall}"),
    Place("battery-that-is-recalled", "/b/{recalled}"),
    Place("outlets", "/outlets"),
    Place("outlets-near", "/outlets/near?code={code}&region=310115&latitude=31.23&longitude=121.47"),
    Place("outlet", "/outlets/site?site={outlet}"),
    Place("outlets-coverage", "/outlets/coverage", signed_in=True),
    Place("stations", "/stations"),
    Place("station", "/stations/{station}"),
    Place("journey", "/stations/plan", signed_in=True),
    Place("journey-planned", "/stations/plan?start=30,114&destination=30.2,114", signed_in=True),
    Place("reservations", "/stations/reservations", signed_in=True),
    Place("stations-not-found", "/stations?q=nowhere&order=queue"),
    Place("planning", "/stations/planning"),
    Place("planning-cheapest", "/stations/planning?packs=30&chargers=12&hours=two_rushes&size=cheapest"),
    Place("planning-too-many-trucks", "/stations/planning?swaps_per_day=2000"),
    Place("planning-wrong", "/stations/planning?packs=lots", 400),
    Place("outlook", "/outlook", charts=True),
    Place(
        "outlook-compared",
        "/outlook?scenario=trucks_twice&with=baseline&with=baseline,lfp_percent:60",
        charts=True,
    ),
    Place("outlook-wrong", "/outlook?car.battery_years=99", 400),
    Place("outlook-report", "/outlook/report?scenario=trucks_goal&lfp_percent=70", charts=True),
    Place("outlook-report-wrong", "/outlook/report?car.battery_years=99", 400),
    Place("adoption", "/outlook/adoption"),
    Place("adoption-quarters", "/outlook/adoption?series=passenger_quarters"),
    Place("adoption-too-few", "/outlook/adoption?series=heavy_truck"),
    Place("adoption-unknown", "/outlook/adoption?series=ships", 400),
    Place("makers", "/outlook/makers"),
    Place("retirement-of-all", "/outlook/retirement"),
    Place("retirement-by-process", "/outlook/retirement?unit=kt&year=2035&process=leading_plant"),
    Place("retirement-wrong", "/outlook/retirement?unit=miles", 400),
    Place("replay", "/stations/replay", charts=True),
    Place("replay-wrong", "/stations/replay?policy=never", 400),
    Place("statements", "/stations/statements?of=owner", signed_in=True),
    Place("outlook-figures", "/outlook/series"),
    Place("outlook-figures-none", "/outlook/series?known_at=2009-01"),
    Place("outlook-figures-wrong", "/outlook/series?known_at=soon", 400),
    Place("outlook-series", "/outlook/series/nev_sales", charts=True),
    Place("outlook-series-none", "/outlook/series/nev_sales?segment=99"),
    Place("technology-tests", "/technology/tests"),
    Place("technology-test", SOLID),
    Place("technology-test-campaign", f"{SOLID}?campaign=SAMPLE-SOLID-PILOT_LINE"),
    Place("technology-test-unknown", "/technology/tests/nothing", 404),
    Place("technology", "/technology", charts=True),
    Place("technology-none", "/technology?type=liquid&evidence=third_party"),
    Place("technology-wrong", "/technology?stage=moon", 400),
    Place("cell", "/technology/cells/gotion-gemstone"),
    Place("cell-unknown", "/technology/cells/nothing", 404),
    Place("cells-compared", "/technology/compare?with=quantumscape-qse5&with=donutlab&with=nio-welion-150"),
    Place("cells-compared-none", "/technology/compare"),
    Place("cells-compared-wrong", "/technology/compare?with=nothing", 404),
    Place("range", "/technology/range?temperature=-20", charts=True),
    Place("range-truck", "/technology/range?vehicle=eactros600&cell=lfp-liquid&cycle=truck-80"),
    Place("range-wrong", "/technology/range?temperature=900", 400),
    Place("range-unknown", "/technology/range?cell=nothing", 404),
    Place("cycler", "/technology/cycler", signed_in=True),
    Place("campaign-not-yours", "/technology/tests/new", 403, signed_in=True),
    Place("test-not-yours", "/technology/tests/report?model=x&campaign=y", 403, signed_in=True),
    Place("stage-not-yours", "/technology/tests/grant?model=x", 403, signed_in=True),
    Place("technology-timeline", "/technology/timeline", charts=True),
    Place("thousand", "/technology/thousand"),
    Place("thousand-truck", "/technology/thousand?vehicle=tractor-40t&temperature=-10"),
    Place("thousand-wrong", "/technology/thousand?temperature=cold", 400),
    Place("lines", "/technology/lines"),
    Place("line-unknown", "/technology/lines/nobody/nothing", 403, signed_in=True),
    Place("life", "/technology/life", charts=True),
    Place("life-solid", "/technology/life?cell=quantumscape-qse5"),
    Place("life-wrong", "/technology/life?duty=rocket", 400),
    Place("rules", "/rules"),
    Place("rule", "/rules/o73-06", signed_in=True),
    Place("gate", "/rules/o73-scrap", signed_in=True),
    Place("border", "/border"),
    Place("border-forbidden", "/border?what=black_mass&from=DE&to=CN&on=2026-11-09&assays=Ni%3D0.2"),
    Place("border-unknown", "/border?what=lithium_batteries&waste=yes&from=CN&to=XX", 400),
    Place("duties", "/duties", signed_in=True),
    Place("gateway", "/gateway", signed_in=True),
    Place("log", "/log", charts=True),
    Place("docs", "/docs"),
    Place("no-such-address", "/nothing", 404),
    Place("no-such-battery", "/b/9ZZPB000000000G4C0000001", 404),
    Place("no-code", "/b/9ZZP", 400),
)


class Look(NamedTuple):
    """Who looks: the language of the browser, and a desk's or a phone's screen."""

    language: str
    screen: str

    @property
    def context(self):
        """How Playwright is told of it."""
        phone = self.screen == "phone"
        return {
            "locale": "zh-CN" if self.language == "zh" else "en-GB",
            "viewport": {"width": 390, "height": 844} if phone else {"width": 1440, "height": 1000},
            "device_scale_factor": 2 if phone else 1,
            "is_mobile": phone,
            "has_touch": phone,
        }

    def __str__(self):
        return "-".join(self)


LANGUAGES = ("en", "zh")
LOOKS = [Look(language, screen) for language in LANGUAGES for screen in ("desk", "phone")]
CROSSWISE = [Look("en", "desk"), Look("zh", "phone")]  # each language and each screen, in half the time

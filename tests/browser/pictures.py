"""
`make pictures`: the main pages of a sample world, as docs/pictures shows them.

The same world each time; only times of receipt and hashes differ. WebP, since it is half as large as PNG.
"""

import re
import tempfile
import time
from base64 import b64decode, b64encode
from pathlib import Path
from typing import NamedTuple

import httpx
from playwright.sync_api import sync_playwright

import voltrail
from tests.browser import chromium, serving
from tests.browser.chromium import HOST
from tests.browser.pages import Look
from voltrail.accounts import Accounts
from voltrail.accounts.owners import Owners
from voltrail.demo.cast import Cast

FOLDER = Path(__file__).parents[2] / "docs/pictures"
QUALITY = 80
WHOLE = 0.65  # of the size on screen, for a page that is shown down to its end
SEED = 20261  # of the sample world that `voltrail demo` makes
LARGEST_BYTES, LARGEST_WHOLE = 200_000, 500_000
FILE = """\
事件,发生时间,电池编码,场所,备注
回收,2026-04-21 09:30,9ZZPB240000003G4C0221953,outlet-1,
回收,2026-04-21 09:40,9ZZPB240000003G4C022195,outlet-1,
回收,2026-04-31 10:00,9ZZPB240000003G4C0221955,outlet-1,
回收,2026-04-21 10:15,9ZZPB240000003G4C0221956,outlet-1,
回收,03/04/2026,9ZZPB240000003G4C0221957,outlet-1,外壳破损
回收,2026-04-21 11:00,1.2345E+23,outlet-1,
回收,2026-04-21 11:20,9ZZPB240000003G4C0221959,outlet-1,
""".encode()  # half of it wrong, each in its own way


class Picture(NamedTuple):
    """A file of docs/pictures: the path it shows, who looks, and in which light."""

    name: str
    path: str
    look: Look
    theme: str = "light"
    who: str = ""  # is signed in: an administrator, or a role of the sample world; or the owner of a car
    beside: str = ""  # who sees the same page in the right half of the picture, which is as high as they are

    @property
    def most(self):
        """How many bytes it may have."""
        return LARGEST_WHOLE if self.beside else LARGEST_BYTES

    @property
    def file(self):
        """Where it is kept."""
        return FOLDER / f"{self.name}.webp"


PICTURES = (
    Picture("home", "/", Look("en", "desk")),
    Picture("battery", "/b/{ended}", Look("en", "desk")),
    Picture("battery-phone", "/b/{code}", Look("zh", "phone"), "dark"),
    Picture("batteries", "/batteries?level=pack", Look("zh", "desk")),
    Picture("docs", "/docs", Look("en", "desk"), "dark"),
    Picture("log", "/log", Look("en", "desk")),
    Picture("log-phone", "/log", Look("zh", "phone"), "dark"),
    Picture("sign-in", "/sign-in", Look("zh", "phone")),
    Picture("account", "/account", Look("en", "desk"), who="administrator"),
    Picture("accounts", "/accounts", Look("zh", "desk"), who="administrator"),
    Picture("trail", "/accounts/trail", Look("en", "desk"), "dark", who="administrator"),
    Picture("work", "/workspace", Look("en", "desk"), who="repair_enterprise"),
    Picture("file", "/workspace/files/{file}", Look("en", "desk"), who="sender"),
    Picture("file-phone", "/workspace/files/{file}", Look("zh", "phone"), who="sender"),
    Picture("labels", "/labels?code={code}", Look("en", "desk")),
    Picture("scan-phone", "/scan?text={recalled}", Look("en", "phone"), who="swap_operator"),
    Picture("recall", "/b/{recalled}", Look("en", "desk")),
    Picture("authority", "/authority", Look("en", "desk"), who="authority"),
    Picture("flows", "/authority/flows", Look("en", "desk"), who="authority"),
    Picture("owner-phone", "/owner", Look("zh", "phone"), "dark", who="owner"),
    Picture("passport", "/b/{issued}/passport", Look("en", "desk")),
    Picture("passport-zh", "/b/{issued}/passport", Look("zh", "desk")),
    Picture("passport-phone", "/b/{issued}/passport", Look("en", "phone")),
    Picture("passport-phone-zh", "/b/{issued}/passport", Look("zh", "phone")),
    Picture(
        "passport-sides",
        "/b/{repaired}/passport",
        Look("en", "desk"),
        who="authority",
        beside="repair_enterprise",
    ),
)


def cookie_of(site, who):
    """Return the cookie of whoever looks at a page, and is more than the public."""
    if who == "administrator":
        return site.session
    if who == "owner":
        return owner_of(site)
    if who == "sender":
        return site.places["sender"]
    if who not in site.places:
        site.places[who] = site.sign_in(who.partition("_")[0] + "-clerk", Cast(SEED).one(who).identifier)
    return site.places[who]


def owner_of(site):
    """Return the cookie of somebody who bought a car whose battery was measured."""
    census = site.sign_in("picture-census", Cast(SEED).authority.identifier)
    told = httpx.Client(base_url=site.url, cookies={"session": census["value"]})
    told.headers["Accept"] = "application/json"
    for one in told.get("/batteries?level=pack&place=in_vehicle&limit=1000").json()["batteries"]:
        pack = told.get(f"/b/{one['code']}").json()
        sold = [e for e in told.get(f"/b/{one['code']}/history").json()["events"] if e["kind"] == "sold"]
        if pack["soh_fraction"] and sold and not pack["owner"]:
            break
    cookie = site.sign_in("picture-seller", sold[0]["reporter"])
    with voltrail.open(site.data) as registry:
        seller = Accounts(registry.database).by_session(cookie["value"])
        return cookie | {"name": "owner", "value": Owners(registry).make(seller, pack["vin"], HOST)}


def send_file(site):
    """Send a spreadsheet with mistakes for an outlet; note who did and which it is."""
    cookie = site.sign_in("picture-sender", Cast(SEED).one("collection_outlet").identifier)
    told = httpx.Client(
        base_url=site.url, cookies={"session": cookie["value"]}, headers={"Accept": "text/html"}
    )
    csrf = re.search(r'name="csrf" value="([^"]*)"', told.get("/workspace/files").text)[1]
    site.places |= {"sender": cookie}
    answer = told.post("/workspace/files", data={"csrf": csrf}, files={"file": ("april.csv", FILE)})
    site.places["file"] = answer.headers["location"].rpartition("/")[2]
    address = answer.headers["location"]
    while told.get(address, headers={"Accept": "application/json"}).json()["state"] != "checked":
        time.sleep(0.1)


def take(browser, site, picture):
    """Return the picture of a page as WebP, no higher than the screen."""
    context = browser.new_context(**picture.look.context, color_scheme=picture.theme)
    if picture.who:
        context.add_cookies([cookie_of(site, picture.who)])
    page = context.new_page()
    page.goto(site.address(picture.path), wait_until="networkidle")
    look = picture.look.context
    clip = {"x": 0, "y": 0, **look["viewport"], "scale": look["device_scale_factor"]}
    options = {"format": "webp", "quality": QUALITY, "clip": clip}
    shot = context.new_cdp_session(page).send("Page.captureScreenshot", options)
    context.close()
    return b64decode(shot["data"])


def note_issued(site):
    """Note a pack whose passport is in force."""
    told = httpx.Client(base_url=site.url, headers={"Accept": "application/json"})
    packs = [one["code"] for one in told.get("/batteries?level=pack&limit=1000").json()["batteries"]]
    status = {code: told.get(f"/b/{code}/passport").json()["passport"]["status"] for code in packs}
    site.places["issued"] = next(code for code in packs if status[code] == "active")


def note_repaired(site):
    """Note a battery that a repair shop has, of which something was measured."""
    shop = httpx.Client(base_url=site.url, cookies={"session": cookie_of(site, "repair_enterprise")["value"]})
    shop.headers["Accept"] = "application/json"
    held = [one["code"] for one in shop.get("/workspace/batteries").json()["batteries"]]
    points = {code: shop.get(f"/b/{code}/passport").json()["points"] for code in held}
    site.places["repaired"] = max(held, key=lambda code: len(points[code]))


def take_sides(browser, site, picture):
    """Return a picture of a page as two see it, beside each other, whole."""
    width, sides = picture.look.context["viewport"]["width"] // 2, []
    for who in (picture.who, picture.beside):
        options = picture.look.context | {"viewport": {"width": width, "height": 900}}
        context = browser.new_context(**options, color_scheme=picture.theme)
        context.add_cookies([cookie_of(site, who)])
        page = context.new_page()
        page.goto(site.address(picture.path), wait_until="networkidle")
        sides.append(b64encode(page.screenshot(full_page=True)).decode())
        context.close()
    page = browser.new_page(viewport={"width": 2 * width, "height": 900})
    images = "".join(f'<img src="data:image/png;base64,{one}" width="{width}">' for one in sides)
    page.set_content(f'<body style="margin: 0; display: flex; align-items: start">{images}')
    height = page.evaluate("document.documentElement.scrollHeight")
    clip = {"x": 0, "y": 0, "width": 2 * width, "height": height, "scale": WHOLE}
    options = {"format": "webp", "quality": QUALITY, "clip": clip, "captureBeyondViewport": True}
    shot = page.context.new_cdp_session(page).send("Page.captureScreenshot", options)
    page.close()
    return b64decode(shot["data"])


def main():
    """Serve the sample world and take all of them."""
    if chromium.find() is None:
        raise SystemExit(chromium.MISSING)
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="voltrail-") as folder, sync_playwright() as playwright:
        browser = chromium.launch(playwright)
        serving.make(Path(folder) / "data")
        with serving.sample_site(Path(folder) / "data") as site:
            send_file(site)
            note_issued(site)
            note_repaired(site)
            for picture in PICTURES:
                content = (take_sides if picture.beside else take)(browser, site, picture)
                if len(content) > picture.most:
                    raise SystemExit(f"{picture.name} has {len(content):,} bytes, too many for a README.")
                picture.file.write_bytes(content)
                print(f"{picture.file.relative_to(FOLDER.parents[1])}  {len(content):>7,} bytes")
        browser.close()


if __name__ == "__main__":
    main()

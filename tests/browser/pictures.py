"""
`make pictures`: the main pages of a sample world, as docs/pictures shows them.

The same world each time; only times of receipt and hashes differ. WebP, since it is half as large as PNG.
"""

import tempfile
from base64 import b64decode
from pathlib import Path
from typing import NamedTuple

from playwright.sync_api import sync_playwright

from tests.browser import chromium, serving
from tests.browser.pages import Look

FOLDER = Path(__file__).parents[2] / "docs/pictures"
QUALITY = 80
LARGEST_BYTES = 200_000


class Picture(NamedTuple):
    """A file of docs/pictures: the path it shows, who looks, and in which light."""

    name: str
    path: str
    look: Look
    theme: str = "light"
    signed_in: bool = False

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
    Picture("account", "/account", Look("en", "desk"), signed_in=True),
    Picture("accounts", "/accounts", Look("zh", "desk"), signed_in=True),
    Picture("trail", "/accounts/trail", Look("en", "desk"), "dark", signed_in=True),
)


def take(browser, site, picture):
    """Return the picture of a page as WebP, no higher than the screen."""
    context = browser.new_context(**picture.look.context, color_scheme=picture.theme)
    if picture.signed_in:
        context.add_cookies([site.session])
    page = context.new_page()
    page.goto(site.address(picture.path), wait_until="networkidle")
    look = picture.look.context
    clip = {"x": 0, "y": 0, **look["viewport"], "scale": look["device_scale_factor"]}
    options = {"format": "webp", "quality": QUALITY, "clip": clip}
    shot = context.new_cdp_session(page).send("Page.captureScreenshot", options)
    context.close()
    return b64decode(shot["data"])


def main():
    """Serve the sample world and take all of them."""
    if chromium.find() is None:
        raise SystemExit(chromium.MISSING)
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="voltrail-") as folder, sync_playwright() as playwright:
        browser = chromium.launch(playwright)
        with serving.sample_site(Path(folder) / "data") as site:
            for picture in PICTURES:
                content = take(browser, site, picture)
                if len(content) > LARGEST_BYTES:
                    raise SystemExit(f"{picture.name} has {len(content):,} bytes, too many for a README.")
                picture.file.write_bytes(content)
                print(f"{picture.file.relative_to(FOLDER.parents[1])}  {len(content):>7,} bytes")
        browser.close()


if __name__ == "__main__":
    main()

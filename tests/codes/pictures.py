"""Labels as a camera may see them: rendered from each format by a reader of its own, then made worse."""

import re
import zlib
from base64 import a85decode
from io import BytesIO

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

DOTS_PER_MM = 300 / 25.4
NUMBER = r"(-?[0-9.]+)"


def picture_of(content):
    """Return the picture in a PNG, an SVG or the first page of a PDF of ours, at about 300 dpi."""
    if content.startswith(b"\x89PNG"):
        return Image.open(BytesIO(content)).convert("L")
    return _of_svg(content.decode()) if content.startswith(b"<svg") else of_pdf(content)[0]


def _of_svg(text):
    """Draw the symbol of an SVG; words are left out."""
    width, height = map(float, re.search(r'viewBox="0 0 ([0-9.]+) ([0-9.]+)"', text).groups())
    moved = re.search(rf"translate\({NUMBER} {NUMBER}\) scale\({NUMBER} {NUMBER}\)\" d=\"([^\"]+)\"", text)
    x, y, across, down = (float(one) for one in moved.groups()[:4])
    canvas = _Canvas(width, height)
    for column, row, wide in re.findall(rf"M{NUMBER} {NUMBER}h{NUMBER}v1h", moved[5]):
        canvas.fill(x + float(column) * across, y + float(row) * down, float(wide) * across, down)
    return canvas.image


def of_pdf(content):
    """Return the pages of a PDF, the rectangles on them drawn as its operators say."""
    sizes = re.findall(rb"/MediaBox \[ 0 0 ([0-9.]+) ([0-9.]+) \]", content)
    streams = re.findall(rb"stream\r?\n(.*?)endstream", content, re.DOTALL)
    drawings = [zlib.decompress(a85decode(b"<~" + one.strip(), adobe=True)) for one in streams]
    return [
        _of_operators(drawing.decode("latin-1"), float(width) / 72 * 25.4, float(height) / 72 * 25.4)
        for (width, height), drawing in zip(sizes, drawings, strict=True)
    ]


def _of_operators(text, width, height):
    canvas, unit = _Canvas(width, height), 25.4 / 72
    for symbol in re.finditer(rf"q {NUMBER} 0 0 {NUMBER} {NUMBER} {NUMBER} cm (.*?) ?f Q", text):
        across, down, x, y = (float(one) * unit for one in symbol.groups()[:4])
        for column, row, wide, high in re.findall(rf"{NUMBER} {NUMBER} {NUMBER} {NUMBER} re", symbol[5]):
            top = height - (y + float(row) * down)
            canvas.fill(x + float(column) * across, top, float(wide) * across, float(high) * -down)
    return canvas.image


class _Canvas:
    """A white paper in millimetres, seen from the upper left corner."""

    def __init__(self, width, height):
        self.image = Image.new("L", (round(width * DOTS_PER_MM), round(height * DOTS_PER_MM)), 255)
        self._draw = ImageDraw.Draw(self.image)

    def fill(self, x, y, width, height):
        box = [round(one * DOTS_PER_MM) for one in (x, y, x + width, y + height)]
        self._draw.rectangle((box[0], box[1], box[2] - 1, box[3] - 1), fill=0)


def blurred(image):
    """Out of focus by a good part of the narrowest module."""
    return image.filter(ImageFilter.GaussianBlur(1.4))


def peppered(image):
    """Two of a hundred printed dots wrong, as a lens sees them: it is no finer than they are."""
    dots, noise = np.array(image), np.random.default_rng(6)
    wrong = noise.random(dots.shape) < 0.02
    dots[wrong] = noise.integers(0, 2, int(wrong.sum())) * 255
    return Image.fromarray(dots).filter(ImageFilter.GaussianBlur(1))


def turned(image):
    """Held askew, with the desk around it."""
    framed = Image.new("L", (image.width + 160, image.height + 160), 255)
    framed.paste(image, (80, 80))
    return framed.rotate(11, Image.Resampling.BICUBIC, expand=True, fillcolor=170)


def faded(image):
    """Grey on grey, in bad light."""
    return image.point(lambda value: 105 + value * 60 // 255)


def photographed(image):
    """Smaller, unsharp, grainy and unevenly lit at once."""
    small = image.resize((image.width * 2 // 3, image.height * 2 // 3), Image.Resampling.BILINEAR)
    dots = np.array(small.filter(ImageFilter.GaussianBlur(0.8)), dtype=float)
    light = np.linspace(0.55, 1.0, dots.shape[1])
    grain = np.random.default_rng(6).normal(0, 9, dots.shape)
    return Image.fromarray(np.clip(dots * light * 0.8 + 25 + grain, 0, 255).astype("uint8"))


def scratched(image):
    """A white scratch across the label, half a millimetre wide: what error correction takes."""
    worn = image.copy()
    across = (image.width * 0.05, image.height * 0.55, image.width, image.height * 0.4)
    ImageDraw.Draw(worn).line(across, fill=255, width=round(0.5 * DOTS_PER_MM))
    return worn


WAYS = (blurred, peppered, turned, faded, photographed, scratched)

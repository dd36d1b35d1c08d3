"""What a camera sees, as the file that Chromium plays in place of one."""

from io import BytesIO

from PIL import Image

from voltrail.codes import labels, printing
from voltrail.codes.labels import SIZES

WIDTH, HEIGHT, FRAMES = 1280, 720, 4
DESK = 150  # the grey on which labels lie
HOST = "registry.example.org"


def shoot(path, codes, carrier="qr", size="100x50", scale=0.5):
    """Write a film of labels lying beside each other; the name of its format is y4m."""
    desk = Image.new("L", (WIDTH, HEIGHT), DESK)
    for place, code in enumerate(codes):
        label = printing.png(labels.make(code, carrier, SIZES[size], HOST, 300), 300)
        picture = Image.open(BytesIO(label)).convert("L")
        picture = picture.resize((round(picture.width * scale), round(picture.height * scale)))
        x = WIDTH // 2 - picture.width // 2 if len(codes) == 1 else 30 + place * (picture.width + 30)
        desk.paste(picture, (x, HEIGHT // 2 - picture.height // 2))
    frame = b"FRAME\n" + desk.tobytes() + bytes([128]) * (WIDTH * HEIGHT // 2)
    path.write_bytes(f"YUV4MPEG2 W{WIDTH} H{HEIGHT} F10:1 Ip A1:1 C420jpeg\n".encode() + frame * FRAMES)
    return path

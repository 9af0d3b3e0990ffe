"""Photographs as phones take them: 12 megapixels, a tilted camera, bent paper on a table with other things on it.

``noise.photograph`` keeps the paper flat and the table even. Here the camera is a pinhole at an angle, the paper bends,
its edges are seen against wood, cloth, stone or a table nearly as light as itself, and the file says that it comes
from a camera. Light, noise and compression are those of a bright office to a dim van.
"""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from extraction.training.choices import Choices
from extraction.training.noise import Move, Picture, moved, render, smooth
from extraction.training.rendering import Placed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Field = NDArray[Any]  # floats, a value for each pixel or for a coarser grid

SIZES = ((4032, 3024), (4000, 3000), (4000, 2250), (3264, 2448), (2560, 1920), (1600, 1200))
"""Pixels, long side first: what phones store, and what messengers make of it."""

_RENDERED_DPI = 300
_COARSE = 8  # fields that vary slowly are made at this fraction of the picture's size and enlarged
_TABLES = (
    (150, 108, 70), (92, 64, 44), (70, 62, 58), (150, 140, 128), (40, 45, 52), (182, 158, 128), (95, 105, 110),
    (205, 200, 192), (120, 128, 140), (60, 84, 70),
)  # fmt: skip


def phone_photograph(pdf: bytes, placed: Sequence[Placed], look: Choices) -> Picture:
    """Turn a one-page PDF into a phone's photograph of the printed sheet; places move with the paper."""
    import cv2

    rng = np.random.default_rng(look.stream("phone").getrandbits(64))
    page = render(pdf, _RENDERED_DPI)[0]
    height, width = page.shape[:2]
    long, short = look.pick("phone size", SIZES, (5, 2, 1, 2, 1, 1))
    tall = height >= width
    out_w, out_h = (short, long) if tall else (long, short)
    matrix = _camera(width, height, out_w, out_h, look, rng)
    lift = _lift(look, rng) if look.chance("bent", 0.6) else None
    map_x, map_y, bend_shade = _inverse(matrix, lift, width, height, out_w, out_h)
    laid = np.asarray(
        cv2.remap(page, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.uint8
    )
    inside = ((map_x >= 0) & (map_x <= width - 1) & (map_y >= 0) & (map_y <= height - 1)).astype(np.uint8)
    mask = cv2.GaussianBlur(inside * 255, (0, 0), 1.2)
    light = _light(out_h, out_w, look, rng)
    scene = _table(out_h, out_w, look, rng)
    _lay_things(scene, look, rng)
    # The sheet throws a soft shadow to one side, which is what shows a white sheet on a white table.
    shift = rng.uniform(-0.012, 0.012, 2) * out_w
    shadow = cv2.resize(mask, (out_w // _COARSE, out_h // _COARSE), interpolation=cv2.INTER_AREA)
    shadow = cv2.warpAffine(
        shadow,
        np.array([[1, 0, shift[0] / _COARSE], [0, 1, shift[1] / _COARSE]]),
        (shadow.shape[1], shadow.shape[0]),
    )
    shadow = cv2.GaussianBlur(shadow, (0, 0), max(out_w * 0.006 / _COARSE, 0.8)).astype(np.float32) / 255
    dim = 1 - look.between("sheet shadow", 0.1, 0.45) * shadow
    scene = _times(scene, dim)
    paper = look.between("paper", 0.88, 1.0)
    paper_tone = np.array([paper * look.between(f"paper {c}", 0.94, 1.0) for c in "rgb"], np.float32)
    laid = _times(_times(laid, bend_shade), light, paper_tone)
    scene = _times(scene, light)
    mixed = cv2.add(
        cv2.multiply(laid, cv2.merge([mask] * 3), scale=1 / 255),
        cv2.multiply(scene, cv2.merge([255 - mask] * 3), scale=1 / 255),
    )
    scene = np.asarray(mixed, np.uint8)
    if look.chance("phone glare", 0.06):
        scene = _glare(scene, rng)
    softness = look.between("phone blur", 0.5, 1.6) * long / 4032
    scene = np.asarray(cv2.GaussianBlur(scene, (0, 0), max(softness, 0.4)), np.uint8)
    scene = _grain(scene, look.between("phone grain", 1.0, 5.0), rng)

    def forward(points: Any) -> NDArray[np.float64]:
        return _forward(points, matrix, lift, page.shape)

    seen = [place for place in placed if place.page == 0 and _is_in(place, forward, page.shape, scene.shape)]
    return Picture(_encode(scene, look), "jpg", moved(seen, 0, page.shape, scene.shape, forward))


def _is_in(place: Placed, forward: Move, page: Sequence[int], picture: Sequence[int]) -> bool:
    """Say whether the picture shows a value at all: what was cut off is not on the page."""
    box = place.box
    ends = np.array([(box.x0 * page[1], box.y0 * page[0]), (box.x1 * page[1], box.y1 * page[0])])
    ends = forward(ends.astype(np.float32))
    return bool(((ends >= 0) & (ends <= (picture[1], picture[0]))).all())


def _camera(
    width: int, height: int, out_w: int, out_h: int, look: Choices, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Return the homography from the flat page's pixels to the picture's: a pinhole camera over a table.

    Tilts up to 22 degrees from straight above, turned by up to 12 degrees; the sheet fills 55 to 97 % of the
    picture's side, or a corner of it is cut off.
    """
    tilt = math.radians(abs(float(rng.normal(0, 9.0)))) % math.radians(22)
    azimuth = rng.uniform(0, 2 * math.pi)
    roll = math.radians(float(np.clip(rng.normal(0, 4.0), -12, 12)))
    axis = np.array([math.cos(azimuth), math.sin(azimuth), 0.0])
    cross = np.array([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
    lean = np.eye(3) + math.sin(tilt) * cross + (1 - math.cos(tilt)) * cross @ cross
    turn = np.array([[math.cos(roll), -math.sin(roll), 0], [math.sin(roll), math.cos(roll), 0], [0, 0, 1]])
    rotation = turn @ lean
    # A phone's main lens sees about 65 degrees across its long side: focal length 0.78 of that side.
    focal, size = 0.78 * max(out_w, out_h), max(width, height)
    plane = np.column_stack([rotation[:, 0], rotation[:, 1], rotation @ np.zeros(3) + [0, 0, 1.35]])
    lens = np.array([[focal, 0, 0], [0, focal, 0], [0, 0, 1.0]])
    center = np.array([[1 / size, 0, -width / 2 / size], [0, 1 / size, -height / 2 / size], [0, 0, 1]])
    matrix = lens @ plane @ center
    corners = _project(np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float64), matrix)
    low, high = corners.min(axis=0), corners.max(axis=0)
    fill = look.between("sheet fills", 0.72, 0.97)
    if look.chance("corner cut off", 0.05):
        fill = look.between("sheet cut", 1.06, 1.2)
    scale = fill * min(out_w / (high - low)[0], out_h / (high - low)[1])
    room = np.array([out_w, out_h]) - scale * (high - low)
    at = room * rng.uniform(0.12, 0.88, 2) if fill < 1 else room * rng.uniform(0.0, 1.0, 2)
    shift = at - scale * low
    return np.array([[scale, 0, shift[0]], [0, scale, shift[1]], [0, 0, 1]]) @ matrix


class _Lift:
    """How far bent paper stands off the table: its height in page widths and how that moves what is seen."""

    def __init__(self, bows: Sequence[tuple[float, float, float]], lean: NDArray[np.float64]) -> None:
        self._bows = bows
        self._lean = lean

    def height(self, x: Any, y: Any) -> Any:
        """Return the height at places given as fractions of the page; each bow is (direction, phase, strength)."""
        total = 0.0
        for direction, phase, strength in self._bows:
            along = math.cos(direction) * x + math.sin(direction) * y
            total = total + strength * np.cos(math.pi * (along - phase))
        return total

    def shifted(self, x: Any, y: Any) -> tuple[Any, Any]:
        """Return where a place is seen: what is nearer to the camera moves away from the middle and by its lean."""
        h = self.height(x, y)
        return x + h * (self._lean[0] + 0.5 * (x - 0.5)), y + h * (self._lean[1] + 0.5 * (y - 0.5))


def _lift(look: Choices, rng: np.random.Generator) -> _Lift:
    """One long bow, as paper keeps that was rolled or folded, and perhaps a second across it."""
    strong = look.between("bend", 0.008, 0.05)
    direction = float(rng.choice([0.0, math.pi / 2])) + float(rng.normal(0, 0.25))
    bows = [(direction, float(rng.uniform(0.2, 0.8)), strong)]
    if rng.random() < 0.3:
        bows.append((direction + math.pi / 2, float(rng.uniform(0, 1)), 0.3 * strong))
    return _Lift(bows, rng.uniform(-0.6, 0.6, 2))


def _project(points: NDArray[np.float64], matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    homogeneous = np.column_stack([points, np.ones(len(points))]) @ matrix.T
    return np.asarray(homogeneous[:, :2] / homogeneous[:, 2:])


def _forward(
    points: Any, matrix: NDArray[np.float64], lift: _Lift | None, shape: Sequence[int]
) -> NDArray[np.float64]:
    """Move points of the page (pixels) to where the picture shows them."""
    flat = np.asarray(points, np.float64)
    if lift is not None:
        x, y = lift.shifted(flat[:, 0] / shape[1], flat[:, 1] / shape[0])
        flat = np.column_stack([x * shape[1], y * shape[0]])
    return _project(flat, matrix)


def _inverse(
    matrix: NDArray[np.float64], lift: _Lift | None, width: int, height: int, out_w: int, out_h: int
) -> tuple[Field, Field, Field]:
    """Return for each pixel of the picture which pixel of the page it shows, and how light the bend makes it."""
    import cv2

    columns = np.linspace(0, out_w - 1, out_w // _COARSE + 1)
    rows = np.linspace(0, out_h - 1, out_h // _COARSE + 1)
    grid_x, grid_y = np.meshgrid(columns, rows)
    grid = np.asarray(np.column_stack([grid_x.ravel(), grid_y.ravel()]), np.float64)
    seen = _project(grid, np.asarray(np.linalg.inv(matrix), np.float64))
    target_x, target_y = seen[:, 0] / width, seen[:, 1] / height
    x, y = target_x, target_y
    shade = np.ones(grid_x.shape, np.float32)
    if lift is not None:
        for _ in range(6):  # the shift changes slowly with the place: this converges to a fraction of a pixel
            moved_x, moved_y = lift.shifted(x, y)
            x, y = x + target_x - moved_x, y + target_y - moved_y
        slope = (lift.height(x + 0.01, y) - lift.height(x - 0.01, y)) / 0.02
        shade = np.clip(1 + 0.9 * slope, 0.6, 1.15).reshape(grid_x.shape).astype(np.float32)

    def whole(values: Any) -> Field:
        coarse = np.asarray(values, np.float32).reshape(grid_x.shape)
        # Enlarged so that the first and last samples fall on the first and last pixels.
        step_x, step_y = (coarse.shape[1] - 1) / (out_w - 1), (coarse.shape[0] - 1) / (out_h - 1)
        to_coarse = np.array([[step_x, 0, 0], [0, step_y, 0]])
        return np.asarray(
            cv2.warpAffine(
                coarse,
                to_coarse,
                (out_w, out_h),
                flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
                borderMode=cv2.BORDER_REPLICATE,
            )
        )

    return whole(x * width), whole(y * height), whole(shade)


def _times(image: NDArray[np.uint8], factor: Field, tone: Field | None = None) -> NDArray[np.uint8]:
    """Multiply a picture by a field of 0 to 1.6, which may be coarser, and by a tone per channel."""
    import cv2

    levels = np.clip(factor * 160, 0, 255).astype(np.uint8)
    if levels.shape != image.shape[:2]:
        size = (image.shape[1], image.shape[0])
        levels = np.asarray(cv2.resize(levels, size, interpolation=cv2.INTER_LINEAR), np.uint8)
    tone = np.ones(3, np.float32) if tone is None else tone
    channels = [
        cv2.multiply(channel, levels, scale=float(t) / 160)
        for channel, t in zip(cv2.split(image), tone, strict=True)
    ]
    return np.asarray(cv2.merge(channels), np.uint8)


def _light(height: int, width: int, look: Choices, rng: np.random.Generator) -> Field:
    """A lamp or a window to one side, and perhaps the shadow of the hand with the phone; coarse."""
    import cv2

    small_h, small_w = height // _COARSE, width // _COARSE
    light = 0.9 + 0.14 * smooth(small_h, small_w, 2, rng) + 0.03 * smooth(small_h, small_w, 4, rng)
    if look.chance("hand shadow", 0.5):
        shade = np.ones((small_h, small_w), np.float32)
        tip = rng.uniform(0.15, 0.85, 2) * (small_w, small_h)
        side = int(rng.integers(0, 4))
        far = np.array([(-0.3, 0.5), (1.3, 0.5), (0.5, -0.3), (0.5, 1.3)][side]) * (small_w, small_h)
        across = np.array([-(far - tip)[1], (far - tip)[0]])
        across = across / max(float(np.hypot(*across)), 1.0) * small_w * rng.uniform(0.12, 0.4)
        points = np.array([tip, far + across, far - across])
        cv2.fillConvexPoly(shade, cv2.convexHull(points.astype(np.int32)), float(rng.uniform(0.5, 0.82)))
        blurred = cv2.GaussianBlur(shade, (0, 0), small_w * float(rng.uniform(0.012, 0.06)))
        light = light * np.asarray(blurred, np.float32)
    return np.asarray(light * look.between("exposure", 0.72, 1.08), np.float32)


def _table(height: int, width: int, look: Choices, rng: np.random.Generator) -> NDArray[np.uint8]:
    """A table top: a colour with grain, boards, weave or specks."""
    import cv2

    color = np.array(look.pick("table", _TABLES), np.float32)
    small_h, small_w = height // 2, width // 2
    kind = look.pick("table kind", ("wood", "boards", "cloth", "stone", "plain"))
    tone = 10 * smooth(small_h, small_w, 5, rng)
    if kind in ("wood", "boards"):
        lines = smooth(small_h, 1, 90, rng)[:, :1] if rng.random() < 0.5 else smooth(1, small_w, 90, rng)[:1]
        tone = tone + 16 * np.broadcast_to(lines, tone.shape)
    if kind == "boards":
        for at in np.arange(rng.uniform(0, 0.2), 1, rng.uniform(0.15, 0.3)):
            row = int(at * small_h)
            tone[row : row + max(small_h // 300, 2)] -= 45
    if kind == "cloth":
        y, x = np.mgrid[0:small_h, 0:small_w].astype(np.float32)
        tone = tone + 7 * np.sin(x / 3.1) * np.sin(y / 2.7)
    if kind == "stone":
        specks = rng.random((small_h // 3, small_w // 3), np.float32)
        tone = tone + cv2.resize((specks > 0.9).astype(np.float32), (small_w, small_h)) * -35
    tone = tone + np.asarray(rng.standard_normal((small_h, small_w), np.float32)) * 4
    image = np.clip(color + tone[..., None], 0, 255).astype(np.uint8)
    return np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)


def _lay_things(scene: NDArray[np.uint8], look: Choices, rng: np.random.Generator) -> None:
    """Put a second paper, a pen or a cup beside the sheet; the sheet is laid over them later."""
    import cv2

    height, width = scene.shape[:2]
    if look.chance("other paper", 0.2):
        center = (float(rng.choice([0.0, 1.0]) * width), float(rng.uniform(0, 1) * height))
        box = cv2.boxPoints((center, (width * 0.5, height * 0.4), float(rng.uniform(-30, 30))))
        cv2.fillConvexPoly(scene, box.astype(np.int32), [int(v) for v in rng.integers(170, 245, 3)])
    if look.chance("pen", 0.3):
        start = rng.uniform(0, 1, 2) * (width, height)
        end = start + rng.uniform(-0.3, 0.3, 2) * width
        color = [int(v) for v in rng.integers(10, 120, 3)]
        cv2.line(
            scene, tuple(start.astype(int).tolist()), tuple(end.astype(int).tolist()), color, width // 70
        )
    if look.chance("cup", 0.12):
        at = (int(rng.choice([0.02, 0.98]) * width), int(rng.uniform(0, 1) * height))
        cv2.circle(scene, at, width // 7, [int(v) for v in rng.integers(40, 230, 3)], -1)


def _glare(scene: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """A lamp mirrored in the paper: a soft spot burnt out to white."""
    import cv2

    height, width = scene.shape[:2]
    spot = np.zeros((height // _COARSE, width // _COARSE), np.uint8)
    at = (rng.uniform(0.25, 0.75, 2) * spot.shape[::-1]).astype(int)
    axes = (rng.uniform(0.05, 0.16, 2) * spot.shape[1]).astype(int)
    cv2.ellipse(spot, at.tolist(), axes.tolist(), float(rng.uniform(0, 180)), 0, 360, 255, -1)
    spot = cv2.GaussianBlur(spot, (0, 0), max(float(axes.min()) * 0.4, 1.0))
    large = cv2.resize(spot, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(cv2.add(scene, cv2.merge([large] * 3)), np.uint8)


def _grain(scene: NDArray[np.uint8], strength: float, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Add sensor noise; one patch of it is repeated, which no eye and no reader tells from the whole."""
    import cv2

    patch = rng.standard_normal((509, 509), np.float32) * strength
    rows, columns = -(-scene.shape[0] // 509), -(-scene.shape[1] // 509)
    noise = np.tile(patch, (rows, columns))[: scene.shape[0], : scene.shape[1]]
    return np.asarray(cv2.add(scene, cv2.merge([noise] * 3), dtype=cv2.CV_8U), np.uint8)


def _encode(scene: NDArray[np.uint8], look: Choices) -> bytes:
    """Store it as a phone does: JPEG with the camera's name, often lying on its side with an orientation tag."""
    from PIL import Image

    image = Image.fromarray(scene)
    exif = Image.Exif()
    if scene.shape[0] * scene.shape[1] > 4_000_000:  # messengers drop the tags when they shrink a picture
        exif[0x010F], exif[0x0110] = "Phone", "Camera"
        if look.chance("stored on its side", 0.5):
            image = image.transpose(Image.Transpose.ROTATE_90)
            exif[0x0112] = 6
    out = io.BytesIO()
    image.save(out, "JPEG", quality=look.pick("phone quality", (72, 82, 90, 94)), exif=exif)
    return out.getvalue()

"""Photographs a sheet as a phone does: curled and folded paper on something, under whatever light there is.

The sheet is a surface in space (metres are sheet widths): a cylinder, waves, a lifted corner, folds. A pinhole camera
looks at it from nearly above, so that perspective, foreshortening and shading come from one and the same geometry.
"""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from random import Random
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

Grid = NDArray[np.uint8]
Plane = NDArray[np.float32]

LARGE, MIDDLE, SMALL = (4032, 3024), (3264, 2448), (1600, 1200)
_COARSE = 8  # geometry and light are reckoned at an eighth of the picture and then enlarged
_TURNED = {
    1: 0,
    6: 1,
    8: 3,
    3: 2,
}  # EXIF orientation: quarter turns, counter-clockwise, by which the picture is stored


@dataclass(frozen=True, slots=True)
class Photo:
    """A photograph as it is in the file. ``sharpness`` is how many blur radii fit in a millimetre of paper."""

    data: bytes
    size: tuple[int, int]
    tags: tuple[str, ...]
    sharpness: float
    contrast: float


def _noise(rng: np.random.Generator, shape: tuple[int, int], step: float, strength: float = 1.0) -> Plane:
    """Return smooth noise whose hills are about ``step`` pixels apart."""
    few = rng.normal(
        0, strength, (max(2, math.ceil(shape[0] / step)) + 1, max(2, math.ceil(shape[1] / step)) + 1)
    )
    return np.asarray(
        cv2.resize(few.astype(np.float32), (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC), np.float32
    )


SKINS = ((206, 158, 128), (168, 118, 88), (120, 82, 60), (222, 180, 154))

# What the sheet lies on ------------------------------------------------------------------------------


def _tinted(gray: Plane, colour: tuple[float, float, float]) -> Plane:
    return np.asarray(gray[..., None] * np.array(colour, np.float32), np.float32)


def _wood(rng: np.random.Generator, shape: tuple[int, int]) -> Plane:
    tall, wide = shape
    colour = [(152, 112, 74), (110, 74, 46), (186, 150, 106), (90, 66, 50)][int(rng.integers(0, 4))]
    ys, xs = np.mgrid[0:tall, 0:wide].astype(np.float32)
    bend = _noise(rng, shape, wide / 3, wide / 40)
    grain = np.sin((ys + bend) / rng.uniform(5, 11) + 3 * np.sin(xs / wide * 5 + bend / 30))
    fine = cv2.GaussianBlur(rng.normal(0, 1, shape).astype(np.float32), (0, 0), sigmaX=14, sigmaY=0.8) * 6
    gray = 1 + 0.07 * grain + 0.05 * fine
    if rng.random() < 0.6:
        board = int(rng.uniform(0.1, 0.28) * wide)
        for k in range(0, tall, board):
            gray[k : k + board] *= rng.uniform(0.85, 1.1)
            gray[k : k + 3] *= 0.45
    return _tinted(np.asarray(gray, np.float32), colour)


def _steel(rng: np.random.Generator, shape: tuple[int, int]) -> Plane:
    tone = rng.uniform(110, 185)
    brushed = cv2.GaussianBlur(rng.normal(0, 1, shape).astype(np.float32), (0, 0), sigmaX=40, sigmaY=0.7)
    gray = 1 + brushed * 0.55 + _noise(rng, shape, shape[1] / 2, 0.12)
    if rng.random() < 0.4:  # tread plate
        ys, xs = np.mgrid[0 : shape[0], 0 : shape[1]].astype(np.float32)
        step = shape[1] / rng.uniform(14, 26)
        first = np.exp(
            -(((xs + ys) % step - step / 2) ** 2) / 14 - (((xs - ys) % (2 * step) - step) ** 2) / 240
        )
        second = np.exp(
            -(((xs - ys) % step - step / 2) ** 2) / 14 - (((xs + ys) % (2 * step) - step) ** 2) / 240
        )
        gray += 0.5 * np.maximum(first, second)
    return _tinted(np.asarray(gray, np.float32), (tone, tone * 1.01, tone * 1.03))


def _concrete(rng: np.random.Generator, shape: tuple[int, int]) -> Plane:
    tone = rng.uniform(120, 180)
    hills = np.sum([_noise(rng, shape, step, 0.05) for step in (200, 60, 18, 5)], axis=0)
    gray = np.asarray(1 + hills + rng.normal(0, 0.05, shape), np.float32)
    if rng.random() < 0.5:
        start = rng.uniform(0, 1, 2) * shape
        points = np.cumsum(np.vstack([start, rng.normal(0, 40, (26, 2)) + rng.normal(0, 30, 2)]), axis=0)
        cv2.polylines(gray, [points[:, ::-1].astype(np.int32)], False, 0.5, 2, cv2.LINE_AA)
    return _tinted(gray, (tone, tone * 0.99, tone * rng.uniform(0.92, 0.99)))


def _seat(rng: np.random.Generator, shape: tuple[int, int]) -> Plane:
    ys, xs = np.mgrid[0 : shape[0], 0 : shape[1]].astype(np.float32)
    tone = [(70, 70, 74), (48, 46, 48), (112, 102, 92), (64, 58, 84)][int(rng.integers(0, 4))]
    gray = 1 + 0.12 * np.sin(xs * 1.3) * np.sin(ys * 1.3) + rng.normal(0, 0.08, shape)
    gray += _noise(rng, shape, shape[1] / 3, 0.15)
    across = rng.uniform(0.1, 0.9) * shape[1]
    gray -= 0.45 * np.exp(-((xs - across - ys * rng.uniform(-0.3, 0.3)) ** 2) / 120)
    return _tinted(np.asarray(gray, np.float32), tone)


def _grass(rng: np.random.Generator, shape: tuple[int, int]) -> Plane:
    ground = np.empty((*shape, 3), np.float32)
    ground[:] = (64, 76, 40)
    count = shape[0] * shape[1] // 45
    at, lean = rng.uniform(0, 1, (count, 2)) * (shape[1], shape[0]), rng.normal(0, 24, (count, 2))
    shade = np.sort(rng.gamma(6, 1 / 6, count))
    dry = rng.uniform(0, 1, count) ** 3
    for (x, y), (dx, dy), light, straw in zip(at, lean, shade, dry, strict=True):
        colour = ((74 + 70 * straw) * light, (104 + 30 * straw) * light, (44 + 30 * straw) * light)
        cv2.line(ground, (int(x), int(y)), (int(x + dx), int(y + dy)), colour, 1, cv2.LINE_AA)
    return np.asarray(cv2.GaussianBlur(ground, (0, 0), 0.8), np.float32)


def _papers(rng: np.random.Generator, shape: tuple[int, int]) -> Plane:
    """Other sheets with print on them, lying about on a desk."""
    tone = rng.uniform(60, 150)
    ground = _tinted(1 + _noise(rng, shape, 90, 0.05), (tone, tone * 0.95, tone * 0.9))
    for _ in range(int(rng.integers(2, 5))):
        wide, tall = int(shape[1] * rng.uniform(0.5, 0.8)), int(shape[1] * rng.uniform(0.65, 1.0))
        sheet = np.full((tall, wide, 3), int(rng.integers(205, 250)), np.uint8)
        ink = int(rng.integers(40, 110))
        y = int(tall * 0.06)
        while y < tall * 0.93:
            x = int(wide * 0.08)
            while x < wide * rng.uniform(0.5, 0.9):
                word = int(rng.uniform(8, 46))
                if rng.random() < 0.85:
                    size = rng.uniform(0.28, 0.5)
                    text = "".join(rng.choice(list("aeionrstlcdmup")) for _ in range(max(2, word // 7)))
                    cv2.putText(
                        sheet, text, (x, y), cv2.FONT_HERSHEY_SIMPLEX, size, (ink,) * 3, 1, cv2.LINE_AA
                    )
                x += word + 8
            y += int(rng.uniform(13, 26))
        turn = cv2.getRotationMatrix2D((wide / 2, tall / 2), rng.uniform(-180, 180), 1)
        place = rng.uniform(-0.1, 0.9, 2) * (shape[1], shape[0])
        turn[:, 2] += np.asarray(place - (wide / 2, tall / 2), np.float64)
        ones = cv2.warpAffine(np.ones((tall, wide), np.float32), turn, (shape[1], shape[0]))
        shadow = 1 - 0.35 * cv2.GaussianBlur(ones, (0, 0), 7)[..., None] * (1 - ones[..., None])
        moved = cv2.warpAffine(sheet, turn, (shape[1], shape[0]))
        ground = ground * shadow * (1 - ones[..., None]) + moved * ones[..., None]
    return np.asarray(ground, np.float32)


def _cloth(rng: np.random.Generator, shape: tuple[int, int]) -> Plane:
    """Denim of a knee, a drop cloth, cardboard."""
    tone = [(70, 84, 120), (188, 176, 150), (172, 138, 96), (120, 122, 126)][int(rng.integers(0, 4))]
    weave = cv2.GaussianBlur(rng.normal(0, 1, shape).astype(np.float32), (0, 0), 1.1)
    gray = 1 + 0.22 * weave + _noise(rng, shape, shape[1] / 4, 0.12)
    folds = _noise(rng, shape, shape[1] / 3, 1.0)
    return _tinted(np.asarray(gray + 0.1 * np.sin(folds * 4), np.float32), tone)


def _plain(rng: np.random.Generator, shape: tuple[int, int]) -> Plane:
    tone = rng.uniform(70, 225)
    gray = 1 + _noise(rng, shape, shape[1] / 2, 0.05) + rng.normal(0, 0.015, shape)
    return _tinted(
        np.asarray(gray, np.float32), (tone, tone * rng.uniform(0.93, 1.02), tone * rng.uniform(0.85, 1.02))
    )


GROUNDS = {
    "wood": (_wood, 26), "steel": (_steel, 9), "concrete": (_concrete, 13), "seat": (_seat, 11), "grass": (_grass, 5),
    "papers": (_papers, 12), "cloth": (_cloth, 10), "plain": (_plain, 14),
}  # fmt: skip


# The sheet in space ----------------------------------------------------------------------------------


def _surface(rng: Random, aspect: float, bend: float, *, board: bool) -> Plane:
    """Return how far each point of the sheet is lifted, in sheet widths, on a mesh of 128 columns.

    :param bend: 0 lies flat, 1 is as bent as paper from a pocket.
    :param board: held on a clipboard, so that only its foot lifts.
    """
    columns = 128
    rows = round(columns * aspect)
    v, u = np.mgrid[0:rows, 0:columns].astype(np.float32)
    u, v = u / (columns - 1), v / (rows - 1) * aspect
    z = np.zeros_like(u)
    if board:
        return np.asarray(z + bend * 0.04 * np.clip(v / aspect - 0.6, 0, 1) ** 2, np.float32)
    axis = rng.choice((0.0, math.pi / 2, rng.uniform(0, math.pi)))
    along = (u - 0.5) * math.cos(axis) + (v - aspect / 2) * math.sin(axis)
    z += bend * rng.uniform(-0.14, 0.2) * along**2
    if rng.random() < 0.7:
        length, phase = rng.uniform(0.5, 1.3), rng.uniform(0, 6.28)
        turn = rng.uniform(0, math.pi)
        z += (
            bend
            * rng.uniform(0.003, 0.018)
            * np.sin(6.28 * (u * math.cos(turn) + v * math.sin(turn)) / length + phase)
        )
    if rng.random() < 0.4 + 0.4 * bend:  # a corner lifts off
        cu, cv = rng.choice((0, 1)), rng.choice((0.0, aspect))
        near = 1 - np.hypot(u - cu, v - cv) / rng.uniform(0.25, 0.6)
        z += rng.uniform(0.03, 0.14) * bend * np.clip(near, 0, 1) ** 1.7
    if rng.random() < 0.45:  # folds: it was in a pocket or an envelope
        for place in rng.choice(((0.5,), (0.33, 0.67), (0.5,), (rng.uniform(0.3, 0.7),))):
            away = np.abs(v / aspect - place)
            z += rng.uniform(-0.022, 0.028) * bend * np.clip(1 - away / rng.uniform(0.12, 0.4), 0, 1)
        if rng.random() < 0.5:
            z += (
                rng.uniform(-0.02, 0.025) * bend * np.clip(1 - np.abs(u - 0.5) / rng.uniform(0.1, 0.35), 0, 1)
            )
    return np.asarray(cv2.GaussianBlur(z, (0, 0), 0.7), np.float32)


@dataclass(frozen=True, slots=True)
class _View:
    """Where the camera stands: ``project`` takes points on the sheet (u, v, z) to pixels."""

    turn: NDArray[np.float64]
    distance: float
    focal: float
    centre: tuple[float, float]
    middle: tuple[float, float]

    def project(self, u: Any, v: Any, z: Any) -> tuple[Any, Any]:
        points = np.stack([u - self.middle[0], v - self.middle[1], -z], axis=-1) @ self.turn.T
        depth = points[..., 2] + self.distance
        return (
            self.focal * points[..., 0] / depth + self.centre[0],
            self.focal * points[..., 1] / depth + self.centre[1],
        )


def _view(rng: Random, aspect: float, size: tuple[int, int], tilt: float) -> _View:
    """Stand so that the sheet fills most of the picture; ``tilt`` is the camera's in degrees."""
    way = rng.uniform(0, 2 * math.pi)
    ax, ay, roll = (
        math.radians(tilt) * math.sin(way),
        math.radians(tilt) * math.cos(way),
        math.radians(rng.gauss(0, 4)),
    )
    rx = np.array([[1, 0, 0], [0, math.cos(ax), -math.sin(ax)], [0, math.sin(ax), math.cos(ax)]])
    ry = np.array([[math.cos(ay), 0, math.sin(ay)], [0, 1, 0], [-math.sin(ay), 0, math.cos(ay)]])
    rz = np.array([[math.cos(roll), -math.sin(roll), 0], [math.sin(roll), math.cos(roll), 0], [0, 0, 1]])
    distance = rng.uniform(1.4, 2.4)
    view = _View(rz @ ry @ rx, distance, 1.0, (0.0, 0.0), (0.5, aspect / 2))
    us, vs = np.array([0, 1, 1, 0.0]), np.array([0, 0, aspect, aspect])
    xs, ys = view.project(us, vs, np.zeros(4))
    fill = rng.uniform(0.8, 0.985)
    focal = fill * min(size[0] / (xs.max() - xs.min()), size[1] / (ys.max() - ys.min()))
    spare_x, spare_y = size[0] - focal * (xs.max() - xs.min()), size[1] - focal * (ys.max() - ys.min())
    cx = -focal * xs.min() + spare_x * rng.uniform(0.2, 0.8)
    cy = -focal * ys.min() + spare_y * rng.uniform(0.2, 0.8)
    return _View(view.turn, distance, focal, (cx, cy), view.middle)


def _inverse(view: _View, z: Plane, aspect: float, size: tuple[int, int]) -> tuple[Plane, Plane]:
    """Return, for a coarse grid over the picture, which point of the sheet is seen there: u, v in 0..1 and beyond.

    The flat sheet's homography is exact but for the bends; these are small, so a few rounds of correction find them.
    """
    rows, columns = z.shape
    vs, us = np.mgrid[0:rows, 0:columns].astype(np.float64)
    us, vs = us / (columns - 1), vs / (rows - 1) * aspect
    corners = np.array([[0, 0], [1, 0], [1, aspect], [0, aspect]], np.float32)
    flat = np.stack(view.project(corners[:, 0], corners[:, 1], np.zeros(4)), axis=-1).astype(np.float32)
    back = cv2.getPerspectiveTransform(flat, corners)
    x, y = view.project(us, vs, z)
    seen = cv2.perspectiveTransform(np.stack([x, y], axis=-1).astype(np.float32), back)
    shift_u, shift_v = seen[..., 0] - us.astype(np.float32), seen[..., 1] - vs.astype(np.float32)
    gw, gh = math.ceil(size[0] / _COARSE) + 1, math.ceil(size[1] / _COARSE) + 1
    gy, gx = np.mgrid[0:gh, 0:gw].astype(np.float32) * _COARSE
    base = cv2.perspectiveTransform(np.stack([gx, gy], axis=-1), back)
    u0, v0 = base[..., 0], base[..., 1]
    u, v = u0.copy(), v0.copy()
    for _ in range(6):
        mx, my = u * (columns - 1), v / aspect * (rows - 1)
        du = cv2.remap(shift_u, mx, my, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        dv = cv2.remap(shift_v, mx, my, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        u, v = u0 - du, v0 - dv
    return np.asarray(u, np.float32), np.asarray(v / aspect, np.float32)


# Light -----------------------------------------------------------------------------------------------


def _shading(z: Plane, rng: Random) -> Plane:
    """Return how bright each point of the mesh is under a lamp from one side."""
    step = 1 / (z.shape[1] - 1)
    dv, du = np.gradient(z, step)
    way, high = rng.uniform(0, 6.28), rng.uniform(0.7, 1.3)
    lx, ly, lz = math.cos(way) * math.cos(high), math.sin(way) * math.cos(high), math.sin(high)
    shade = (-du * lx - dv * ly + lz) / np.sqrt(du * du + dv * dv + 1) / lz
    return np.asarray(np.clip(shade, 0.4, 1.35), np.float32)


def _light(rng: Random, noise: np.random.Generator, shape: tuple[int, int], bad: float) -> Plane:
    """Return the light over the picture, a factor per channel: uneven, tinted, with the shadows of hand and phone."""
    tall, wide = shape
    ys, xs = np.mgrid[0:tall, 0:wide].astype(np.float32)
    xs, ys = xs / wide - 0.5, ys / tall - 0.5
    way = rng.uniform(0, 6.28)
    fall = 1 + rng.uniform(0.05, 0.25 + 0.45 * bad) * (xs * math.cos(way) + ys * math.sin(way))
    fall *= 1 - rng.uniform(0.05, 0.35) * (xs * xs + ys * ys)
    fall += _noise(noise, shape, wide / 2, 0.03 + 0.05 * bad)
    for _ in range(rng.choices((0, 1, 2), (0.42, 0.43, 0.15))[0]):
        shadow = np.zeros(shape, np.float32)
        ax, ay = rng.uniform(0, 1) * wide, rng.choice((-0.05, 1.05, rng.uniform(0.6, 1.1))) * tall
        if rng.random() < 0.55:  # the phone and the arms that hold it
            box = (
                (ax, ay),
                (wide * rng.uniform(0.3, 0.6), tall * rng.uniform(0.5, 1.0)),
                rng.uniform(-40, 40),
            )
            cv2.fillPoly(shadow, [cv2.boxPoints(box).astype(np.int32)], 1.0)
        else:  # a head, a hand
            extent = (wide * rng.uniform(0.3, 0.8), tall * rng.uniform(0.4, 0.9))
            cv2.ellipse(shadow, ((ax, ay), extent, rng.uniform(0, 180)), 1.0, -1)
            for k in range(rng.choice((0, 0, 4))):
                place = (ax + (k - 1.5) * wide * 0.06, ay - tall * 0.25)
                cv2.ellipse(shadow, (place, (wide * 0.045, tall * 0.36), rng.uniform(-12, 12)), 1.0, -1)
        soft = cv2.GaussianBlur(shadow, (0, 0), wide * rng.uniform(0.008, 0.07))
        fall *= 1 - soft * rng.uniform(0.12, 0.3 + 0.3 * bad)
    warm = rng.choice((rng.gauss(0, 0.04), rng.uniform(0.06, 0.2), rng.uniform(-0.12, -0.03)))
    tint = np.array([1 + warm * 0.6, 1 + warm * 0.1, 1 - warm], np.float32)
    light = fall[..., None] * tint
    if rng.random() < 0.3:  # a second lamp of another colour from one side
        side = np.clip(xs * math.cos(way + 2) + ys * math.sin(way + 2) + 0.2, 0, 1)[..., None]
        light *= 1 + side * np.array([rng.uniform(-0.1, 0.2), 0.02, rng.uniform(-0.2, 0.15)], np.float32)
    level = float(np.median(light))
    exposure = rng.uniform(0.8, 1.02) - 0.28 * bad * rng.random()
    return np.asarray(light / level * exposure, np.float32)


def _thumb(
    rng: Random,
    noise: np.random.Generator,
    picture: Grid,
    skin: NDArray[np.float32],
    edge: tuple[float, float],
    inward: float,
) -> None:
    """Lay a thumb over the sheet's edge at ``edge``; ``inward`` is the way it points, in radians."""
    long = min(picture.shape[:2]) * rng.uniform(0.055, 0.085)
    # It comes from outside the picture, however far that is.
    far = float(max(picture.shape[:2]))
    root = (edge[0] - far * math.cos(inward), edge[1] - far * math.sin(inward))
    side = long * 1.6
    cx0 = max(round(min(edge[0], root[0]) - side), 0)
    cy0 = max(round(min(edge[1], root[1]) - side), 0)
    cx1 = min(round(max(edge[0], root[0]) + side), picture.shape[1])
    cy1 = min(round(max(edge[1], root[1]) + side), picture.shape[0])
    if cx1 <= cx0 or cy1 <= cy0:
        return
    ys, xs = np.mgrid[cy0:cy1, cx0:cx1].astype(np.float32)
    dx, dy = xs - edge[0], ys - edge[1]
    a = dx * math.cos(inward) + dy * math.sin(inward)  # how far in
    b = -dx * math.sin(inward) + dy * math.cos(inward)
    half = long * (0.62 + 0.1 * np.clip(-a / long, 0, 3))
    tip = np.where(a > 0, (a / long) ** 2, 0) + (b / half) ** 2
    solid = np.clip((1.0 - tip) * long * 0.25, 0, 1)
    shade = np.clip(1.08 - 0.42 * (b / half) ** 2 - 0.12 * np.clip(a / long, 0, 1) ** 3, 0.4, 1.1)
    shade = shade + 0.02 * cv2.GaussianBlur(noise.normal(0, 1, a.shape).astype(np.float32), (0, 0), 2)
    nail = np.clip((0.3 - (((a - 0.45 * long) / long) ** 2 * 1.6 + (b / half) ** 2)) * 8, 0, 1)
    colour = skin * (shade * (1 + 0.1 * nail))[..., None] + nail[..., None] * np.array([8, 2, 4], np.float32)
    under = picture[cy0:cy1, cx0:cx1].astype(np.float32)
    shadow = cv2.GaussianBlur(solid, (0, 0), long * 0.14)[..., None]
    mixed = under * (1 - 0.45 * shadow) * (1 - solid[..., None]) + colour * solid[..., None]
    picture[cy0:cy1, cx0:cx1] = np.clip(mixed, 0, 255).astype(np.uint8)


def _clip(rng: Random, picture: Grid, corners: NDArray[np.float32], wide: float) -> None:
    """Draw the metal clip of a clipboard over the middle of the sheet's head."""
    (ax, ay), (bx, by) = corners[0], corners[1]
    turn = math.degrees(math.atan2(by - ay, bx - ax))
    mx, my = (ax + bx) / 2, (ay + by) / 2
    up = (by - ay, -(bx - ax))
    length = math.hypot(*up)
    px, py = mx + up[0] / length * wide * 0.035, my + up[1] / length * wide * 0.035
    tone = rng.uniform(120, 200)
    for grow, shade in ((1.06, 0.35), (1.0, 1.0), (0.9, 1.18), (0.55, 0.85)):
        box = cv2.boxPoints(((px, py), (wide * 0.42 * grow, wide * 0.1 * grow), turn))
        cv2.fillPoly(picture, [box.astype(np.int32)], (tone * shade,) * 3, cv2.LINE_AA)


def _defocus(picture: Grid, radius: float) -> Grid:
    if radius < 0.3:
        return picture
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), radius), np.uint8)


def _shake(picture: Grid, length: float, way: float) -> Grid:
    """Blur along a line of ``length`` pixels, as a moving hand does."""
    if length < 1.5:
        return picture
    size = 2 * math.ceil(length / 2) + 1
    kernel = np.zeros((size, size), np.float32)
    middle = size / 2 - 0.5
    ends = [
        (middle + s * math.cos(way) * length / 2, middle + s * math.sin(way) * length / 2) for s in (-1, 1)
    ]
    first, last = ((round(x * 256), round(y * 256)) for x, y in ends)
    cv2.line(kernel, first, last, 1.0, 1, cv2.LINE_AA, 8)
    return np.asarray(cv2.filter2D(picture, -1, kernel / kernel.sum()), np.uint8)


def photograph(sheet: Grid, rng: Random, *, millimetres: float, torn: bool) -> Photo:
    """Photograph a sheet.

    :param sheet: its picture, RGB, (h, w, 3).
    :param millimetres: the sheet's width.
    :param torn: torn off a book along its head, so that this edge is rough.
    """
    noise = np.random.default_rng(rng.getrandbits(60))
    tags: list[str] = []
    # How bad the day is: most photographs are those of a decent phone, few are hard to read.
    bad = rng.betavariate(1.3, 2.6)
    long, short = rng.choices((LARGE, MIDDLE), (88, 12))[0]
    across = sheet.shape[1] > sheet.shape[0]
    size = (long, short) if across != (rng.random() < 0.08) else (short, long)
    aspect = sheet.shape[0] / sheet.shape[1]
    board = rng.random() < 0.13
    z = _surface(rng, aspect, 0.25 + 0.9 * bad * rng.random(), board=board)
    view = _view(rng, aspect, size, abs(rng.gauss(0, 5 + 9 * bad)))
    u, v = _inverse(view, z, aspect, size)
    corners = np.stack(
        view.project(np.array([0, 1, 1, 0.0]), np.array([0, 0, aspect, aspect]), np.zeros(4)), axis=-1
    ).astype(np.float32)
    wide = float(np.linalg.norm(corners[1] - corners[0]))

    ground_name = rng.choices(list(GROUNDS), [w for _, w in GROUNDS.values()])[0]
    ground = GROUNDS[ground_name][0](noise, (size[1] // 3, size[0] // 3))
    if board:
        ground = _clipboard(rng, ground, np.asarray(corners / 3, np.float32))
        tags.append("clipboard")
    tags.append(ground_name)
    texture = _texture(sheet, noise, wide / sheet.shape[1], torn=torn)
    seen = cv2.remap(
        texture,
        _enlarged(u, size) * (sheet.shape[1] - 1),
        _enlarged(v, size) * (sheet.shape[0] - 1),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=(0, 0, 0, 0),
    )
    shade = cv2.remap(
        _shading(z, rng),
        u * (z.shape[1] - 1),
        v * (z.shape[0] - 1),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    inside = ((u > 0) & (u < 1) & (v > 0) & (v < 1)).astype(np.float32)
    cast = cv2.GaussianBlur(inside, (0, 0), rng.uniform(2, 9))
    moved = np.array([[1, 0, rng.uniform(-6, 6)], [0, 1, rng.uniform(-2, 8)]], np.float32)
    cast = cv2.warpAffine(cast, moved, u.shape[::-1])
    dark = 1 - rng.uniform(0.25, 0.55) * cast
    light = _light(rng, noise, (u.shape[0], u.shape[1]), bad)
    below = light * dark[..., None] * rng.uniform(0.8, 1.05)
    # The table is out of focus anyway: it is lit before it is enlarged.
    below = below[: math.ceil(size[1] / _COARSE), : math.ceil(size[0] / _COARSE)]
    lit = cv2.GaussianBlur(ground, (0, 0), 0.5 + bad) * cv2.resize(below, ground.shape[1::-1])
    picture = np.asarray(
        cv2.resize(np.clip(lit, 0, 255).astype(np.uint8), size, interpolation=cv2.INTER_CUBIC), np.uint8
    )
    _lay_over(
        picture, np.asarray(seen, np.uint8), _enlarged(np.asarray(light * shade[..., None], np.float32), size)
    )
    del seen
    if board:
        _clip(rng, picture, corners, wide)
    elif rng.random() < 0.22:
        tags.append("fingers")
        _hold(rng, noise, picture, corners)
    if rng.random() < 0.1 + 0.12 * bad:
        _glare(rng, picture, corners, bad)
        tags.append("glare")

    blur = rng.uniform(0.5, 1.3) + max(0.0, rng.gauss(0, 1.0)) * 2.2 * bad**1.5
    motion = max(0.0, rng.gauss(0, 1)) * 9 * bad**1.3 if rng.random() < 0.4 else 0.0
    slip = rng.random()
    if slip < 0.055:  # the phone focused on something else
        blur += rng.uniform(2.5, 6.5)
    elif slip < 0.1:  # taken in passing
        motion += rng.uniform(10, 30)
    picture = _developed(_shake(_defocus(picture, blur), motion, rng.uniform(0, math.pi)), rng, noise, bad)
    messenger = rng.random() < 0.1
    blurred = math.hypot(blur, motion / 3.5)
    per_mm = wide / millimetres
    if messenger:
        tags.append("messenger")
        small = SMALL if size[0] > size[1] else SMALL[::-1]
        factor = small[0] / size[0]
        picture = np.asarray(cv2.resize(picture, small, interpolation=cv2.INTER_AREA), np.uint8)
        per_mm, blurred = per_mm * factor, math.hypot(blurred * factor, 0.6)
    if rng.random() < 0.07:  # held over the table, a phone doesn't know which way is up
        picture = np.ascontiguousarray(np.rot90(picture, rng.choice((1, 2, 3))))
        tags.append("turned")
    data = _encoded(picture, rng, messenger=messenger)
    return Photo(
        data, (picture.shape[1], picture.shape[0]), tuple(tags), per_mm / blurred, float(np.median(light))
    )


def _enlarged(field: Plane, size: tuple[int, int]) -> Plane:
    """Return what was reckoned on the coarse grid for every pixel of the picture."""
    large = cv2.resize(
        field, (field.shape[1] * _COARSE, field.shape[0] * _COARSE), interpolation=cv2.INTER_LINEAR
    )
    half = _COARSE // 2  # cv2.resize lays coarse points in the middle of their blocks
    return np.asarray(large[half : half + size[1], half : half + size[0]], np.float32)


def _texture(sheet: Grid, noise: np.random.Generator, scale: float, *, torn: bool) -> Grid:
    """Return the sheet with its outline as a fourth channel; softened if the picture shows it smaller."""
    texture = cv2.cvtColor(sheet, cv2.COLOR_RGB2RGBA)
    if torn:
        edge = np.cumsum(noise.normal(0, 1.3, sheet.shape[1]))
        depth = np.clip(6 + edge - np.linspace(edge[0], edge[-1], len(edge)), 0, 26)
        texture[:40, :, 3] = np.where(np.arange(40)[:, None] < depth[None, :], 0, 255)
    if scale < 0.75:  # finer than the picture: let the lens do the averaging
        texture = cv2.GaussianBlur(texture, (0, 0), 0.42 / scale)
    return np.asarray(texture, np.uint8)


def _lay_over(picture: Grid, seen: Grid, light: Plane) -> None:
    """Lay the lit sheet, RGBA, over the table; only along its edge are the two mixed."""
    page = np.asarray(cv2.multiply(seen[..., :3], light, dtype=cv2.CV_8UC3), np.uint8)
    alpha = seen[..., 3]
    cv2.copyTo(page, np.asarray(cv2.inRange(alpha, 255, 255)), picture)
    rows, columns = np.nonzero((alpha > 0) & (alpha < 255))
    part = (alpha[rows, columns].astype(np.float32) / 255)[:, None]
    picture[rows, columns] = page[rows, columns] * part + picture[rows, columns] * (1 - part)


def _hold(rng: Random, noise: np.random.Generator, picture: Grid, corners: NDArray[np.float32]) -> None:
    """Let one or two thumbs hold the sheet."""
    skin = np.array(rng.choice(SKINS), np.float32)
    for _ in range(rng.choice((1, 1, 2))):
        # Left, foot or right, where nothing is written; nobody holds a sheet by its head.
        first, last, t, out = rng.choice(
            (
                (3, 0, rng.uniform(0.2, 0.6), 0.0),
                (2, 3, rng.uniform(0.5, 0.85), 0.0),
                (1, 2, rng.uniform(0.2, 0.7), 0.05),
            )
        )
        place = corners[first] * (1 - t) + corners[last] * t
        place = place + (place - corners.mean(axis=0)) * out
        toward = corners.mean(axis=0) - place
        way = math.atan2(toward[1], toward[0])
        _thumb(rng, noise, picture, skin, (float(place[0]), float(place[1])), way)


def _developed(picture: Grid, rng: Random, noise: np.random.Generator, bad: float) -> Grid:
    """Add the sensor's grain, then sharpen and tone as phones do."""
    grain = rng.uniform(1.2, 3.0) + 7 * bad * rng.random()
    tile = noise.standard_normal((picture.shape[0] // 4, picture.shape[1] // 4), np.float32)
    tile = cv2.GaussianBlur(tile, (0, 0), 0.7, borderType=cv2.BORDER_REFLECT) * (1.7 * grain)
    fine = np.tile(tile.astype(np.int16), (5, 5))[: picture.shape[0], : picture.shape[1]]
    grainy = cv2.add(picture, cv2.merge([fine, fine, fine]), dtype=cv2.CV_8UC3)
    if rng.random() < 0.75:
        soft = cv2.GaussianBlur(grainy, (0, 0), rng.uniform(1.2, 2.2))
        strength = rng.uniform(0.3, 1.1)
        grainy = cv2.addWeighted(grainy, 1 + strength, soft, -strength, 0)
    curve = np.arange(256, dtype=np.float32) / 255
    gamma, lift = rng.uniform(0.85, 1.25), rng.uniform(0, 0.05)
    toned = (lift + (1 - lift) * curve**gamma) * 255
    return np.asarray(cv2.LUT(grainy, np.clip(toned, 0, 255).astype(np.uint8)), np.uint8)


def _clipboard(rng: Random, ground: Plane, corners: NDArray[np.float32]) -> Plane:
    """Lay a board under the sheet, a little larger than it."""
    middle = corners.mean(axis=0)
    grown = (corners - middle) * rng.uniform(1.05, 1.1) + middle
    top = (corners[:2].mean(axis=0) - middle) * 0.14
    grown[:2] += top
    colour = rng.choice(((142, 102, 66), (120, 86, 58), (60, 62, 66), (168, 130, 92)))
    mask = np.zeros(ground.shape[:2], np.float32)
    cv2.fillPoly(mask, [grown.astype(np.int32)], 1.0, cv2.LINE_AA)
    noise = np.random.default_rng(rng.getrandbits(60))
    speckle = 1 + 0.05 * noise.normal(0, 1, mask.shape)
    board = np.asarray(colour, np.float32) * speckle[..., None]
    shadow = 1 - 0.5 * cv2.GaussianBlur(mask, (0, 0), 9)[..., None]
    return np.asarray(ground * shadow * (1 - mask[..., None]) + board * mask[..., None], np.float32)


def _glare(rng: Random, picture: Grid, corners: NDArray[np.float32], bad: float) -> None:
    """Let a lamp be mirrored on the sheet: brightest in the middle, never all white but on a bad day."""
    tall, wide = picture.shape[0] // _COARSE, picture.shape[1] // _COARSE
    s, t = rng.uniform(0.1, 0.9), rng.uniform(0.1, 0.9)
    (x, y) = (
        (corners[0] * (1 - s) + corners[1] * s) * (1 - t) + (corners[3] * (1 - s) + corners[2] * s) * t
    ) / _COARSE
    ys, xs = np.mgrid[0:tall, 0:wide].astype(np.float32)
    spread = wide * rng.uniform(0.05, 0.16)
    spot = np.exp(-((xs - x) ** 2 + ((ys - y) * rng.uniform(0.5, 1.4)) ** 2) / (2 * spread**2))
    spot = (spot * rng.uniform(40, 90 + 110 * bad)).astype(np.float32)
    large = cv2.resize(spot, (picture.shape[1], picture.shape[0]), interpolation=cv2.INTER_LINEAR)
    cv2.add(picture, cv2.merge([large, large, large]), dst=picture, dtype=cv2.CV_8UC3)


def _encoded(picture: Grid, rng: Random, *, messenger: bool) -> bytes:
    """Return the JPEG; a phone's may lie in the file turned, with the turn in EXIF, a messenger's has no EXIF."""
    stream = io.BytesIO()
    if messenger:
        Image.fromarray(picture).save(stream, "JPEG", quality=rng.randint(55, 78))
        return stream.getvalue()
    upright = picture.shape[0] >= picture.shape[1]
    orientation = rng.choices((1, 6, 8, 3), (40, 45, 10, 5) if upright else (70, 8, 7, 15))[0]
    exif = Image.Exif()
    exif[0x010F], exif[0x0110] = rng.choice((("Fonari", "F7"), ("Celux", "C12 Pro"), ("Andara", "A5")))
    exif[0x0112] = orientation
    stored = np.rot90(picture, _TURNED[orientation])
    Image.fromarray(np.ascontiguousarray(stored)).save(
        stream, "JPEG", quality=rng.randint(78, 94), exif=exif, dpi=(72, 72)
    )
    return stream.getvalue()

"""Pre-printed forms of the trade, filled in with a pen: ten layouts, each with its own words, colours and habits.

A form is drawn in millimetres on a picture of the sheet; ``camera`` photographs it. What is handed to a pen through
``fill`` is noted, and the notes are the truth.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from extraction.fields import FIELDS
from extraction.training.validation.fieldcases import Job, slipped, words
from extraction.training.validation.pens import INKS, Hand, Material, choose_hand, plain

Grid = NDArray[np.uint8]
_DEJAVU = Path("/usr/share/fonts/truetype/dejavu")
_STAND_INS = (("DejaVuSans.ttf", "DejaVuSans-Bold.ttf"), ("DejaVuSerif.ttf", "DejaVuSerif-Bold.ttf"))

PAPERS = {
    "white": ((250, 249, 246), 50), "cream": ((247, 241, 224), 8), "yellow": ((250, 236, 160), 14),
    "pink": ((246, 208, 212), 9), "green": ((222, 240, 218), 5), "blue": ((216, 229, 243), 4),
    "gray": ((228, 227, 224), 6),
}  # fmt: skip
PRINTS = {
    "black": ((40, 40, 42), 40), "blue": ((44, 76, 150), 20), "green": ((24, 104, 72), 14), "red": ((168, 48, 48), 7),
    "gray": ((105, 105, 108), 11), "brown": ((112, 74, 44), 4),
}  # fmt: skip
AMOUNTS = {
    "bare": 22, "comma": 20, "dollar": 14, "cents": 12, "dash": 7, "point dash": 4, "raised": 11, "hundredths": 5,
    "dollar bare": 14,
}  # fmt: skip
"""How a person writes amounts, by weight."""
DATES = {
    "m/d/yy": 34, "m-d-yy": 18, "mm/dd/yyyy": 10, "m/d/yyyy": 14, "Mon d yyyy": 8, "Month d, yyyy": 5, "m.d.yy": 4,
    "m-d": 4, "d Mon yy": 3,
}  # fmt: skip


def _drawn(weighted: dict[str, Any], rng: Random) -> str:
    return rng.choices(list(weighted), [w if isinstance(w, int) else w[1] for w in weighted.values()])[0]


def write_amount(value: Decimal, way: str) -> str:
    """Return an amount as a person writes it; what is in braces stands small and raised."""
    whole, cents = f"{value:.2f}".split(".")
    grouped = f"{int(whole):,}"
    if cents != "00" and way not in ("raised", "hundredths", "dollar"):
        way = "cents"
    return {
        "bare": whole, "comma": grouped, "dollar": f"${grouped}.{cents}", "cents": f"{grouped}.{cents}",
        "dash": f"{grouped}-", "point dash": f"{grouped}.-", "raised": f"{grouped}{{{cents}}}",
        "hundredths": f"{grouped} {{{cents}/100}}",
        "dollar bare": f"${grouped}",
    }[way]  # fmt: skip


def write_day(day: Any, way: str) -> str:
    """Return a date as a person writes it; ``m-d`` leaves the year out."""
    return {
        "m/d/yy": f"{day.month}/{day.day}/{day:%y}", "m-d-yy": f"{day.month}-{day.day}-{day:%y}",
        "mm/dd/yyyy": f"{day:%m/%d/%Y}", "m/d/yyyy": f"{day.month}/{day.day}/{day.year}",
        "Mon d yyyy": f"{day:%b} {day.day} {day.year}",
        "Month d, yyyy": f"{day:%B} {day.day}, {day.year}", "m.d.yy": f"{day.month}.{day.day}.{day:%y}",
        "m-d": f"{day.month}-{day.day}", "d Mon yy": f"{day.day} {day:%b} {day:%y}",
    }[way]  # fmt: skip


@cache
def _font(path: str, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(path, size)


@dataclass(slots=True)
class Stroke:
    """Something that waits to be written: where its line begins and ends, in pixels, and how."""

    text: str
    x: float
    y: float
    width: float
    height: float
    align: str
    hand: Hand
    struck: bool = False


class Form:
    """One sheet of paper, its print and what is written on it.

    Places are millimetres from the sheet's top left corner; ``scale`` is pixels a millimetre.
    """

    def __init__(
        self, job: Job, material: Material, rng: Random, *, size: tuple[float, float], real: bool
    ) -> None:
        self.job, self.rng, self.size = job, rng, size
        self.scale = min(2560 / size[0], 3320 / size[1])
        self.copied = rng.random() < 0.14
        self.carbon = not self.copied and rng.random() < 0.1
        self.paper = PAPERS[_drawn(PAPERS, rng)][0]
        self.colour = PRINTS[_drawn(PRINTS, rng)][0]
        if self.copied:
            self.paper, self.colour = rng.choice(((246, 246, 245), (238, 238, 236))), (58, 58, 60)
        if self.carbon:
            self.paper = rng.choice((PAPERS["yellow"][0], PAPERS["pink"][0], PAPERS["white"][0]))
        self.hand = choose_hand(material, rng, real=real, carbon=self.carbon)
        self.natural = rng.uniform(3.4, 5.6)
        self.side = rng.choice("rrrlc")  # where in a column amounts stand
        self.money, self.days = _drawn(AMOUNTS, rng), _drawn(DATES, rng)
        self.face = self._faces(material)
        self.mode = rng.choices(("both", "en", "es"), (50, 38, 12))[0]
        self.joint = rng.choice((" / ", " / ", " - ", " (", "\n"))
        self.colon = rng.choice(("", "", ":"))
        pixels = (round(size[0] * self.scale), round(size[1] * self.scale))
        self.image = Image.new("RGB", pixels, self.paper)
        self.draw = ImageDraw.Draw(self.image)
        self.strokes: list[Stroke] = []
        self.fields: dict[str, Any] = {}
        self.printed: dict[str, list[str]] = {}
        self.rows: list[dict[str, Any]] = []
        self.unclear = {"amount_due", "currency"}
        self.free: list[tuple[float, float, float]] = []
        self.tags: list[str] = []
        self.shown: list[str] = []  # everything that stands on the sheet, in the order in which it came there

    def _faces(self, material: Material) -> tuple[Path, Path]:
        known = list(material.prints.values())
        if not known or self.rng.random() < 0.1:
            plain_cut, bold = self.rng.choice(_STAND_INS)
            return _DEJAVU / plain_cut, _DEJAVU / bold
        weights = [{"arim": 9, "tino": 4, "arch": 6}.get(p.name[:4], 2) for p in known]
        path = self.rng.choices(known, weights)[0]
        bold_cut = path.with_name(path.name.replace("-400-", "-700-"))
        return path, bold_cut if bold_cut.is_file() else path

    # The print ------------------------------------------------------------------------------------

    def words(self, key: str) -> str:
        """Return a label in the form's language or languages."""
        english, spanish = (self.rng.choice(text.split("|")) for text in words()["labels"][key])
        if self.mode == "en" or (self.mode == "both" and self.rng.random() < 0.12):
            return english
        if self.mode == "es":
            return spanish
        first, second = (english, spanish) if self.rng.random() < 0.7 else (spanish, english)
        joint = " / " if self.joint == "\n" else self.joint
        return f"{first}{joint}{second}" + (")" if joint == " (" else "")

    def text(
        self,
        x: float,
        y: float,
        text: str,
        size: float = 2.6,
        *,
        bold: bool = False,
        colour: tuple[int, int, int] | None = None,
        anchor: str = "ls",
        most: float = 0.0,
    ) -> float:
        """Print text whose capitals are about ``size`` mm tall times 0.7; return its width in mm.

        :param most: the width into which it must fit: it is set smaller until it does.
        """
        self.shown.append(text)
        path = str(self.face[1] if bold else self.face[0])
        font = _font(path, max(8, round(size * 1.38 * self.scale)))
        wide = font.getlength(text) / self.scale
        if most and wide > most:
            font = _font(path, max(8, round(size * 1.38 * self.scale * most / wide)))
            wide = font.getlength(text) / self.scale
        self.draw.text((x * self.scale, y * self.scale), text, colour or self.colour, font, anchor=anchor)
        return wide

    def rule(self, x0: float, y0: float, x1: float, y1: float, width: float = 0.25) -> None:
        """Print a line."""
        s = self.scale
        self.draw.line((x0 * s, y0 * s, x1 * s, y1 * s), self.colour, max(1, round(width * s)))

    def box(
        self,
        x: float,
        y: float,
        w: float,
        h: float,
        *,
        line: float = 0.3,
        fill: tuple[int, int, int] | None = None,
        radius: float = 0.0,
    ) -> None:
        """Print a box, filled or not."""
        s = self.scale
        place = (x * s, y * s, (x + w) * s, (y + h) * s)
        outline = self.colour if line else None
        self.draw.rounded_rectangle(place, radius * s, fill, outline, max(1, round(line * s)))

    def tint(self, strength: float = 0.15) -> tuple[int, int, int]:
        """Return the paper's colour with some of the print's in it."""
        mixed = [round(p + (c - p) * strength) for p, c in zip(self.paper, self.colour, strict=True)]
        return mixed[0], mixed[1], mixed[2]

    # The pen --------------------------------------------------------------------------------------

    def fill(
        self,
        x: float,
        y: float,
        w: float,
        text: str,
        *,
        room: float = 8.0,
        align: str = "l",
        struck: bool = False,
        hand: Hand | None = None,
        size: float = 1.0,
    ) -> float:
        """Let the hand write on the line at ``y`` from ``x`` on; return the width it takes, in mm.

        :param w: the width there is; a hand writes smaller for it, then runs over a little.
        :param room: height of the row, over which the digits never reach.
        """
        self.shown.append(plain(text))
        hand = hand or self.hand
        height = min(self.natural * size, room * 0.72)
        wide = hand.measure(text, height)
        if wide > w:
            height *= max(w / wide, 0.6)
        s = self.scale
        lift = self.rng.gauss(0.0, 0.05) * room
        self.strokes.append(
            Stroke(text, x * s, (y - room * 0.12 + lift) * s, w * s, height * s, align, hand, struck)
        )
        return min(hand.measure(text, height), w)

    def note(self, name: str, value: Any, *texts: str) -> None:
        """Note that a field stands on the page, and with which texts."""
        self.fields[name] = value
        self.printed.setdefault(name, []).extend(plain(text) for text in texts)

    def amount(self, value: Decimal) -> str:
        return write_amount(value, self.money)

    def said(self, name: str) -> list[str]:
        """Return what this person writes into a field, line by line; empty if it is left blank. It is noted."""
        job = self.job
        if name in job.blank:
            return []
        if name in ("invoice_date", "due_date"):
            day = job.day if name == "invoice_date" else job.due
            text = write_day(day, self.days)
            if self.days == "m-d":
                self.unclear.add(name)  # which year is meant doesn't stand there
            else:
                self.note(name, day.isoformat(), text)
            return [text]
        simple = {
            "vendor_name": job.vendor, "vendor_phone": job.phone, "customer_name": job.builder,
            "work_order_number": job.number,
        }  # fmt: skip
        if name in simple:
            self.note(name, simple[name], simple[name])
            return [simple[name]]
        if name == "payee":
            who = job.vendor if self.rng.random() < 0.6 else job.person
            if who == job.vendor:
                self.note("vendor_name", who, who)
            elif "vendor_name" not in self.fields:
                self.unclear.add("vendor_name")
            return [who]
        lines = {
            "vendor_address": job.address, "customer_address": job.customer_address, "ship_to_address": job.site,
        }[name]  # fmt: skip
        shown = list(lines if self.rng.random() < 0.7 else lines[:1])
        self.note(name, ", ".join(shown), "\n".join(shown))
        return shown

    # Parts of a form ------------------------------------------------------------------------------

    def slot(
        self, key: str, name: str, x: float, y: float, w: float, *, kind: str = "rule", h: float = 9.0
    ) -> None:
        """Print a labelled place for a field whose top left is (x, y), and let the hand fill it in.

        :param kind: ``rule`` label left of a line; ``below`` label under the line; ``box`` label in the box's corner;
            ``split`` label in a tinted part left; ``comb`` a cell for every digit; ``none`` no label.
        """
        label = self.words(key) + (self.colon if kind in ("rule", "split") else "")
        texts = self.said(name)
        small = self.rng.uniform(1.9, 2.5)
        if kind == "below":
            self.rule(x, y + h - 3.2, x + w, y + h - 3.2)
            self.text(x + 0.5, y + h - 0.4, label, small, most=w)
            self._fill_in(texts, x + 1, y + h - 3.2, w - 2, h - 2)
        elif kind == "box":
            self.box(x, y, w, h)
            self.text(x + 0.9, y + 2.9, label, small, most=w - 2)
            self._fill_in(texts, x + 2, y + h - 0.4, w - 3, h - 2.2)
        elif kind == "split":
            part = min(w * 0.46, 34)
            self.box(x, y, w, h)
            self.box(x, y, part, h, fill=self.tint())
            self.text(x + 1, y + h * 0.64, label, 2.4, bold=True, most=part - 2)
            self._fill_in(texts, x + part + 1.5, y + h - 0.8, w - part - 2.5, h)
        elif kind == "comb":
            self.text(x, y + 2.6, label, small, bold=True, most=w)
            self._comb(texts[0] if texts else "", x, y + 3.4, w, h - 3)
        else:
            wide = self.text(x, y + h - 1.4, label, 2.7, most=w * 0.6) if kind == "rule" else 0.0
            self.rule(x + wide + 1.5, y + h - 0.6, x + w, y + h - 0.6)
            self._fill_in(texts, x + wide + 2.5, y + h - 0.6, w - wide - 3, h)

    def _fill_in(self, texts: Sequence[str], x: float, y: float, w: float, h: float) -> None:
        """Write a value; two lines of an address go into one if there is no room for them."""
        if not texts:
            return
        text = ", ".join(texts)
        if texts[0] == self.job.number and self.rng.random() < 0.05:
            wrong = slipped(self.job.number, self.rng)
            used = self.fill(x, y, w * 0.5, wrong, room=h, struck=True)
            self.fill(x + used + 1.5, y, w - used - 1.5, text, room=h)
            self.tags.append("struck:number")
            return
        self.fill(x + self.rng.uniform(0, max(w - 25, 0) * 0.3), y, w, text, room=h)

    def _comb(self, text: str, x: float, y: float, w: float, h: float) -> None:
        cells = max(len(text), round(w / (h * 0.85)))
        step = w / cells
        self.box(x, y, w, h)
        for k in range(1, cells):
            self.rule(x + k * step, y, x + k * step, y + h, 0.18)
        begin = 0 if self.rng.random() < 0.6 else cells - len(text)
        for k, char in enumerate(text):
            wide = self.hand.measure(char, min(self.natural, h * 0.72))
            at = x + (begin + k) * step + max((step - wide) / 2, 0.2)
            self.fill(at, y + h - 0.6, step * 1.5, char, room=h)

    def total_cell(self, x: float, y: float, w: float, h: float, *, sign: bool = False) -> None:
        """Let the hand write the grand total into its place; now and then a wrong one is struck out beside it."""
        text = self.amount(self.job.total)
        if sign:
            self.text(x + 1.2, y + h * 0.68, "$", h * 0.38, bold=True)
            text = text.removeprefix("$")
            x, w = x + 5, w - 5
        self.note("total", float(self.job.total), text)
        if sign or "$" in text:
            self.fields["currency"] = "USD"
        if self.rng.random() < 0.06:
            wrong = slipped(self.amount(self.job.total), self.rng)
            self.tags.append("struck:total")
            if w > 34:
                used = self.fill(x + 1, y + h - 0.3, w * 0.48, wrong, room=h, struck=True)
                x, w = x + used + 2, w - used - 2
            else:
                self.fill(x + 1, y + h * 1.7, w - 2, wrong, room=h * 0.9, struck=True)
        self.fill(x + 1, y + h - 0.3, w - 2.5, text, room=h, align=self.side, size=1.12)

    def head(self, x: float, y: float, w: float, *, builder: float = 0.35) -> float:
        """Print, write or stamp who asks for the money; or print whose form it is. Return the height used."""
        way = self.rng.random()
        job = self.job
        if way < builder:
            self.text(x, y + 6, job.builder, 4.6, bold=True, most=w)
            street, town = job.customer_address
            self.text(x, y + 10.5, f"{street}, {town}", 2.3, most=w)
            self.unclear |= {"customer_name", "customer_address"}
            return 13.0
        if way < builder + 0.3 and "vendor_name" not in self.fields:
            self.text(x, y + 6.5, job.vendor, 5.0, bold=True, most=w)
            self.note("vendor_name", job.vendor, job.vendor)
            self.note("vendor_address", ", ".join(job.address), "\n".join(job.address))
            self.text(x, y + 10.5, job.address[0], 2.5, most=w)
            self.text(x, y + 14, job.address[1], 2.5, most=w)
            self.note("vendor_phone", job.phone, job.phone)
            self.text(x, y + 17.5, job.phone, 2.5, most=w)
            return 19.0
        if way < builder + 0.42 and "vendor_name" not in self.fields:
            self._stamp(x, y, w)
            return 17.0
        return 0.0

    def _stamp(self, x: float, y: float, w: float) -> None:
        """Press a rubber stamp with the vendor's name on the sheet, not quite straight and not evenly inked."""
        job, rng, s = self.job, self.rng, self.scale
        colour = rng.choice((INKS["red"], (58, 48, 140), (40, 40, 60)))
        image = Image.new("L", (round(min(w, 74) * s), round(17 * s)))
        draw = ImageDraw.Draw(image)
        self.shown += [job.vendor, job.address[0], job.phone]
        for text, size, row in ((job.vendor, 4.0, 4.5), (job.address[0], 2.6, 9), (job.phone, 2.6, 13)):
            font = _font(str(self.face[1]), round(size * 1.38 * s))
            wide = font.getlength(text)
            if wide > image.width * 0.96:
                font = _font(str(self.face[1]), round(size * 1.38 * s * image.width * 0.96 / wide))
            draw.text((image.width / 2, row * s), text, 255, font, anchor="ms")
        self.note("vendor_name", job.vendor, job.vendor)
        self.note("vendor_phone", job.phone, job.phone)
        self.unclear.add("vendor_address")
        ink = np.asarray(image, np.float32) / 255
        noise = np.random.default_rng(rng.getrandbits(60))
        patchy = cv2.resize(
            noise.uniform(0.35, 1.1, (5, 14)).astype(np.float32), (ink.shape[1], ink.shape[0])
        )
        ink = ink * np.clip(patchy, 0, 0.92)
        turn = cv2.getRotationMatrix2D((ink.shape[1] / 2, ink.shape[0] / 2), rng.gauss(0, 1.6), 1)
        pressed = cv2.warpAffine(ink, turn, (ink.shape[1], ink.shape[0]))
        self._ink(np.asarray(pressed, np.float32), round(x * s), round(y * s), colour)
        self.tags.append("stamp")

    def _ink(self, ink: NDArray[np.float32], x: int, y: int, colour: Sequence[int]) -> None:
        """Lay ink on the sheet so that what is under it darkens it."""
        wide, tall = self.image.size
        x0, y0, x1, y1 = max(x, 0), max(y, 0), min(x + ink.shape[1], wide), min(y + ink.shape[0], tall)
        if x1 <= x0 or y1 <= y0:
            return
        under = np.asarray(self.image.crop((x0, y0, x1, y1)), np.float32)
        cover = ink[y0 - y : y1 - y, x0 - x : x1 - x, None]
        shade = np.array(colour, np.float32) / 255
        over = under * (1 - cover * (1 - shade))
        self.image.paste(Image.fromarray(np.clip(over, 0, 255).astype(np.uint8)), (x0, y0))

    # The table ------------------------------------------------------------------------------------

    def lines(
        self,
        x: float,
        y: float,
        w: float,
        row: float,
        count: int,
        columns: Sequence[tuple[str, float]],
        *,
        head: float = 7.0,
        cents: bool = False,
        shade: bool = False,
        across: bool = True,
    ) -> float:
        """Print a ruled table and fill it in; return the y of its foot.

        :param columns: keys of labels and shares of the width; ``description`` and ``amount`` among them.
        :param cents: the amount's column has a part for cents.
        """
        tall = head + row * count
        if shade:
            for k in range(1, count, 2):
                self.box(x, y + head + k * row, w, row, line=0, fill=self.tint(0.08))
        self.box(x, y, w, tall)
        self.box(x, y, w, head, fill=self.tint(self.rng.choice((0, 0.12, 0.25))))
        places: dict[str, tuple[float, float]] = {}
        at = x
        whole = sum(share for _, share in columns)
        for key, share in columns:
            wide = w * share / whole
            if at > x:
                self.rule(at, y, at, y + tall)
            self.text(
                at + wide / 2,
                y + head * 0.66,
                self.words(key),
                2.5,
                bold=True,
                anchor="ms",
                most=wide - 1.5,
            )
            places[key] = (at, wide)
            at += wide
        if across:
            for k in range(1, count):
                self.rule(x, y + head + k * row, x + w, y + head + k * row, 0.15)
        ax, aw = places["amount"]
        if cents:
            self.rule(ax + aw * 0.72, y + head, ax + aw * 0.72, y + tall, 0.15)
        self._write_lines(y + head, row, count, places, cents=cents)
        return y + tall

    def _write_lines(
        self, y: float, row: float, count: int, places: dict[str, tuple[float, float]], *, cents: bool
    ) -> None:
        job, rng = self.job, self.rng
        k = 0 if rng.random() < 0.8 else 1
        loose = rng.random() < 0.3 and len(job.works) * 2 < count
        dx, dw = places["description"]
        ax, aw = places["amount"]
        single = len(job.works) == 1 and rng.random() < 0.35
        if "total" in self.fields and single:
            single = False
        for work in job.works:
            if k >= count:
                break
            texts: dict[str, str] = {}
            line: dict[str, Any] = {}
            pieces = self._wrapped(work.description, dw - 3, row) if k + 1 < count else [work.description]
            for n, piece in enumerate(pieces[:2] if k + 1 < count else pieces[:1]):
                self.fill(dx + 1.5, y + (k + n + 1) * row, dw - 2, piece, room=row)
            line["description"], texts["description"] = work.description, "\n".join(pieces)
            for key, value in (("quantity", work.quantity), ("price", work.price)):
                if key in places and value is not None:
                    px, pw = places[key]
                    text = f"{value}" if key == "quantity" else self.amount(value)
                    self.fill(px + 1, y + (k + 1) * row, pw - 1.5, text, room=row, align="c")
                    name = "unit_price" if key == "price" else key
                    line[name], texts[name] = float(value), plain(text)
            if not single:
                text = self._amount_in(work.amount, ax, y + (k + 1) * row, aw, row, cents=cents)
                line["amount"], texts["amount"] = float(work.amount), text
            self.rows.append({**line, "printed": texts})
            k += len(pieces[:2]) + (1 if loose and k + 2 < count else 0)
        if k + 1 < count and rng.random() < 0.2:
            self.free.append((dx + 2, y + (count - 0.2) * row, dw - 4))

    def _amount_in(self, value: Decimal, x: float, y: float, w: float, row: float, *, cents: bool) -> str:
        if not cents:
            text = self.amount(value)
            self.fill(x + 1, y, w - 2, text, room=row, align=self.side)
            return plain(text)
        whole, part = f"{value:.2f}".split(".")
        whole = f"{int(whole):,}" if self.money not in ("bare", "dollar bare") else whole
        part = part if part != "00" or self.rng.random() < 0.7 else self.rng.choice(("-", "xx", ""))
        self.fill(x + 1, y, w * 0.72 - 1.5, whole, room=row, align="r")
        if part:
            self.fill(x + w * 0.72 + 0.6, y, w * 0.28 - 0.8, part, room=row, size=0.9)
        return f"{whole} {part}".strip()

    def _wrapped(self, text: str, w: float, row: float) -> list[str]:
        height = min(self.natural, row * 0.72)
        if self.hand.measure(text, height) <= w * 1.25:
            return [text]
        pieces, now = [], ""
        for word in text.split():
            longer = f"{now} {word}".strip()
            if now and self.hand.measure(longer, height) > w:
                pieces.append(now)
                now = word
            else:
                now = longer
        return [*pieces, now]

    def area(self, x: float, y: float, w: float, tall: float, row: float) -> None:
        """Let the hand describe the work in running lines, with the amounts in them or none."""
        job, rng = self.job, self.rng
        k, count = 0, int(tall / row)
        shown = rng.random() < 0.6 and len(job.works) > 1
        for work in job.works:
            text = f"{work.description}  {self.amount(work.amount)}" if shown else work.description
            if rng.random() < 0.25:
                text = f"- {text}"
            pieces = self._wrapped(text, w - 4, row)
            if k + len(pieces) > count - 1:
                break
            for piece in pieces:
                self.fill(x + 2, y + (k + 1) * row, w - 3, piece, room=row)
                k += 1
            line: dict[str, Any] = {"description": work.description}
            texts = {"description": work.description}
            if shown:
                line["amount"], texts["amount"] = float(work.amount), plain(self.amount(work.amount))
            self.rows.append({**line, "printed": texts})
        if rng.random() < 0.35 and k < count - 1:
            text = self.amount(job.total)
            say = rng.choice(("Total {}", "Total = {}", "{} total labor", "Precio {}", "for {}"))
            said = say.format(text)
            self.fill(x + 2 + rng.uniform(0, 0.3) * w, y + (k + 2) * row, w * 0.6, said, room=row)
            self.note("total", float(job.total), text)
            k += 2
        if k < count - 2:
            self.free.append((x + 3, y + (count - 0.2) * row, w - 6))

    # The end --------------------------------------------------------------------------------------

    def scribble(self) -> None:
        """Add what people write in margins: sums, names, half payments, a ring around the total."""
        rng, job = self.rng, self.job
        if self.free and rng.random() < 0.4:
            x, y, w = rng.choice(self.free)
            note = rng.choice(
                (
                    f"call {job.person.split()[0]} {job.phone}", "Thank you!", "Gracias", "ok per Mike", "paid half",
                    f"unit {rng.randint(101, 940)}", f"{rng.randint(2, 9)} days x {rng.randint(2, 4)} men", "see pics",
                    "materials by owner", f"PO {rng.randint(100, 9999)}", "job complete",
                    f"apt {rng.randint(1, 48)} 2nd fl",
                )
            )  # fmt: skip
            self.fill(x, y, w, note, room=7.5, size=0.95)
            if note.startswith("PO "):
                self.unclear.add("po_number")
            elif note.startswith("call "):
                self.unclear.add("vendor_phone")
            self.tags.append("note")

    def finish(self) -> Grid:
        """Write everything that waits and return the sheet as a picture, RGB."""
        rng = self.rng
        self.scribble()
        if self.copied:
            self._copy()
        for stroke in self.strokes:
            self._write(stroke)
        sheet = np.asarray(self.image, np.uint8)
        noise = np.random.default_rng(rng.getrandbits(60))
        fibre = cv2.GaussianBlur(noise.standard_normal((600, 600), np.float32), (0, 0), 2.0) * rng.uniform(
            14, 30
        )
        repeated = np.tile(fibre.astype(np.int16), (6, 5))[: sheet.shape[0], : sheet.shape[1]]
        return np.asarray(cv2.add(sheet, cv2.merge([repeated] * 3), dtype=cv2.CV_8UC3), np.uint8)

    def _copy(self) -> None:
        """Let the blank form be a photocopy of a photocopy: turned a little, with specks and worn lines."""
        rng = self.rng
        noise = np.random.default_rng(rng.getrandbits(60))
        gray = np.asarray(self.image.convert("L"))
        tall, wide = gray.shape
        worn = cv2.resize(noise.uniform(-30, 55, (40, 30)).astype(np.float32), (wide, tall))
        soft = cv2.GaussianBlur(gray, (0, 0), rng.uniform(0.8, 1.6)).astype(np.float32)
        level = float(np.median(soft))
        sharp = np.clip((soft - level) * rng.uniform(1.2, 2.0) + level + np.clip(worn, 0, 60), 0, level)
        for _ in range(rng.randint(10, 160)):
            x, y = int(noise.integers(0, wide)), int(noise.integers(0, tall))
            cv2.circle(sharp, (x, y), int(noise.integers(1, 4)), float(noise.uniform(60, 150)), -1)
        turned = cv2.warpAffine(
            sharp,
            cv2.getRotationMatrix2D((wide / 2, tall / 2), rng.gauss(0, 0.25), 1),
            (wide, tall),
            borderValue=level,
        )
        self.image = Image.fromarray(np.clip(turned, 0, 255).astype(np.uint8)).convert("RGB")
        self.draw = ImageDraw.Draw(self.image)

    def _write(self, stroke: Stroke) -> None:
        written = stroke.hand.write(stroke.text, stroke.height, self.scale, self.rng)
        ink = written.ink[:, max(written.left - 3, 0) : written.left + written.width + 3]
        over = stroke.width * 1.06
        if ink.shape[1] > over:
            ink = cv2.resize(ink, (max(8, round(over)), ink.shape[0]), interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
        left = stroke.width - ink.shape[1]
        shift = {"l": 0.0, "r": left, "c": left / 2}[stroke.align]
        x, y = round(stroke.x + shift), round(stroke.y - written.base)
        self._ink(np.asarray(ink, np.float32), x, y, stroke.hand.ink)
        if stroke.struck:
            line = np.zeros((round(stroke.height * 2), ink.shape[1] + 12), np.float32)
            for _ in range(self.rng.choice((1, 1, 2, 3))):
                rise = self.rng.uniform(-0.35, 0.35) * stroke.height
                middle = stroke.height + self.rng.uniform(-0.2, 0.2) * stroke.height
                a, b = (2, round(middle + rise)), (line.shape[1] - 3, round(middle - rise))
                cv2.line(line, a, b, 1.0, max(2, round(stroke.hand.pen * self.scale)), cv2.LINE_AA)
            top = round(stroke.y - stroke.height * 1.5)
            self._ink(np.asarray(line * stroke.hand.density, np.float32), x - 6, top, stroke.hand.ink)

    def truth(self) -> dict[str, Any]:
        """Return fields, lines and texts as they were written. A field that isn't on the page is ``None``."""
        fields: dict[str, Any] = {
            name: self.fields.get(name) for name in FIELDS if name in self.fields or name not in self.unclear
        }
        return {"fields": fields, "line_items": self.rows, "printed": self.printed}


Layout = Callable[[Form], None]


def _title(
    form: Form, kind: str, x: float, y: float, size: float, anchor: str = "ls", most: float = 0.0
) -> None:
    """Print what the form calls itself."""
    form.text(x, y, form.words(f"title_{kind}"), size, bold=True, anchor=anchor, most=most)
    if kind == "order":
        form.unclear.add("document_type")  # a work order that asks for money
    else:
        form.fields["document_type"] = kind


def _serial(form: Form, x: float, y: float, anchor: str = "rs") -> None:
    """Print the number that the form book came with, mostly in red; it is the vendor's own number."""
    colour = (186, 30, 38) if form.rng.random() < 0.8 and not form.copied else None
    label = form.rng.choice(("No. ", "Nº ", "", "NO. "))
    form.text(x, y, label + form.job.serial, form.rng.uniform(4, 5.5), colour=colour, anchor=anchor)
    form.note("invoice_number", form.job.serial, form.job.serial)


def _number_key(kind: str) -> str:
    return "number_estimate" if kind == "estimate" else "number_order"


def _sign(form: Form, x: float, y: float, w: float) -> None:
    """Print the line for the signature, and sign it or not."""
    form.rule(x, y, x + w, y)
    form.text(x, y + 3.2, form.words("signature"), 2.1, most=w)
    if form.rng.random() < 0.6:
        form.fill(x + 3, y, w - 4, form.job.person, room=9, size=1.2)


def builders_sheet(form: Form) -> None:
    """The contractor's own sheet that subcontractors fill in: boxes in two columns, work, grand total."""
    rng = form.rng
    kind = rng.choices(("estimate", "invoice", "order"), (5, 3, 2))[0]
    w = form.size[0] - 26
    x, y = 13.0, 12.0
    band = rng.random() < 0.45
    if band:
        colour = form.colour
        form.box(x, y, w, 13, line=0, fill=colour)
        form.text(x + 3, y + 9, form.job.builder, 5, bold=True, colour=form.paper, most=w * 0.55)
        form.text(x + w - 3, y + 9, form.words(f"title_{kind}").split(" / ")[0], 6, bold=True, colour=form.paper,
                  anchor="rs", most=w * 0.4)  # fmt: skip
        form.unclear |= {"customer_name", "customer_address"}
        if kind == "order":
            form.unclear.add("document_type")
        else:
            form.fields["document_type"] = kind
        y += 17
    else:
        _title(form, kind, x + w / 2, y + 8, 7.5, "ms", w * 0.8)
        form.text(x + w / 2, y + 13.5, form.job.builder, 3.2, anchor="ms")
        form.unclear |= {"customer_name", "customer_address"}
        y += 18
    style = rng.choice(("box", "split", "rule", "rule"))
    h = rng.uniform(9.5, 12.5) if style == "box" else rng.uniform(9, 10.5)
    gap = h + rng.choice((0.0, 1.5)) if style != "rule" else h
    left = [("company", "vendor_name"), ("company_address", "vendor_address"), ("company_phone", "vendor_phone"),
            ("site", "ship_to_address")]  # fmt: skip
    right = [
        ("date", "invoice_date"),
        (_number_key(kind), "work_order_number"),
        ("due", "due_date"),
        ("payee", "payee"),
    ]
    if rng.random() < 0.4:
        right = [right[1], right[0], *right[2:]]
    if rng.random() < 0.25:
        right.pop(2)
    part = rng.uniform(0.5, 0.58)
    for k, (key, name) in enumerate(left):
        form.slot(key, name, x, y + k * gap, w * part - 2, kind=style, h=h)
    for k, (key, name) in enumerate(right):
        form.slot(key, name, x + w * part + 2, y + k * gap, w * (1 - part) - 2, kind=style, h=h)
    y += 4 * gap + 6
    foot = form.size[1] - 44
    if rng.random() < 0.55:
        row = rng.uniform(8.0, 10.5)
        foot = form.lines(x, y, w, row, int((foot - y - 8) / row), [("description", 4.0), ("amount", 1.2)],
                          cents=rng.random() < 0.2, shade=rng.random() < 0.2)  # fmt: skip
    else:
        form.text(x, y + 3, form.words("description") + form.colon, 3.0, bold=True)
        row = rng.uniform(8.0, 10.0)
        form.box(x, y + 4.5, w, foot - y - 4.5)
        if rng.random() < 0.7:
            for k in range(1, int((foot - y - 4.5) / row)):
                form.rule(x, y + 4.5 + k * row, x + w, y + 4.5 + k * row, 0.12)
        form.area(x, y + 4.5, w, foot - y - 4.5, row)
    _grand_total(form, x + w * 0.5, foot + 3, w * 0.5)
    _sign(form, x, foot + 22, w * 0.4)
    form.text(x, form.size[1] - 5, rng.choice(("Form GC-104 Rev. 2", "FORM 1182-B", "Rev 03/19", "")), 1.8)


def _grand_total(form: Form, x: float, y: float, w: float) -> None:
    """Print the place for the grand total: label and box, or label and line with a dollar sign."""
    rng = form.rng
    h = rng.uniform(9, 13)
    label = form.words("total")
    sign = rng.random() < 0.5
    if rng.random() < 0.65:
        part = w * rng.uniform(0.38, 0.5)
        form.box(x, y, w, h, line=rng.choice((0.3, 0.7)))
        form.rule(x + part, y, x + part, y + h)
        form.text(x + 1.5, y + h * 0.65, label, 3.4, bold=True, most=part - 3)
        form.total_cell(x + part, y, w - part, h, sign=sign)
    else:
        wide = form.text(x, y + h - 2, label + (" $" if sign else ""), 3.6, bold=True, most=w * 0.5)
        form.rule(x + wide + 1.5, y + h - 0.6, x + w, y + h - 0.6, 0.4)
        if sign:
            form.fields["currency"] = "USD"
        form.total_cell(x + wide + 2, y, w - wide - 3, h)


def invoice_book(form: Form) -> None:
    """A page of an invoice book from the stationer's: serial number, sold to, quantity, price, amount."""
    rng = form.rng
    kind = rng.choices(("invoice", "estimate", "order"), (6, 2, 2))[0]
    w, x, y = form.size[0] - 16, 8.0, 8.0
    if rng.random() < 0.75:
        _title(form, kind, x, y + 6, 6, most=w * 0.6)
        _serial(form, x + w, y + 6)
    else:
        _title(form, kind, x + w / 2, y + 6, 6, "ms", w * 0.9)
    y += 9
    used = form.head(x, y, w * 0.58, builder=0.0)
    form.slot(_number_key(kind), "work_order_number", x + w * 0.62, y, w * 0.38, kind="box", h=10)
    form.slot("date", "invoice_date", x + w * 0.62, y + 11, w * 0.38, kind="box", h=9)
    y += max(used, 21) + 1
    if "vendor_name" not in form.fields:
        form.slot("company", "vendor_name", x, y, w, h=8.5)
        y += 8.5
        if rng.random() < 0.5:
            form.slot("company_phone", "vendor_phone", x, y, w * 0.6, h=8.5)
            y += 8.5
    form.slot("customer", "customer_name", x, y, w, h=8.5)
    form.slot("site", "ship_to_address", x, y + 8.5, w, h=8.5)
    y += 20
    row = rng.uniform(7.0, 8.2)
    columns = [("quantity", 0.7), ("description", 3.6), ("price", 0.9), ("amount", 1.2)]
    if rng.random() < 0.35:
        columns.pop(2)
    count = int((form.size[1] - y - 34) / row)
    foot = form.lines(
        x, y, w, row, count, columns, head=5.5, cents=rng.random() < 0.45, shade=rng.random() < 0.3
    )
    wide = w * 1.2 / sum(share for _, share in columns)
    wide = max(wide, 26)
    for key in ("subtotal", "tax", "total") if rng.random() < 0.4 else ("total",):
        form.box(x + w - wide - 22, foot, 22, 7.5)
        form.box(x + w - wide, foot, wide, 7.5, line=0.3)
        form.text(x + w - wide - 21, foot + 5, form.words(key), 2.6, bold=True, most=20)
        if key == "total":
            form.total_cell(x + w - wide, foot, wide, 7.5, sign=rng.random() < 0.2)
        foot += 7.5
    form.text(x, foot + 2, rng.choice(("Thank You", "ALL CLAIMS AND RETURNED GOODS MUST BE ACCOMPANIED BY THIS BILL",
                                       "Gracias por su preferencia", "")), 2.2, most=w * 0.55)  # fmt: skip


def two_tables(form: Form) -> None:
    """A work order with labour and materials side by side and the sums at the foot."""
    rng = form.rng
    w, x, y = form.size[0] - 24, 12.0, 11.0
    kind = rng.choices(("order", "invoice"), (7, 3))[0]
    used = form.head(x, y, w * 0.55)
    _title(form, kind, x + w, y + 7, 6.5, "rs", w * 0.42)
    form.slot(_number_key(kind), "work_order_number", x + w * 0.62, y + 10, w * 0.38, kind="split", h=10)
    y += max(used, 21) + 3
    pairs = [("company", "vendor_name"), ("date", "invoice_date"), ("company_phone", "vendor_phone"),
             ("due", "due_date"), ("site", "ship_to_address"), ("payee", "payee")]  # fmt: skip
    pairs = [p for p in pairs if p[1] not in form.fields]
    for k, (key, name) in enumerate(pairs):
        form.slot(key, name, x + (k % 2) * (w * 0.6 + 2), y + (k // 2) * 10, w * (0.6 if k % 2 == 0 else 0.4) - 2,
                  kind="below", h=10)  # fmt: skip
    y += (len(pairs) + 1) // 2 * 10 + 5
    row = rng.uniform(8, 9.5)
    count = int((form.size[1] - y - 62) / row)
    foot = form.lines(
        x, y, w * 0.64, row, count, [("description", 3.0), ("amount", 1.2)], cents=rng.random() < 0.25
    )
    mx, mw = x + w * 0.66, w * 0.34
    form.box(mx, y, mw, 7 + row * count)
    form.text(mx + mw / 2, y + 4.6, form.words("materials"), 2.5, bold=True, anchor="ms", most=mw - 2)
    for k in range(count):
        form.rule(mx, y + 7 + k * row, mx + mw, y + 7 + k * row, 0.15)
    if rng.random() < 0.3:
        form.fill(mx + 2, y + 7 + 2 * row, mw - 4, rng.choice(("N/A", "by owner", "none", "incl.")), room=row)
    _grand_total(form, x + w * 0.45, foot + 5, w * 0.55)
    form.text(x, foot + 8, form.words("notes") + ":", 2.6)
    form.free.append((x + 3, foot + 26, w * 0.4))
    _sign(form, x, form.size[1] - 16, w * 0.42)
    form.rule(x + w * 0.55, form.size[1] - 16, x + w, form.size[1] - 16)
    form.text(x + w * 0.55, form.size[1] - 12.8, form.words("approved"), 2.1, most=w * 0.4)


def cash_pad(form: Form) -> None:
    """A narrow carbonless pad: name, address, ways of paying to tick, lines without columns for quantity."""
    rng = form.rng
    w, x, y = form.size[0] - 12, 6.0, 7.0
    kind = rng.choices(("invoice", "estimate"), (6, 4))[0]
    _title(form, kind, x, y + 5, 5, most=w * 0.5)
    if rng.random() < 0.6:
        _serial(form, x + w, y + 5)
    y += 8
    form.box(x, y, w, 40, radius=2.5)
    form.slot(_number_key(kind), "work_order_number", x + 2, y, w * 0.55, h=9.5)
    form.slot("date", "invoice_date", x + w * 0.58, y, w * 0.4, h=9.5)
    form.slot("company", "vendor_name", x + 2, y + 9.5, w - 4, h=9.5)
    form.slot("customer", "customer_name", x + 2, y + 19, w - 4, h=9.5)
    form.slot("site", "ship_to_address", x + 2, y + 28.5, w - 4, h=9.5)
    y += 42
    part = w / 6
    for k, name in enumerate(("CASH", "C.O.D.", "CHARGE", "ON ACCT", "CHECK", "PAID OUT")):
        form.box(x + k * part, y, part, 6.5)
        form.text(x + k * part + 0.8, y + 2.3, name, 1.5, most=part - 1.4)
    if rng.random() < 0.4:
        form.fill(x + rng.randint(0, 5) * part + 3, y + 6, part, "x", room=6)
    row = rng.uniform(7.2, 8.5)
    count = int((form.size[1] - y - 34) / row)
    foot = form.lines(x, y + 7.5, w, row, count, [("description", 3.2), ("amount", 1.25)], head=5,
                      cents=rng.random() < 0.4)  # fmt: skip
    wide = w * 1.25 / 4.45
    form.box(x + w - wide, foot, wide, 8.5, line=0.5)
    form.text(x + w - wide - 1.5, foot + 5.8, form.words("total"), 3, bold=True, anchor="rs", most=w * 0.5)
    form.total_cell(x + w - wide, foot, wide, 8.5)
    form.text(
        x + w / 2,
        form.size[1] - 4,
        rng.choice(("Thank You!", "Customer Copy", "ORIGINAL", "")),
        2.2,
        anchor="ms",
    )


def proposal(form: Form) -> None:
    """A proposal: submitted to, a large ruled space for the work, the sum in a sentence at the foot."""
    rng = form.rng
    w, x, y = form.size[0] - 28, 14.0, 12.0
    used = form.head(x, y, w * 0.6, builder=0.15)
    _title(form, "estimate", x + w, y + 7, 7, "rs", w * 0.38)
    y += max(used, 12) + 3
    if "vendor_name" not in form.fields:
        form.slot("company", "vendor_name", x, y, w, h=10)
        y += 10
    for row_of in (
        [("customer", "customer_name", 0.6), ("date", "invoice_date", 0.4)],
        [("site", "ship_to_address", 0.6), ("number_estimate", "work_order_number", 0.4)],
        [("payee", "payee", 0.6), ("due", "due_date", 0.4)],
    ):
        at = x
        for key, name, share in row_of:
            form.slot(key, name, at, y, w * share, kind="box", h=11)
            at += w * share
        y += 11
    form.text(x, y + 6, rng.choice(("We hereby submit specifications and estimates for:", "Work to be performed:",
                                    "Trabajo a realizar / Work to be done:")), 2.6, most=w)  # fmt: skip
    y += 8
    row = rng.uniform(8.5, 10)
    tall = int((form.size[1] - y - 62) / row) * row
    for k in range(1, int(tall / row) + 1):
        form.rule(x, y + k * row, x + w, y + k * row, 0.15)
    form.area(x, y, w, tall, row)
    y += tall + 8
    wide = form.text(
        x,
        y,
        rng.choice(("for the sum of:", "for the total price of", "por la cantidad de / for the sum of")),
        2.8,
    )
    form.rule(x + wide + 2, y + 0.6, x + w * 0.6, y + 0.6)
    if rng.random() < 0.5:
        form.fill(x + wide + 3, y + 0.6, w * 0.6 - wide - 4, _in_words(form.job.total), room=8)
    form.text(x + w * 0.62, y, "dollars ($", 2.8)
    form.rule(x + w * 0.76, y + 0.6, x + w - 3, y + 0.6)
    form.text(x + w - 2.5, y, ")", 2.8)
    form.fields["currency"] = "USD"
    form.total_cell(x + w * 0.75, y - 9, w * 0.24, 10)
    form.free.append((x + 4, y + 18, w * 0.6))
    _sign(form, x + w * 0.5, form.size[1] - 16, w * 0.48)


def _in_words(value: Decimal) -> str:
    """Return whole dollars in English words, as checks have them."""
    ones = (
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
        " seventeen eighteen nineteen"
    ).split()
    tens = "- - twenty thirty forty fifty sixty seventy eighty ninety".split()

    def small(n: int) -> str:
        parts = [f"{ones[n // 100]} hundred"] if n >= 100 else []
        n %= 100
        if n >= 20:
            parts.append(tens[n // 10] + (f" {ones[n % 10]}" if n % 10 else ""))
        elif n:
            parts.append(ones[n])
        return " ".join(parts)

    n = int(value)
    words_ = f"{small(n // 1000)} thousand {small(n % 1000)}" if n >= 1000 else small(n)
    return words_.strip() or "zero"


def comb_sheet(form: Form) -> None:
    """A form of an office that likes cells: one for each digit of number, date and total."""
    rng = form.rng
    w, x, y = form.size[0] - 24, 12.0, 12.0
    kind = rng.choices(("order", "estimate", "invoice"), (5, 3, 2))[0]
    _title(form, kind, x, y + 6, 6.5, most=w * 0.6)
    form.text(x + w, y + 6, form.job.builder, 3, anchor="rs", most=w * 0.38)
    form.unclear |= {"customer_name", "customer_address"}
    form.rule(x, y + 8.5, x + w, y + 8.5, 0.6)
    y += 11
    form.slot(_number_key(kind), "work_order_number", x, y, w * 0.42, kind="comb", h=12)
    if rng.random() < 0.5:
        form.slot("date", "invoice_date", x + w * 0.55, y, w * 0.45, kind="comb", h=12)
    else:
        form.slot("date", "invoice_date", x + w * 0.55, y, w * 0.45, kind="box", h=12)
    y += 15
    for key, name in (
        ("company", "vendor_name"),
        ("company_address", "vendor_address"),
        ("site", "ship_to_address"),
    ):
        form.slot(key, name, x, y, w, kind="split", h=10)
        y += 10
    y += 4
    row = rng.uniform(8.5, 10)
    count = int((form.size[1] - y - 48) / row)
    foot = form.lines(x, y, w, row, count, [("description", 3.6), ("quantity", 0.7), ("amount", 1.2)],
                      shade=rng.random() < 0.4)  # fmt: skip
    y = foot + 4
    form.text(
        x + w * 0.4, y + 7, form.words("total") + form.colon, 3.4, bold=True, anchor="rs", most=w * 0.38
    )
    if rng.random() < 0.4:
        text = f"{form.job.total:.2f}"
        form.note("total", float(form.job.total), text)
        form.fields["currency"] = "USD"
        form.text(x + w * 0.42, y + 7, "$", 4, bold=True)
        form._comb(text, x + w * 0.46, y, w * 0.54, 10)
    else:
        form.box(x + w * 0.42, y, w * 0.58, 11, line=0.6)
        form.total_cell(x + w * 0.42, y, w * 0.58, 11, sign=rng.random() < 0.6)
    _sign(form, x, form.size[1] - 14, w * 0.4)


def letter_slip(form: Form) -> None:
    """A short slip in sentences with gaps: please pay so much for that work order."""
    rng = form.rng
    w, x, y = form.size[0] - 24, 12.0, 10.0
    _title(form, rng.choice(("invoice", "order")), x + w / 2, y + 6, 6, "ms", w * 0.8)
    y += 12
    form.slot("date", "invoice_date", x + w * 0.55, y, w * 0.45, h=9)
    form.slot("number_order", "work_order_number", x, y, w * 0.52, h=9)
    y += 11
    form.slot("company", "vendor_name", x, y, w, h=10)
    form.slot("site", "ship_to_address", x, y + 10, w, h=10)
    form.slot("company_phone", "vendor_phone", x, y + 20, w * 0.55, h=10)
    y += 36
    row = rng.uniform(8.5, 10)
    form.text(x, y, form.words("description") + ":", 2.8, bold=True)
    tall = int((form.size[1] - y - 36) / row) * row
    for k in range(1, int(tall / row) + 1):
        form.rule(x, y + 1 + k * row, x + w, y + 1 + k * row, 0.15)
    form.area(x, y + 1, w, tall, row)
    _grand_total(form, x + w * 0.35, y + tall + 5, w * 0.65)
    _sign(form, x, form.size[1] - 9, w * 0.4)


def time_ticket(form: Form) -> None:
    """A sheet across: hours and rates beside the work, the sum at the bottom of the last column."""
    rng = form.rng
    w, x, y = form.size[0] - 22, 11.0, 10.0
    kind = rng.choices(("invoice", "order"), (5, 5))[0]
    _title(form, kind, x, y + 6, 6.5, most=w * 0.4)
    form.slot(_number_key(kind), "work_order_number", x + w * 0.48, y - 2, w * 0.3, kind="box", h=11)
    form.slot("date", "invoice_date", x + w * 0.78, y - 2, w * 0.22, kind="box", h=11)
    y += 12
    form.slot("company", "vendor_name", x, y, w * 0.48, kind="below", h=11)
    form.slot("site", "ship_to_address", x + w * 0.5, y, w * 0.5, kind="below", h=11)
    y += 14
    row = rng.uniform(8.5, 10.5)
    count = int((form.size[1] - y - 34) / row)
    columns = [("quantity", 0.7), ("description", 4.2), ("price", 0.9), ("amount", 1.3)]
    if rng.random() < 0.4:
        columns = [columns[1], columns[0], *columns[2:]]
    foot = form.lines(x, y, w, row, count, columns, shade=rng.random() < 0.4)
    wide = w * 1.3 / 7.1
    form.box(x + w - wide, foot, wide, 10, line=0.6)
    form.text(x + w - wide - 2, foot + 6.6, form.words("total"), 3.6, bold=True, anchor="rs", most=w * 0.5)
    form.total_cell(x + w - wide, foot, wide, 10, sign=rng.random() < 0.3)
    _sign(form, x, form.size[1] - 11, w * 0.35)


def top_total(form: Form) -> None:
    """A sheet whose number and total stand side by side in large boxes under the head, the work below."""
    rng = form.rng
    w, x, y = form.size[0] - 26, 13.0, 12.0
    kind = rng.choices(("estimate", "invoice"), (6, 4))[0]
    used = form.head(x, y, w * 0.55)
    _title(form, kind, x + w, y + 8, 7, "rs", w * 0.42)
    y += max(used, 12) + 4
    form.slot(_number_key(kind), "work_order_number", x, y, w * 0.36, kind="box", h=14)
    form.slot("date", "invoice_date", x + w * 0.36, y, w * 0.26, kind="box", h=14)
    form.box(x + w * 0.62, y, w * 0.38, 14, line=0.6)
    form.text(x + w * 0.62 + 1, y + 3, form.words("total"), 2.4, bold=True, most=w * 0.36)
    form.total_cell(x + w * 0.62, y + 3, w * 0.38, 11, sign=rng.random() < 0.4)
    y += 19
    for key, name in (("company", "vendor_name"), ("company_phone", "vendor_phone"), ("payee", "payee"),
                      ("site", "ship_to_address")):  # fmt: skip
        if name not in form.fields:
            form.slot(key, name, x, y, w, h=10)
            y += 10
    y += 7
    row = rng.uniform(8.5, 10)
    form.text(x, y, form.words("description") + ":", 3, bold=True)
    tall = int((form.size[1] - y - 30) / row) * row
    form.box(x, y + 1.5, w, tall)
    for k in range(1, int(tall / row)):
        form.rule(x, y + 1.5 + k * row, x + w, y + 1.5 + k * row, 0.12)
    form.area(x, y + 1.5, w, tall, row)
    _sign(form, x + w * 0.55, form.size[1] - 14, w * 0.45)


LAYOUTS: dict[str, tuple[Layout, tuple[float, float], int]] = {
    "builders_sheet": (builders_sheet, (216, 279), 30),
    "invoice_book": (invoice_book, (140, 216), 14),
    "two_tables": (two_tables, (216, 279), 8),
    "cash_pad": (cash_pad, (107, 172), 9),
    "proposal": (proposal, (216, 279), 9),
    "comb_sheet": (comb_sheet, (216, 279), 7),
    "letter_slip": (letter_slip, (140, 216), 7),
    "time_ticket": (time_ticket, (279, 216), 6),
    "top_total": (top_total, (216, 279), 10),
}
"""Layouts by name: how they are drawn, the sheet's size in millimetres, how often."""


def draw_form(job: Job, material: Material, rng: Random, *, real: bool) -> tuple[Form, Grid, str]:
    """Choose a layout, fill it in; return the form with its notes, the sheet and the layout's name.

    :param real: digits of a real writer rather than a font's.
    """
    name = rng.choices(list(LAYOUTS), [weight for _, _, weight in LAYOUTS.values()])[0]
    layout, size, _ = LAYOUTS[name]
    form = Form(job, material, rng, size=size, real=real)
    layout(form)
    return form, form.finish(), name

"""A second look at the figures that decide: numbers, dates and sums are cut out of the page and read several ways.

A pen's figures are read wrongly by one network in one cut and rightly by another or in a wider one. What stands at a
label of an amount, a number or a date is therefore read again: by the careful recogniser and by the digit reader
(``extraction.reading.digits``), in a tight, a wide and, for sums, a longer cut that holds raised cents. Every reading
votes with its own probability. What most of them say becomes the word's text; the others stay with it
(``Word.readings``), so that arithmetic and what the office knows can still choose among them.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Final, TypeVar

import numpy as np

from extraction.documents.lines import number_lines
from extraction.reading import dates
from extraction.reading.ballots import (
    ALIKE,
    MOST_READINGS,
    Ballot,
    Reach,
    cut_out,
    elect,
    has_letters,
    meanings_of,
    number_of,
    plain,
    read_carefully,
    read_digits,
)
from extraction.reading.claimed import (
    CLAIMED,
    KINDS,
    SHORTEST,
    Target,
    View,
    could_be,
    figures,
    targets_of,
    view_of,
)
from extraction.reading.lines import Cell, Token, union_box
from extraction.reading.overlooked import MONTH, Asked, Kind, Writing, find_writing
from extraction.reading.written import amount_text, amounts_of, dates_of
from extraction.schema import Word

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL.Image import Image

# Fields whose labels are asked for figures that were overlooked, how many labels at most, and which share of the
# strongest claim on a figure a label's own must have.
_ASKED: Final = frozenset({"work_order_number", "invoice_number", "total", "amount_due", "invoice_date"})
_MOST_ASKED: Final = 6
_TITLE: Final = 0.6  # strength of a number's label under which it must have a colon
_ANSWERED: Final = 0.5  # a claim so strong on a figure that is surely whole leaves nothing to look for
_RIVAL: Final = 0.7
_DATE: Final = re.compile(r"(\d{1,2}([/.-])\d{1,2}\2(?:\d\d)?\d\d|\d{4}-\d\d-\d\d)$")
_STROKE: Final = re.compile(r"\s?(?:\||(?<![A-Za-z])[lI!])(?=\d)")
_DAY_YEAR: Final = re.compile(r"^(?P<day>\d{1,2}?)(?P<year>20[0-4]\d)$")  # behind a month's name
_YEAR: Final = re.compile(r"\d{4}$")
_CENTS_SEEN: Final = re.compile(r"[.,]\d\d$")
_NUMBER: Final = re.compile(r"[A-Z]{0,3}[-#]?\d[\d-]*$", re.IGNORECASE)
_ODD: Final = re.compile(r"[<>|!~^]")
_TIGHT: Final = (0.3, 0.3, 0.0, 0.0)
_WIDE: Final = (0.6, 0.6, 0.25, 0.25)
_INK: Final = (0.0, 0.0, 0.0, 0.0)
_LONGEST: Final = 2.6  # to the right, where cents may stand
# Probabilities; all of them were chosen on photographs of the first generator (docs/models.md).
# A figure that two networks read alike, each letter at least this surely, is print or as good as print; or at least
# so surely, if a wider cut says the same; and so surely where the digit reader is the third.
_SURE: Final = 0.97
_AGREED: Final = 0.9
_FAIRLY: Final = 0.7
_DENIED: Final = 0.4  # probability from which the digit reader's word counts against two that agree
_DOUBTED: Final = 0.85  # share of the votes under which a sum is in doubt
# What was overlooked is never surely read; a sum the lines may still confirm.
_OVERLOOKED: Final[Mapping[Kind, float]] = {"amount": 0.8, "number": 0.65, "date": 0.65}
_FAINT: Final = 0.8  # and the recogniser's own score of it is at most this
_LEAST: Final = 0.04  # share of the votes under which it is better to leave what stands there
# Share of the votes that makes ink at a label a figure; and one that takes the place of what was read rather surely.
_LIKELY: Final = 0.25
_LIKELIER: Final = 0.5
_WITH_CENTS: Final = 0.15  # the same, where ink behind a sum shows that it was not all
_USUAL: Final = 4  # digits of a number at least, if it is whole
_MOST_DIGITS: Final = 7  # and at most where it is written by hand: more are two numbers
_STOOD: Final = 0.2  # what the reading of a part is worth beside that of the whole
_Key = TypeVar("_Key")


def look_again(image: Image, words: Sequence[Word], *, photograph: bool = False) -> tuple[Word, ...]:
    """Read the figures at labels of sums, numbers and dates again.

    :param image: the upright page that the words' boxes refer to.
    :param photograph: the page was photographed, and may be a form filled in by hand: a number in several words, and
        figures that stand where no label was recognised, are then numbers too.
    :returns: the words with those figures' texts as the readings together say, and the readings with their shares of
        the votes; figures that the recogniser had parted are one word, with the scores of its weakest part. All scores
        are the recogniser's, all other words are as they were.
    :raises ReaderError: if the weights are not installed.
    """
    pixels = np.asarray(image.convert("RGB"))[:, :, ::-1]
    view = view_of(image.size, words)
    seen = _overlooked(pixels, view, photograph=photograph)
    if seen:
        words = number_lines(
            [*_without(words, view, seen), *(each.word for each in seen)], aspect=image.height / image.width
        )
        view = view_of(image.size, words)
    parted, pieces = view.parted, view.pieces
    added = {each.word.box for each in seen}
    targets, lines, as_read = targets_of(view, form=photograph)
    targets = [target for target in targets if added.isdisjoint(t.box for t in target.tokens)]
    if not targets and not as_read:
        return tuple(words)
    found = _read(pixels, targets)
    if any(each.kind == "amount" for each in seen) or any(
        readings and readings[0][1] < _DOUBTED and target.kind == "amount"
        for target, readings in zip(targets, found, strict=True)
    ):
        # Only where a sum is in doubt do the lines' amounts matter, which are many.
        found += _read(pixels, lines)
        targets += lines
    if photograph:
        found = [_as_one(target, readings) for target, readings in zip(targets, found, strict=True)]
    changed: dict[int, Word | None] = {}
    if photograph:
        changed |= {k: _as_number(pieces[k]) for k in as_read if pieces[k].box not in added}
    for target, readings in zip(targets, found, strict=True):
        if not readings:
            continue
        first = pieces[target.tokens[0].index]
        changed |= dict.fromkeys((token.index for token in target.tokens), None)
        # The scores stay the recogniser's: what was learned of them does not hold for shares of votes.
        changed[target.tokens[0].index] = replace(
            first,
            text=readings[0][0],
            box=union_box(target.tokens),
            confidence=min(token.confidence for token in target.tokens),
            least=min(token.least for token in target.tokens),
            disputed=any(token.disputed for token in target.tokens),
            readings=readings,
        )
    result: list[Word] = []
    index = 0
    for word, several in zip(words, parted, strict=True):
        own = range(index, index + len(several))
        index += len(several)
        if changed.keys().isdisjoint(own):
            result.append(word)
        else:
            looked = (changed.get(k, pieces[k]) for k in own)
            result += [piece for piece in looked if piece is not None]
    return tuple(result)


def _as_number(word: Word) -> Word:
    """Return a number that no label is found at, with signs among its digits as the digits they look like."""
    text = word.text
    if _ODD.search(text) and (number := number_of(text)).isdigit():
        text = number
    return word if text == word.text else replace(word, text=text, readings=((text, word.least),))


@dataclass(frozen=True, slots=True)
class _Seen:
    """A figure that was overlooked, as a word of its own; ``parts`` are those that it takes the place of."""

    kind: Kind
    word: Word
    parts: tuple[Token, ...]


def _overlooked(pixels: NDArray[np.uint8], view: View, *, photograph: bool) -> list[_Seen]:
    """Return the figures at labels that were overlooked, or seen in part only."""
    asked = _asked(view, photograph=photograph)
    if not asked:
        return []
    words = [token for cell in view.page.cells for token in cell.tokens]
    labels = [token for label in view.labels for token in label.tokens]
    labels += [token for token in words if token.index in view.table.header_tokens]
    writings = find_writing(pixels, asked, words, labels, photograph=photograph)
    if not writings:
        return []
    tight = [cut_out(pixels, w.box, _behind(_TIGHT, w)) for w in writings]
    first = read_carefully(tight)
    # What says no more than the word that stands there, or nothing of a figure, is not worth more readings.
    more = [k for k, writing in enumerate(writings) if writing.apart or _says_more(writing, first[k][0][0])]
    writings, first, tight = [writings[k] for k in more], [first[k] for k in more], [tight[k] for k in more]
    wide = [cut_out(pixels, w.box, _behind(_WIDE, w)) for w in writings]
    sums = [cut_out(pixels, box, _INK) for w in writings for box in w.apart]
    careful, digits = [*first, *read_carefully([*wide, *sums])], read_digits([*tight, *wide, *sums])
    signed = _signed(view)
    found = []
    at = 2 * len(tight)
    for k, writing in enumerate(writings):
        ballots = [careful[k], careful[k + len(tight)]]
        # The digit reader knows no letters: it takes a month's name for digits, too.
        named = writing.kind == "date" and writing.apart
        if not named and (writing.kind != "number" or not has_letters(ballots)):
            ballots += [digits[k], digits[k + len(tight)]]
        others: list[Ballot] = []
        if writing.apart:
            beyond = at + len(writing.apart)
            if writing.kind == "amount":
                # Where ink stands behind a sum, what was read without cents can't be all of it.
                others = [with_cents for ballot in ballots if (with_cents := _only_with_cents(ballot))]
                ballots = [_with_cents([read[at:beyond] for read in (careful, digits)])]
            else:
                month = next(t.text for t in writing.parts if MONTH.match(t.text)).strip(",")
                ballots += [_with_month(month, read[at]) for read in (careful, digits)]
            at = beyond
        seen = _seen(writing, ballots, others, signed, careful[k][0][1])
        if seen is not None:
            found.append(seen)
    return found


def _behind(reach: Reach, writing: Writing) -> Reach:
    """Return how far a cut reaches: not to the left of what is written behind something struck out."""
    return (0.0, *reach[1:]) if writing.struck else reach


def _says_more(writing: Writing, text: str) -> bool:
    """Say whether a reading has more digits than what was read in its place, and enough for a figure.

    Or it is a date, and what was read was none. What is struck out says nothing.
    """
    digits = sum(c.isdigit() for c in text)
    if writing.struck:
        return digits >= SHORTEST
    had = sum(c.isdigit() for t in writing.parts for c in t.text)
    if writing.kind == "date" and _is_date(text) and not _is_date(" ".join(t.text for t in writing.parts)):
        return True
    return digits >= SHORTEST and digits > had


def _is_date(text: str) -> bool:
    return bool(dates_of(text) or dates.find_dates(text))


def _figures_of(text: str) -> str:
    """Return a date in words with its ones as figures: "Dec |7,2024"."""
    return _STROKE.sub(" 1", text)


def _signed(view: View) -> float:
    """Return which share of the amounts in the table have a "$" before them."""
    tokens = [t.text for cell in view.page.cells for t in cell.tokens if t.index in view.table.body_tokens]
    amounts = [text for text in tokens if re.match(r"\$?\d[\d,]*\.?\d*$", text) and len(text) > SHORTEST]
    return sum(text.startswith("$") for text in amounts) / max(len(amounts), 1)


def _with_cents(readers: Sequence[Sequence[Ballot]]) -> Ballot:
    """Return the sums that dollars and the cents beside them make.

    :param readers: for each reader its readings of the dollars and of several cuts of the cents; of what they say to
        two digits the surest counts. Readers that see no such figures have no say.
    """
    dollars: list[dict[Decimal, float]] = []
    cents: list[dict[str, float]] = []
    for whole, *behind in readers:
        values: dict[Decimal, float] = defaultdict(float)
        for text, probability in whole:
            for value, share in amounts_of(text):
                if value % 1 == 0:
                    values[value] += probability * share
        dollars.append(values)
        surest: dict[str, float] = {}
        for text, probability in (reading for ballot in behind for reading in ballot):
            digits = plain(text).upper().translate(ALIKE)
            if re.fullmatch(r"\d\d", digits):
                surest[digits] = max(surest.get(digits, 0.0), probability)
        together = max(sum(surest.values()), 1.0)
        cents.append({digits: probability / together for digits, probability in surest.items()})
    return tuple(
        (amount_text(value + Decimal(digits) / 100), first * second)
        for value, first in _mean(dollars).items()
        for digits, second in _mean(cents).items()
    )


def _mean(opinions: Sequence[Mapping[_Key, float]]) -> dict[_Key, float]:
    """Return the mean of the opinions that say anything."""
    voiced = [opinion for opinion in opinions if opinion]
    keys = dict.fromkeys(key for opinion in voiced for key in opinion)
    return {key: sum(opinion.get(key, 0.0) for opinion in voiced) / len(voiced) for key in keys}


def _with_month(month: str, rest: Ballot) -> Ballot:
    """Return the dates that a month's name and the figures behind it make."""
    found = []
    for text, probability in rest:
        if match := _DAY_YEAR.search(re.sub(r"[\s.,/-]+", "", text).upper().translate(ALIKE)):
            found.append((f"{month} {match['day']}, {match['year']}", probability))
    return tuple(found)


def _only_with_cents(ballot: Ballot) -> Ballot:
    return tuple(
        (text, probability)
        for text, probability in ballot
        if any(value % 1 and share > 0.5 for value, share in amounts_of(text))
    )


def _seen(
    writing: Writing, ballots: Sequence[Ballot], others: Sequence[Ballot], signed: float, score: float
) -> _Seen | None:
    """Return the word that a writing is, or nothing if it is no figure of its kind or says no more than before.

    :param others: readings that count half.
    :param score: of the least sure letter that the careful recogniser read there; it becomes the word's.
    """
    elected = elect(writing.kind, ballots, others, signed=signed)
    if writing.kind == "date":
        elected = elected or _in_words(ballots)
    if not elected:
        return None
    text, share = elected[0]
    was = " ".join(t.text for t in writing.parts)
    stood = min((t.least for t in writing.parts), default=0.0)
    if writing.kind == "amount" and writing.apart:
        surely = _WITH_CENTS
    else:
        surely = _LIKELIER if writing.struck or (stood >= _DOUBTED and not writing.apart) else _LIKELY
    if not _says_more(writing, text) or share < surely:
        return None
    readings = [(text, min(share, _OVERLOOKED[writing.kind])), *elected[1:]]
    if was and stood * _STOOD >= _LEAST and all(was != known for known, _ in readings):
        readings.append((was, stood * _STOOD))
    word = Word(
        text,
        writing.box,
        min(score, _FAINT),
        least=min(score, _FAINT),
        disputed=True,
        readings=tuple(readings),
    )
    return _Seen(writing.kind, word, writing.parts)


def _in_words(ballots: Sequence[Ballot]) -> tuple[tuple[str, float], ...]:
    """Return the dates with a month in words, with their shares of the votes."""
    votes: dict[str, float] = defaultdict(float)
    texts: dict[str, str] = {}
    voters = [ballot for ballot in ballots if any(dates.find_dates(_figures_of(text)) for text, _ in ballot)]
    for said, probability in (reading for ballot in voters for reading in ballot):
        text = _figures_of(said)
        for found in dates.find_dates(text)[:1]:
            if not _YEAR.search(text[found.start : found.end]):
                continue
            day = found.value.isoformat()
            votes[day] += probability / len(voters)
            texts.setdefault(day, text[found.start : found.end])
    ranked = sorted(votes.items(), key=lambda item: -item[1])[:MOST_READINGS]
    return tuple((texts[day], round(min(share, 1.0), 4)) for day, share in ranked)


def _asked(view: View, *, photograph: bool) -> list[Asked]:
    """Return which labels of numbers, dates and totals have no figure, or one that may be a part of it only.

    On a form filled in by hand it may also be two, the first of which is struck out.
    """
    answers: dict[int, tuple[float, tuple[Token, ...]]] = {}
    answered: set[str] = set()
    numbers = {id(label): k for k, label in enumerate(view.labels)}
    body = view.table.body_tokens
    for span in (span for cell in view.page.cells for span in figures(cell)):
        if span.tokens[0].index in body:
            continue
        claims = [
            (meaning.strength * claim.closeness, meaning.name, numbers[id(claim.label)])
            for claim in view.surroundings.claims_on(span, money=True)
            for meaning in claim.label.meanings
        ]
        strongest = max((score for score, _, _ in claims), default=0.0)
        for score, name, k in claims:
            if name not in _ASKED or score < max(CLAIMED, _RIVAL * strongest):
                continue
            kind = KINDS[name]
            # A part of a number may have few digits.
            if kind == "number" or could_be(kind, span, ()):
                answers[k] = max(answers.get(k, (0.0, ())), (score, span.tokens), key=lambda pair: pair[0])
                if score >= max(_ANSWERED, strongest) and (
                    _looks_whole(kind, span.tokens, most=_MOST_DIGITS if photograph else None)
                    or (kind == "date" and _surely_in_words(span.cell))
                ):
                    answered.add(name)
    asked: list[tuple[float, Asked]] = []
    for k, label in enumerate(view.labels):
        strength, name = max((m.strength, m.name) for m in label.meanings)
        claimed = answers.get(k, (0.0, ()))[1]
        # "Invoice" alone is the form's title.
        title = KINDS.get(name) == "number" and strength < _TITLE and not label.colon
        if (
            name in _ASKED
            and name not in answered
            and label.tokens[0].index not in body
            and (claimed or not title)
        ):
            asked.append((strength + bool(claimed), Asked(KINDS[name], label.tokens, claimed)))
    asked.sort(key=lambda pair: -pair[0])
    return [each for _, each in asked[:_MOST_ASKED]]


def _surely_in_words(cell: Cell) -> bool:
    """Say whether a cell holds a date with its month in words that was read surely."""
    surely = all(token.least >= _SURE for token in cell.tokens if re.search(r"\d", token.text))
    return surely and bool(dates.find_dates(cell.text))


def _looks_whole(kind: Kind, tokens: Sequence[Token], *, most: int | None = None) -> bool:
    """Say whether a figure is read surely and has the form of its kind, so that nothing of it can be missing.

    :param most: digits that a number can have.
    """
    text = plain("".join(t.text for t in tokens))
    if min(t.least for t in tokens) < _SURE:
        return False
    if kind == "amount":
        return bool(_CENTS_SEEN.search(text))
    if kind == "date":
        return bool(_DATE.match(text))
    digits = sum(c.isdigit() for c in text)
    return bool(_NUMBER.match(text)) and _USUAL <= digits <= (most or digits)


def _without(words: Sequence[Word], view: View, seen: Sequence[_Seen]) -> Iterator[Word]:
    """Yield the words without the parts that the overlooked figures take the place of."""
    gone = {token.index for each in seen for token in each.parts}
    index = 0
    for word, several in zip(words, view.parted, strict=True):
        own = range(index, index + len(several))
        index += len(several)
        if gone.isdisjoint(own):
            yield word
        else:
            yield from (piece for k, piece in zip(own, several, strict=True) if k not in gone)


def _read(pixels: NDArray[np.uint8], targets: Sequence[Target]) -> list[tuple[tuple[str, float], ...]]:
    """Return what each target may say, likeliest first; empty where further readings confirmed what was read."""
    tight = [_cut(pixels, target, _TIGHT) for target in targets]
    ballots = {k: [_first(targets[k]), again] for k, again in enumerate(read_carefully(tight))}
    sums = [_first(target)[0][0] for target in targets if target.kind == "amount"]
    signed = sum(text.startswith("$") for text in sums) / max(len(sums), 1)
    doubtful = [k for k, target in enumerate(targets) if not _confirmed(target, ballots[k], _SURE)]
    # Where one figure is hard to read, the page may be written by hand, and then two networks are less to trust.
    asked = list(range(len(targets))) if doubtful else []
    by_digits = dict(zip(asked, read_digits([tight[k] for k in asked]), strict=True))
    doubtful = [k for k in asked if k in doubtful or _denies(targets[k], ballots[k][0], by_digits[k], signed)]
    alike = {k for k in doubtful if _alike(targets[k], [*ballots[k], by_digits[k]], signed)}
    # Where these three differ, wider and longer cuts may tell.
    split = [k for k in doubtful if k not in alike]
    wide = {k: _cut(pixels, targets[k], _WIDE) for k in split}
    bare = [
        k for k in split if targets[k].kind == "amount" and not _CENTS_SEEN.search(_first(targets[k])[0][0])
    ]
    long = {k: _cut(pixels, targets[k], _long(targets[k])) for k in bare}
    careful = read_carefully([*wide.values(), *long.values()])
    for k, ballot in zip(wide, careful, strict=False):
        ballots[k].append(ballot)
    stretched = {k: [ballot] for k, ballot in zip(long, careful[len(wide) :], strict=True)}
    split = [k for k in split if not _confirmed(targets[k], ballots[k], _AGREED)]
    further = iter(read_digits([*(wide[k] for k in split), *(long[k] for k in split if k in long)]))
    wider = {k: next(further) for k in split}
    for k in split:
        if k in long:
            stretched[k].append(next(further))
    result: list[tuple[tuple[str, float], ...]] = [()] * len(targets)
    for k in doubtful:
        if k not in alike and k not in wider:
            continue
        # The digit reader knows no letters: before a number's digits it takes them for some digit.
        if targets[k].kind != "number" or not has_letters(ballots[k]):
            ballots[k] += [by_digits[k], *([wider[k]] if k in wider else ())]
        elected = elect(
            targets[k].kind, ballots[k], stretched.get(k, ()) if k in wider else (), signed=signed
        )
        result[k] = elected if elected and elected[0][1] >= _LEAST else ()
    return result


def _as_one(target: Target, readings: tuple[tuple[str, float], ...]) -> tuple[tuple[str, float], ...]:
    """Return a number's or date's readings; where they left it as it was, its parts are one word all the same.

    People write into cells, and with wide gaps.
    """
    if readings or target.kind == "amount" or len(target.tokens) == 1:
        return readings
    return (("".join(t.text for t in target.tokens), min(t.least for t in target.tokens)),)


def _denies(target: Target, first: Ballot, by_digits: Ballot, signed: float) -> bool:
    """Say whether the digit reader is fairly sure of something else than what was read first."""
    if (
        not by_digits
        or by_digits[0][1] < _DENIED
        or (target.kind == "number" and has_letters([first, first]))
    ):
        return False
    said, found = (
        {key for key, _, _ in meanings_of(target.kind, ballot[0][0], signed)} for ballot in (first, by_digits)
    )
    return said.isdisjoint(found)


def _alike(target: Target, ballots: Sequence[Ballot], signed: float) -> bool:
    """Say whether three readings of the tight cut mean the same and are fairly sure of it."""
    meant = [
        next((key for key, _, _ in meanings_of(target.kind, b[0][0], signed)), None) if b else None
        for b in ballots
    ]
    if (
        target.kind == "amount"
        and isinstance(meant[0], Decimal)
        and meant[0] % 1 == 0
        and "." not in ballots[0][0][0]
    ):
        return False  # cents may stand beside it
    return meant[0] is not None and len(set(meant)) == 1 and min(b[0][1] for b in ballots if b) >= _FAIRLY


def _first(target: Target) -> Ballot:
    return ((" ".join(t.text for t in target.tokens), min(t.least for t in target.tokens)),)


def _confirmed(target: Target, ballots: Sequence[Ballot], surely: float) -> bool:
    """Say whether all readings of a figure are alike and sure, and it has the form of its kind."""
    first = plain(ballots[0][0][0])
    if any(plain(ballot[0][0]) != first or ballot[0][1] < surely for ballot in ballots):
        return False
    if target.kind == "amount":
        return bool(_CENTS_SEEN.search(first))  # without, raised cents or a point may have been overlooked
    if target.kind == "date":
        return bool(_DATE.match(first))
    # No letter among the digits, and no other sign that a stroke was taken for.
    return number_of(first) == first.upper() and not _ODD.search(first)


def _cut(pixels: NDArray[np.uint8], target: Target, reach: Reach) -> NDArray[np.uint8]:
    return cut_out(pixels, union_box(target.tokens), reach)


def _long(target: Target) -> Reach:
    height = max(t.height for t in target.tokens)
    return 0.3, max(0.3, min(_LONGEST, target.room / max(height, 0.1) - 0.2)), 0.35, 0.1

"""Which readers read an invoice, by its organization's policy, and what is noted of each that was asked.

    urgent, and a reader is named for that:  that reader; if it can't, the usual one
    alone:                                   the usual reader
    doubtful:                                the usual reader; the second one about what the gate would hold back
    verify:                                  the usual reader; the second one about every field the gate watches

In a trial that splits the documents, the challenger reads those on its side first, in the usual reader's place
(`extraction.trials`); what is urgent, and has a reader for that, is on no side.

Whatever becomes of a further reader (not set up, no budget, down, slow, an answer that can't be used), the reading goes
on without it: `Consultation` says why. Only where the usual reader itself fails is the invoice tried again
(`invoiceapp.pipeline`).
"""

from __future__ import annotations

import logging
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from django.conf import settings

from extraction import budget, cascade, costs, registry, trials
from extraction.models import Consultation, Reservation, Run, Trial
from extraction.schema import Backend, BatchBackend, Hints, OpenedDocument, ReaderError, Reading, Usage
from invoiceapp.records.models import Invoice, Organization

log = logging.getLogger(__name__)

TO_STORE: Final = 20.0
"""Seconds of the queue's time limit that a second reader leaves for keeping what the first one found."""
LEAST_SECONDS: Final = 5.0
"""With less time than this a second reader isn't begun."""

Outcome = Consultation.Outcome
Purpose = Consultation.Purpose
Policy = Organization.ReadingPolicy


class TookTooLong(BaseException):
    """A further reader was stopped so that the document is done within the queue's time limit.

    No `Exception`, so that no reader takes it for a failure of one of its pages. ``seconds`` is how long it had.
    """

    def __init__(self, message: str, seconds: float) -> None:
        super().__init__(message)
        self.seconds = seconds


@dataclass(frozen=True, slots=True)
class Pair:
    """Two readers at work together: ``version`` is of a reading by both, ``agreement`` what was measured of them."""

    version: str
    backend: Backend
    agreement: cascade.Agreement | None


@dataclass(frozen=True, slots=True)
class _Answer:
    """What came of asking one reader: a reading, or an outcome and the sentence that says why there is none."""

    outcome: str
    reading: Reading | None = None
    error: str = ""
    seconds: float = 0.0
    version: str = ""
    failure: Exception | None = None


class NotAsked(ReaderError):
    """The one reader that should read was not asked: it is not set up, or has no budget left."""


@dataclass(frozen=True, slots=True)
class First:
    """The reader whose reading is taken first; with a trial where that chose it, and the side the document is on."""

    reader: str
    trial: Trial | None = None
    side: str = ""


def first_reader(invoice: Invoice) -> First:
    """Return who reads an invoice first: the organization's choice, or its trial's."""
    organization = invoice.organization
    if invoice.urgent and organization.urgent_backend:
        return First(organization.urgent_backend)
    trial = trials.open_trial(organization)
    if trial is None or trial.kind != Trial.Kind.SPLIT or trial.champion != organization.backend:
        return First(organization.backend)
    if trials.is_challengers(trial, invoice.document.sha256):
        return First(trial.challenger, trial, Run.Side.CHALLENGER)
    return First(trial.champion, trial, Run.Side.CHAMPION)


def read_alone(run: Run, document: OpenedDocument) -> Reading:
    """Let the run's reader read in shadow: within its share of the budget, and nobody stands in for it.

    :raises NotAsked: if it is not set up, or the budget is used up.
    :raises ReaderError: if it can't work or took too long.
    """
    (answer,) = _ask_together(
        [run], [document], leave=0.0, share=trials.budget_share(run.invoice.organization)
    )
    if answer.reading is not None:
        return answer.reading
    if answer.outcome in (Outcome.MISSING, Outcome.OVER_BUDGET):
        raise NotAsked(answer.error)
    raise answer.failure or ReaderError(answer.error)


def read_first(runs: Sequence[Run], documents: Sequence[OpenedDocument]) -> list[Reading | Exception]:
    """Let the first reader read, several documents together where it can do that.

    One that is only for urgent documents, or has no budget left, has a stand-in.

    :param runs: of one reader; ``documents`` are theirs.
    :returns: for each the reading, whose ``backend`` says who read, or why the usual reader could not work.
    """
    # What may still have to be read by another one must leave it time.
    instead = any(run.backend != run.invoice.organization.backend for run in runs)
    answers = _ask_together(runs, documents, leave=0.5 if instead else None)
    return [
        _first_of(run, document, answer)
        for run, document, answer in zip(runs, documents, answers, strict=True)
    ]


def _first_of(run: Run, document: OpenedDocument, answer: _Answer) -> Reading | Exception:
    organization, waited = run.invoice.organization, 0.0
    if answer.reading is None and run.backend != organization.backend:
        _note(run, Purpose.INSTEAD, run.backend, answer)
        waited = answer.seconds
        (answer,) = _ask_together([run], [document], organization.backend)
    reading = answer.reading
    if answer.outcome == Outcome.OVER_BUDGET:
        # The embedded reader costs nothing; waiting for tomorrow's budget would delay the invoice.
        _note(run, Purpose.INSTEAD, organization.backend, answer)
        (answer,) = _ask_together([run], [document], registry.DEFAULT)
        reading = answer.reading
    if reading is None:
        return answer.failure or ReaderError(answer.error)
    return replace(reading, seconds=replace(reading.seconds, total=reading.seconds.total + waited))


def consult(
    run: Run,
    first: Reading,
    document: OpenedDocument,
    doubts_of: Callable[[Reading], Mapping[str, str]],
) -> Reading:
    """Ask the second reader, if the policy wants it and there is something to ask.

    :param first: what the first reader found.
    :param doubts_of: says what the gate would send to a person.
    :returns: the reading of both; ``first`` as it is where the second had no say.
    """
    organization = run.invoice.organization
    mode, second = organization.reading_policy, organization.second_backend
    if mode == Policy.ALONE or first.backend != organization.backend or second == first.backend:
        return first  # in place of the usual reader another one has read: nothing is known about that pair
    if run.consultations.filter(reader=second).exclude(outcome=Outcome.ANSWERED).exists():
        return first  # it was to read this very document just now, and could not
    purpose = Purpose.VERIFY if mode == Policy.VERIFY else Purpose.DOUBTFUL
    pair, error = None, ""
    try:
        pair = pair_of(organization, first, document.hints)
    except ReaderError as missing:
        error = str(missing)
    known = replace(first, model_version=pair.version) if pair else first
    asked = cascade.to_ask(mode, doubts_of(known))
    can_read = _can_read(pair.backend) if pair else None
    asked = tuple(name for name in asked if can_read is None or name in can_read)
    if not asked:
        return known
    if pair is None:
        _note(run, purpose, second, _Answer(Outcome.MISSING, error=error), asked)
        return first
    (answer,) = _ask_together([run], [document], second, leave=0.0)
    if answer.reading is None:
        _note(run, purpose, second, answer, asked)
        return first
    combined = cascade.combine(first, answer.reading, asked, pair.agreement, can_read=can_read)
    _note(run, purpose, second, answer, asked, combined)
    return replace(combined.reading, model_version=pair.version)


def pair_of(organization: Organization, first: Reading, hints: Hints) -> Pair:
    """Return the organization's second reader beside the one that read first.

    :raises ReaderError: if the second reader is not set up, or what was measured of the two can't be read.
    """
    backend = registry.backend(organization.second_backend)
    second = _version_of(backend, hints)
    agreement = cascade.load_agreement(settings.AGREEMENTS_DIR, first.model_version, second)
    version = cascade.combined_version(
        (first.backend, first.model_version),
        organization.reading_policy,
        (backend.name, second),
        agreement.version if agreement else "",
    )
    return Pair(version, backend, agreement)


def notes(organization: Organization) -> list[str]:
    """Say what an administrator should know of the further readers that were chosen, one sentence each."""
    second = organization.second_backend if organization.reading_policy != Policy.ALONE else ""
    chosen = [name for name in dict.fromkeys([second, organization.urgent_backend]) if name]
    said = [
        f"{name} is not set up here: invoices are read without it."
        for name in chosen
        if name not in registry.configured()
    ]
    dear = [name for name in chosen if name not in registry.EMBEDDED]
    if dear and organization.daily_money is None and organization.daily_seconds is None:
        said.append(f"No daily budget is set: nothing limits how often {' and '.join(dear)} is asked.")
    if second and not _is_measured(organization.backend, second):
        said.append(
            f"Nobody has measured how often {organization.backend} and {second} are right together. Until then their "
            "agreement lets no value pass by itself; what they read differently goes to people, with both at hand."
        )
    return said


def _is_measured(first: str, second: str) -> bool:
    """Whether there are measurements of two readers, of whatever version; those in use are compared while reading."""
    try:
        pairs = cascade.measured_pairs(settings.AGREEMENTS_DIR)
    except ReaderError:
        return False
    return any(re.split(r"[-+]", a)[0] == first and re.split(r"[-+]", b)[0] == second for a, b in pairs)


def _can_read(backend: Backend) -> frozenset[str] | None:
    """Return what a reader's prompt asks for, always with the kind of document; None if it looks for everything."""
    fields: tuple[str, ...] | None = getattr(backend, "fields", None)
    return None if fields is None else frozenset({*fields, cascade.KIND})


def _version_of(backend: Backend, hints: Hints) -> str:
    """Return the version that a reading with these hints will have: an organization's own prompt makes another one."""
    version_for = getattr(backend, "version_for", None)
    return str(version_for(hints)) if version_for is not None else backend.version


def _ask_together(
    runs: Sequence[Run],
    documents: Sequence[OpenedDocument],
    name: str = "",
    *,
    leave: float | None = None,
    share: Decimal = Decimal(1),
) -> list[_Answer]:
    """Let one reader read, each document within its organization's budget.

    :param name: of the reader; by default the runs' own.
    :param leave: share (0..1) of the time left now that others may need after it; with None it may take it all.
    :param share: of the day's budget up to which it may go.
    """
    name = name or runs[0].backend
    try:
        backend = registry.backend(name)
    except ReaderError as error:
        return [_Answer(Outcome.MISSING, error=str(error), failure=error)] * len(runs)
    answers: dict[int, _Answer] = {}
    reserved: dict[int, Reservation] = {}
    for number, (run, document) in enumerate(zip(runs, documents, strict=True)):
        organization = run.invoice.organization
        money, seconds = budget.estimate(name, len(document.pages))
        reservation = budget.reserve(organization, name, money=money, seconds=seconds, share=share)
        if reservation is None:
            why = _no_budget(organization, name, money)
            answers[number] = _Answer(Outcome.OVER_BUDGET, error=why, version=backend.version)
        else:
            reserved[number] = reservation
    begun = time.perf_counter()
    found: Sequence[Reading | tuple[Exception | TookTooLong, float]]
    try:
        with nullcontext() if leave is None else _in_time(leave):
            found = _readings_of(backend, [documents[number] for number in reserved])
    except TookTooLong as late:
        found = [(late, late.seconds / len(reserved))] * len(reserved)
    except BaseException:
        spent = (time.perf_counter() - begun) / max(len(reserved), 1)
        for reservation in reserved.values():
            _settle(reservation, name, None, spent)
        raise
    for (number, reservation), outcome in zip(reserved.items(), found, strict=True):
        if isinstance(outcome, Reading):
            _settle(reservation, name, outcome, outcome.seconds.total)
            answers[number] = _Answer(
                Outcome.ANSWERED, outcome, seconds=outcome.seconds.total, version=outcome.model_version
            )
            continue
        failure, spent = outcome
        _settle(reservation, name, None, spent, stopped=isinstance(failure, TookTooLong))
        version = _version_of(backend, documents[number].hints)
        answers[number] = _failed(name, failure, spent, version)
    return [answers[number] for number in range(len(runs))]


def _failed(name: str, failure: Exception | TookTooLong, spent: float, version: str) -> _Answer:
    if isinstance(failure, TookTooLong):
        return _Answer(Outcome.LATE, None, f"{name}: {failure}", spent, version)
    if isinstance(failure, ReaderError):
        return _Answer(Outcome.FAILED, None, str(failure), spent, version, failure)
    log.error("The reader %s failed", name, exc_info=failure)
    why = f"{name} failed: {type(failure).__name__}: {failure}"
    return _Answer(Outcome.FAILED, None, why, spent, version, failure)


def _readings_of(
    backend: Backend, documents: Sequence[OpenedDocument]
) -> list[Reading | tuple[Exception, float]]:
    """Return for each document its reading, with the seconds that it took, or what failed and after how many."""
    begun = time.perf_counter()
    if isinstance(backend, BatchBackend) and len(documents) > 1:
        try:
            found = backend.read_many(documents)
        except Exception as error:  # noqa: BLE001  told in the history of each invoice
            found = [error] * len(documents)
        share = (time.perf_counter() - begun) / len(documents)
        return [(one, share) if isinstance(one, Exception) else one for one in found]
    readings: list[Reading | tuple[Exception, float]] = []
    for document in documents:
        begun = time.perf_counter()
        try:
            reading = backend.read(document.pages, document.hints)
            took = time.perf_counter() - begun
            readings.append(replace(reading, seconds=replace(reading.seconds, total=took)))
        except Exception as error:  # noqa: BLE001  told in the history of its invoice
            readings.append((error, time.perf_counter() - begun))
    return readings


def _no_budget(organization: Organization, name: str, money: object) -> str:
    if money is None and organization.daily_money is not None:
        return f"{name} was not asked: a daily budget in money is set, but nobody stated what {name} costs."
    return f"{name} was not asked: the day's budget does not have what it may need left."


def _settle(
    reservation: Reservation, name: str, reading: Reading | None, spent: float, *, stopped: bool = False
) -> None:
    """Enter what a reader took. What a server charges for an answer that never came is not known: all of it counts.

    :param stopped: nobody waits for it any more, but a server goes on until its own time limit.
    """
    price = registry.price(name)
    if reading is not None:
        usage = reading.usage
    elif not price.on_server:
        usage = Usage()
    elif stopped:
        budget.settle(reservation, money=None, seconds=None)
        return
    else:
        # It worked no longer than we waited, part of which went into the words of the pages.
        usage = Usage(None, None, min(spent, float(reservation.seconds)))
    budget.settle(
        reservation,
        money=costs.cost(price, usage, spent),
        seconds=costs.paid_seconds(price, usage, spent),
    )


def _note(
    run: Run,
    purpose: str,
    reader: str,
    answer: _Answer,
    asked: Sequence[str] = (),
    combined: cascade.Combined | None = None,
) -> None:
    usage, price = answer.reading.usage if answer.reading else None, registry.price(reader)
    # Of what failed a worker's time is known; what a server did is not.
    took = usage or (None if price.on_server else Usage())
    met = combined or cascade.Combined(Reading("", "", 0))
    Consultation.objects.create(
        run=run,
        purpose=purpose,
        reader=reader,
        version=answer.version,
        asked=list(asked),
        outcome=answer.outcome,
        error=answer.error,
        seconds=answer.seconds,
        seconds_model=usage.model_seconds if usage else None,
        cost=costs.cost(price, took, answer.seconds) if took else None,
        cost_currency=settings.PRICE_CURRENCY,
        input_tokens=usage.input_tokens if usage else None,
        output_tokens=usage.output_tokens if usage else None,
        agreed=len(met.agreed),
        differed=len(met.differed),
        only_first=len(met.only_first),
        only_second=len(met.only_second),
        said={name: list(both) for name, both in met.said.items()},
    )
    if answer.error:
        log.warning("Invoice %s goes on without %s: %s", run.invoice_id, reader, answer.error)


@contextmanager
def _in_time(share: float) -> Iterator[None]:
    """Stop the block while enough of the queue's time limit is left: `TO_STORE`, or a share of what is left now.

    The queue limits a task by an alarm (django-q2's TimeoutHandler); this puts an earlier one before it and sets the
    queue's again afterwards. Without an alarm, or outside a process's first thread, nothing is limited.

    :raises TookTooLong: in the block, or before it if hardly any time is left.
    """
    left = signal.getitimer(signal.ITIMER_REAL)[0]
    if not left or threading.current_thread() is not threading.main_thread():
        yield
        return
    limit = settings.TASK_TIMEOUT
    kept = max(TO_STORE, share * left)
    if left < kept + LEAST_SECONDS:
        raise TookTooLong(f"not begun, {left:.0f} s of {limit} s were left", 0.0)
    begun = time.monotonic()

    def stop(signum: int, frame: object) -> None:
        spent = time.monotonic() - begun
        raise TookTooLong(f"stopped after {spent:.0f} s: a document has {limit} s in all", spent)

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, left - kept)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, max(left - (time.monotonic() - begun), 0.1))
        signal.signal(signal.SIGALRM, before)

"""Requests that wait while the model is busy go through it together, and nobody waits when it is idle.

One thread runs the model (torch lets go of the interpreter while it computes), so the event loop stays free
to answer; what gathers in the meantime is the next batch, up to `most`. The queue has an end: the request
that finds it full is refused at once with an estimate of when to come back, because a late answer costs as
much as a good one. Requests that expired or whose client left never reach the model.

Source: admission control and deadlines as in "The Tail at Scale" (Dean & Barroso 2013) and the Site
Reliability Engineering book, chapter 21 (handling overload); adaptive batching as in Clipper (Crankshaw
et al. 2017), without its waiting time.
The first thing to change: `most`, throughput against the wait of the last in a batch.
"""

import asyncio
import functools
import math
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

WATCH = 0.25  # seconds between two looks at the model thread
FORGET = 0.2  # weight of the newest batch in the running mean of seconds an item


class Full(Exception):
    """The queue is full; `seconds`: when there will probably be room."""

    def __init__(self, seconds: float):
        super().__init__(seconds)
        self.seconds = seconds


class Expired(Exception):
    """The deadline passed before the answer was there."""


class Closed(Exception):
    """The batcher takes nothing: it stops, or its model hangs."""


class WorkerDied(Exception):
    """The model thread ended under this request; a new one runs."""


@dataclass(frozen=True)
class Steps:
    """What is done with an item, all of it in the model thread.

    prepare: item -> input; what it raises belongs to that item alone
    forward: inputs -> as many rows; what it raises leads to a second try, item by item
    finish:  item and row -> answer; what it raises belongs to that item alone
    slow:    whether finishing this item takes long: it is finished last, and at most one is in a batch
    """

    prepare: Callable[[Any], Any]
    forward: Callable[[list[Any]], Sequence[Any]]
    finish: Callable[[Any, Any], Any]
    slow: Callable[[Any], bool] = lambda item: False


@dataclass
class Counts:
    """Since the start. wasted: items that were computed although they had ended before the forward."""

    served: int = 0
    failed: int = 0
    refused: int = 0
    expired: int = 0
    abandoned: int = 0
    wasted: int = 0
    batches: int = 0
    retried: int = 0
    restarts: int = 0


@dataclass(eq=False)
class Ticket:
    """A waiting item. ended: when it expired or was abandoned, on the monotonic clock."""

    item: Any
    future: asyncio.Future[Any]
    deadline: float
    ended: float | None = None

    def over(self) -> bool:
        return self.future.done() or time.monotonic() >= self.deadline


@dataclass
class Batch:
    """What the model thread is busy with. beat: when it last showed life."""

    tickets: list[Ticket]
    started: float = field(default_factory=time.monotonic)
    beat: float = field(default_factory=time.monotonic)


class Batcher:
    """A bounded queue before one model thread.

    room:     items that may wait; most: items in a forward; deadline: seconds an item may take in all
    hang:     seconds the thread may be silent (one forward, one item) before it counts as hung
    observe:  called in the event loop after each batch with (items, seconds of the whole batch)
    on_hang:  called once in the event loop when the model hangs; nothing is served afterwards
    """

    def __init__(
        self,
        steps: Steps,
        *,
        room: int = 64,
        most: int = 32,
        deadline: float = 30.0,
        hang: float = 60.0,
        observe: Callable[[int, float], None] = lambda items, seconds: None,
        on_hang: Callable[[], None] = lambda: None,
    ):
        self.steps, self.room, self.most, self.deadline, self.hang = steps, room, most, deadline, hang
        self.observe, self.on_hang = observe, on_hang
        self.counts = Counts()
        self.waiting: deque[Ticket] = deque()
        self.running: Batch | None = None
        self.closed = True
        self.hung = False
        self._seconds_an_item = 0.0
        self._looking = False  # whether a look at the queue is due
        self._jobs: queue.SimpleQueue[Batch | None] = queue.SimpleQueue()

    # ---- in the event loop

    async def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._idle = asyncio.Event()
        self._idle.set()
        self._start_thread()
        self._watch = asyncio.create_task(self._watching())
        self.closed = False

    async def stop(self, patience: float = 10.0) -> bool:
        """Refuse what is new, finish what is in, end the thread. False when `patience` seconds did not do."""
        self.closed = True
        try:
            await asyncio.wait_for(self._idle.wait(), 0.0 if self.hung else patience)
            finished = True
        except TimeoutError:
            finished = False
            running = self.running.tickets if self.running else []
            self._fail(Closed("the server stops"), [*running, *self.waiting])
            self.waiting.clear()
        self._watch.cancel()
        self._jobs.put(None)
        return finished

    def full(self, items: int = 1) -> bool:
        return len(self.waiting) + items > self.room

    def wait_estimate(self) -> float:
        """Seconds until what waits now will be through; at least the rest of a batch."""
        running = len(self.running.tickets) if self.running else 0
        return self._seconds_an_item * (len(self.waiting) + running)

    def refuse(self, items: int = 1) -> Full:
        """The exception for items that found no room, counted."""
        self.counts.refused += items
        return Full(self.wait_estimate())

    async def ask(self, item: Any, deadline: float | None = None) -> Any:
        """The answer for one item. Cancel it when the client is gone.

        Raises Full, Expired, Closed, WorkerDied, or what prepare, forward or finish raised for this item.
        """
        return await self.submit([item], deadline)[0]

    def submit(self, items: Sequence[Any], deadline: float | None = None) -> list[asyncio.Future[Any]]:
        """All items or none: their futures, in order. Raises Full or Closed."""
        if self.closed:
            raise Closed("no model is running")
        if self.full(len(items)):
            raise self.refuse(len(items))
        seconds = self.deadline if deadline is None else deadline
        tickets = [Ticket(item, self._loop.create_future(), time.monotonic() + seconds) for item in items]
        for ticket in tickets:
            timer = self._loop.call_later(seconds, self._expire, ticket)
            ticket.future.add_done_callback(functools.partial(self._done, ticket, timer))
        self.waiting.extend(tickets)
        self._idle.clear()
        self._soon()
        return [ticket.future for ticket in tickets]

    def _soon(self) -> None:
        """Look at the queue when what arrived in the same moment has been read, so that it goes together."""
        if self.running is None and not self._looking:
            self._looking = True
            self._loop.call_soon(self._look)

    def _look(self) -> None:
        self._looking = False
        self._next()

    def _next(self) -> None:
        """Hand what waits to the thread, when it is free."""
        if self.running is not None or self.hung:
            return
        taken: list[Ticket] = []
        slow = False
        while self.waiting and len(taken) < self.most:
            ticket = self.waiting[0]
            if not ticket.over():
                if slow and self.steps.slow(ticket.item):
                    break  # one slow item a batch, so that the others need not wait for many
                slow = slow or self.steps.slow(ticket.item)
                taken.append(ticket)
            self.waiting.popleft()
        if taken:
            self.running = Batch(taken)
            self._jobs.put(self.running)
        elif not self.waiting:
            self._idle.set()

    def _expire(self, ticket: Ticket) -> None:
        if not ticket.future.done():
            self.counts.expired += 1
            ticket.ended = time.monotonic()
            ticket.future.set_exception(Expired())

    def _done(self, ticket: Ticket, timer: asyncio.TimerHandle, future: asyncio.Future[Any]) -> None:
        timer.cancel()
        if ticket.future.cancelled():
            self.counts.abandoned += 1
            ticket.ended = time.monotonic()
        if ticket.ended is not None and ticket in self.waiting:
            self.waiting.remove(ticket)  # its place is free for another

    def _deliver(self, batch: Batch, answers: list[tuple[Ticket, Any, BaseException | None]]) -> None:
        if batch is not self.running:
            return  # it was given up before
        for ticket, answer, error in answers:
            if ticket.future.done():
                continue
            if error is None:
                self.counts.served += 1
                ticket.future.set_result(answer)
            elif isinstance(error, Expired):
                self._expire(ticket)
            else:
                self.counts.failed += 1
                ticket.future.set_exception(error)

    def _finished(self, batch: Batch, wasted: int, retried: bool) -> None:
        if batch is not self.running:
            return
        seconds = time.monotonic() - batch.started
        each = seconds / len(batch.tickets)
        weight = FORGET if self.counts.batches else 1.0
        self._seconds_an_item += weight * (each - self._seconds_an_item)
        self.counts.batches += 1
        self.counts.wasted += wasted
        self.counts.retried += retried
        self.running = None
        self.observe(len(batch.tickets), seconds)
        self._soon()

    def _fail(self, error: Exception, tickets: Sequence[Ticket]) -> None:
        for ticket in tickets:
            if not ticket.future.done():
                self.counts.failed += 1
                ticket.future.set_exception(error)

    # ---- watching over the thread

    def _start_thread(self) -> None:
        self._thread = threading.Thread(target=self._work, args=(self._jobs,), name="model", daemon=True)
        self._thread.start()

    async def _watching(self) -> None:
        while not self.hung:
            await asyncio.sleep(WATCH)
            if not self._thread.is_alive():
                self._restart()
            elif self.running and time.monotonic() - self.running.beat > self.hang:
                self._give_up()

    def _restart(self) -> None:
        """The thread died (not by an exception of the model, which is caught): a new one takes its place."""
        self.counts.restarts += 1
        batch, self.running = self.running, None
        self._start_thread()
        if batch:
            self._fail(WorkerDied(), batch.tickets)
        self._next()

    def _give_up(self) -> None:
        """A thread cannot be stopped from outside: nothing more is served, and the owner ends the process."""
        self.hung = self.closed = True
        batch, self.running = self.running, None
        self._fail(Closed("the model hangs"), [*(batch.tickets if batch else []), *self.waiting])
        self.waiting.clear()
        self._idle.set()
        self.on_hang()

    # ---- in the model thread

    def _work(self, jobs: "queue.SimpleQueue[Batch | None]") -> None:
        while (batch := jobs.get()) is not None:
            self._run(batch)

    def _run(self, batch: Batch) -> None:
        """One batch: prepare each, one forward for all, finish each; quick answers leave before slow ones."""

        def deliver(*answers: tuple[Ticket, Any, BaseException | None]) -> None:
            batch.beat = time.monotonic()
            self._tell(self._deliver, batch, list(answers))

        good: list[tuple[Ticket, Any]] = []
        for ticket in batch.tickets:
            try:
                good.append((ticket, self.steps.prepare(ticket.item)))
            except Exception as error:
                deliver((ticket, None, error))
            batch.beat = time.monotonic()
        checked = time.monotonic()
        late = [ticket for ticket, _ in good if ticket.over()]  # preparing took time: look again
        good = [pair for pair in good if pair[0] not in late]
        if late:
            deliver(*((ticket, None, Expired()) for ticket in late))
        rows, retried = self._forward(batch, [prepared for _, prepared in good])
        wasted = sum(1 for ticket, _ in good if ticket.ended is not None and ticket.ended < checked)
        pairs = [(ticket, row) for (ticket, _), row in zip(good, rows)]
        quick = [self._finish(*pair) for pair in pairs if not self.steps.slow(pair[0].item)]
        if quick:
            deliver(*quick)
        for ticket, row in pairs:
            if self.steps.slow(ticket.item):
                deliver(self._finish(ticket, row))
        self._tell(self._finished, batch, wasted, retried)

    def _tell(self, call: Callable[..., None], *arguments: Any) -> None:
        """Have the event loop call this. After the last patience has ended there may be no loop to tell."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(call, *arguments)

    def _forward(self, batch: Batch, inputs: list[Any]) -> tuple[Sequence[Any], bool]:
        """Rows, or exceptions in the places of items that fail alone; whether a second try was needed."""
        if not inputs:
            return [], False
        try:
            return self._rows(inputs), False
        except Exception as error:
            if len(inputs) == 1:
                return [error], False
        rows: list[Any] = []
        for one in inputs:
            batch.beat = time.monotonic()
            try:
                rows.append(self._rows([one])[0])
            except Exception as error:
                rows.append(error)
        return rows, True

    def _rows(self, inputs: list[Any]) -> Sequence[Any]:
        rows = self.steps.forward(inputs)
        if len(rows) != len(inputs):
            raise RuntimeError(f"the engine gave {len(rows)} rows for {len(inputs)} inputs")
        return rows

    def _finish(self, ticket: Ticket, row: Any) -> tuple[Ticket, Any, BaseException | None]:
        if isinstance(row, Exception):
            return ticket, None, row
        try:
            return ticket, self.steps.finish(ticket.item, row), None
        except Exception as error:
            return ticket, None, error


def whole_seconds(seconds: float) -> int:
    """For Retry-After: at least 1, at most an hour."""
    return int(min(3600, max(1, math.ceil(seconds))))

"""What the batcher promises: together when busy, at once when idle, never for nothing, never without end."""

import asyncio
import threading
import time

import pytest

from glassworks.deploy.batcher import Batcher, Closed, Expired, Full, Steps, WorkerDied, whole_seconds

POISON, DEADLY, STUCK = "poison", "deadly", "stuck"


class Model:
    """Doubles numbers; stands still while `gate` is closed. seen: the batches that reached the forward."""

    def __init__(self):
        self.gate, self.entered = threading.Event(), threading.Event()
        self.gate.set()
        self.seen: list[list] = []

    def forward(self, inputs):
        self.entered.set()
        self.seen.append(list(inputs))
        assert self.gate.wait(20)
        if DEADLY in inputs:
            raise SystemExit
        if POISON in inputs:
            raise ValueError("poison")
        return [f"{one}!" for one in inputs]

    @property
    def items(self):
        return [one for batch in self.seen for one in batch]


def prepare(item):
    if item == "damaged":
        raise KeyError(item)
    return item


def steps(model, **more):
    return Steps(prepare, model.forward, lambda item, row: row, **more)


def played(scene, model=None, **settings):
    """Run an async scene(batcher, model) and stop afterwards."""
    model = model or Model()

    async def play():
        batcher = Batcher(steps(model), **settings)
        await batcher.start()
        try:
            return await scene(batcher, model)
        finally:
            model.gate.set()
            await batcher.stop(5)

    return asyncio.run(play())


async def busy(batcher, model):
    """Occupy the model with one item that stands in the forward."""
    model.gate.clear()
    model.entered.clear()
    first = batcher.submit(["first"])[0]
    await asyncio.to_thread(model.entered.wait, 10)
    return first


def test_a_request_alone_goes_at_once_and_alone():
    async def scene(batcher, model):
        assert await batcher.ask("a") == "a!"
        assert await batcher.ask("b") == "b!"
        assert model.seen == [["a"], ["b"]]

    played(scene)


def test_what_waits_while_the_model_is_busy_goes_together_in_order_and_not_more_than_most():
    async def scene(batcher, model):
        first = await busy(batcher, model)
        rest = batcher.submit(list("abcdef"))
        model.gate.set()
        assert [await one for one in (first, *rest)] == [f"{one}!" for one in ("first", *"abcdef")]
        assert model.seen == [["first"], list("abcd"), list("ef")]
        async with asyncio.timeout(10):  # a batch is counted a moment after its answers are given
            while batcher.counts.batches < 3:
                await asyncio.sleep(0.001)
        assert batcher.counts.served == 7 and batcher.counts.batches == 3

    played(scene, most=4)


def test_a_full_queue_refuses_at_once_with_an_estimate_and_takes_all_of_a_request_or_nothing():
    async def scene(batcher, model):
        await batcher.ask("warm")
        first = await busy(batcher, model)
        waiting = batcher.submit(["a", "b", "c"])
        with pytest.raises(Full):
            batcher.submit(["d", "e"])
        assert len(batcher.waiting) == 3
        waiting += batcher.submit(["d"])
        with pytest.raises(Full) as refused:
            batcher.submit(["e"])
        assert refused.value.seconds > 0 and batcher.counts.refused == 3
        model.gate.set()
        await asyncio.gather(first, *waiting)
        assert "e" not in model.items

    played(scene, room=4)


def test_expired_and_abandoned_items_never_reach_the_model_and_free_their_places():
    async def scene(batcher, model):
        first = await busy(batcher, model)
        late = batcher.submit(["late"], deadline=0.05)[0]
        left = batcher.submit(["left"])[0]
        kept = batcher.submit(["kept"])[0]
        left.cancel()
        with pytest.raises(Expired):
            await late
        assert len(batcher.waiting) == 1
        model.gate.set()
        assert await kept == "kept!" and await first == "first!"
        counts = batcher.counts
        assert (counts.expired, counts.abandoned, counts.wasted) == (1, 1, 0)
        assert model.items == ["first", "kept"]

    played(scene)


def test_items_that_end_while_others_of_their_batch_are_prepared_are_not_computed():
    model = Model()

    def slow_prepare(item):
        if item == "slow":
            time.sleep(0.3)
        return item

    async def scene():
        batcher = Batcher(Steps(slow_prepare, model.forward, lambda item, row: row))
        await batcher.start()
        first = await busy(batcher, model)
        short = batcher.submit(["short"], deadline=0.15)[0]
        slow = batcher.submit(["slow"])[0]
        model.gate.set()
        await first
        with pytest.raises(Expired):
            await short
        assert await slow == "slow!"
        await batcher.stop()
        assert model.items == ["first", "slow"] and batcher.counts.wasted == 0

    asyncio.run(scene())


def test_an_item_whose_deadline_passes_in_the_forward_is_told_so():
    async def scene(batcher, model):
        first = await busy(batcher, model)
        with pytest.raises(Expired):
            await first

    played(scene, deadline=0.1)


def test_a_poisoned_item_fails_alone_and_so_does_a_damaged_one():
    async def scene(batcher, model):
        first = await busy(batcher, model)
        batch = batcher.submit(["a", POISON, "damaged", "b"])
        model.gate.set()
        await first
        told = await asyncio.gather(*batch, return_exceptions=True)
        assert told[0] == "a!" and told[3] == "b!"
        assert isinstance(told[1], ValueError) and isinstance(told[2], KeyError)
        assert batcher.counts.retried == 1 and batcher.counts.failed == 2
        assert await batcher.ask("after") == "after!"

    played(scene)


def test_an_engine_that_loses_rows_is_an_error_and_not_a_mix_up():
    async def scene():
        batcher = Batcher(Steps(lambda item: item, lambda inputs: inputs[:1] if len(inputs) > 1 else [],
                                lambda item, row: row))  # fmt: skip
        await batcher.start()
        with pytest.raises(RuntimeError, match="rows"):
            await batcher.ask("a")
        await batcher.stop()

    asyncio.run(scene())


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_model_thread_that_dies_is_replaced_within_five_seconds():
    async def scene(batcher, model):
        with pytest.raises(WorkerDied):
            await asyncio.wait_for(batcher.ask(DEADLY), 5)
        assert await asyncio.wait_for(batcher.ask("after"), 5) == "after!"
        assert batcher.counts.restarts == 1

    played(scene)


def test_a_model_that_hangs_closes_the_batcher_and_tells_everyone():
    told = []

    async def scene(batcher, model):
        first = await busy(batcher, model)
        waiting = batcher.submit(["a"])[0]
        for one in (first, waiting):
            with pytest.raises(Closed):
                await asyncio.wait_for(one, 5)
        assert told == [1] and batcher.hung
        with pytest.raises(Closed):
            batcher.submit(["b"])

    played(scene, hang=0.3, on_hang=lambda: told.append(1))


def test_stopping_finishes_what_is_in_and_refuses_what_is_new():
    async def scene(batcher, model):
        first = await busy(batcher, model)
        waiting = batcher.submit(["a", "b"])
        stopping = asyncio.create_task(batcher.stop(10))
        await asyncio.sleep(0)
        with pytest.raises(Closed):
            batcher.submit(["c"])
        model.gate.set()
        assert await stopping
        assert [first.result(), *(one.result() for one in waiting)] == ["first!", "a!", "b!"]
        await asyncio.to_thread(batcher._thread.join, 5)
        assert not batcher._thread.is_alive()

    played(scene)


def test_stopping_ends_although_the_model_does_not():
    async def scene(batcher, model):
        first = await busy(batcher, model)
        assert not await batcher.stop(0.1)
        with pytest.raises(Closed):
            await first

    played(scene)


def test_slow_items_keep_quick_ones_of_their_batch_waiting_no_longer_than_the_forward():
    gate = threading.Event()

    def finish(item, row):
        if item.startswith("slow"):
            assert gate.wait(10)
        return row

    async def scene():
        model = Model()
        batcher = Batcher(Steps(prepare, model.forward, finish, slow=lambda item: item.startswith("slow")))
        await batcher.start()
        first = await busy(batcher, model)
        items = batcher.submit(["slow one", "quick", "slow two"])
        model.gate.set()
        await first
        assert await asyncio.wait_for(items[1], 5) == "quick!" and not items[0].done()
        gate.set()
        await asyncio.gather(*items)
        assert model.seen[1:] == [["slow one", "quick"], ["slow two"]]  # one slow item a batch
        await batcher.stop()

    asyncio.run(scene())


def test_the_event_loop_stays_free_while_the_model_computes():
    async def scene(batcher, model):
        first = await busy(batcher, model)
        for _ in range(100):
            await asyncio.sleep(0)
        assert not first.done()
        model.gate.set()
        assert await first == "first!"

    played(scene)


@pytest.mark.parametrize("seconds, told", [(0, 1), (0.2, 1), (1.1, 2), (1e9, 3600)])
def test_retry_after_is_whole_seconds(seconds, told):
    assert whole_seconds(seconds) == told

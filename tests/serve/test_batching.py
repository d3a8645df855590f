import asyncio
import threading

import pytest

from anaglyph.serve.batching import Batcher
from anaglyph.serve.errors import RefusedError


def doubled(tasks):
    return [ValueError(task) if task < 0 else 2 * task for task in tasks]


def run(coroutine, work=doubled, *, most=3, waiting=4):
    batcher = Batcher(work, most=most, waiting=waiting, name="test")
    try:
        return asyncio.run(coroutine(batcher))
    finally:
        batcher.close()


def test_everybody_gets_the_result_of_their_own_task_and_nobody_anothers_error():
    async def ask(batcher):
        return await asyncio.gather(*(batcher.ask(task) for task in (1, -1, 3, 4)), return_exceptions=True)

    first, failed, third, fourth = run(ask)
    assert (first, third, fourth) == (2, 6, 8)
    assert isinstance(failed, ValueError)


def test_what_waits_becomes_the_next_batch_in_one_thread():
    batches, threads, go = [], set(), threading.Event()

    def work(tasks):
        batches.append(list(tasks))
        threads.add(threading.current_thread().name)
        go.wait(10)
        return tasks

    async def ask(batcher):
        asked = [asyncio.create_task(batcher.ask(0))]
        while not batches:
            await asyncio.sleep(0)
        asked += [asyncio.create_task(batcher.ask(task)) for task in (1, 2, 3, 4)]
        await asyncio.sleep(0)
        go.set()
        return await asyncio.gather(*asked)

    assert run(ask, work) == [0, 1, 2, 3, 4]
    assert batches == [[0], [1, 2, 3], [4]]
    assert len(threads) == 1


def test_as_many_wait_as_may_and_the_next_is_told_to_come_back():
    go, begun = threading.Event(), threading.Event()

    def work(tasks):
        begun.set()
        go.wait(10)
        return tasks

    async def ask(batcher):
        asked = [asyncio.create_task(batcher.ask(0))]
        while not begun.is_set():
            await asyncio.sleep(0)
        asked += [asyncio.create_task(batcher.ask(task)) for task in range(4)]
        await asyncio.sleep(0)
        assert batcher.waiting == 4
        with pytest.raises(RefusedError) as refusal:
            await batcher.ask(9)
        go.set()
        await asyncio.gather(*asked)
        return refusal.value

    refusal = run(ask, work)
    assert (refusal.status, refusal.code, refusal.headers) == (503, "busy", {"Retry-After": "1"})


def test_work_that_fails_as_a_whole_fails_for_all_and_the_next_batch_goes_on():
    def work(tasks):
        if 0 in tasks:
            raise MemoryError
        return tasks

    async def ask(batcher):
        first = await asyncio.gather(batcher.ask(0), batcher.ask(1), return_exceptions=True)
        return first, await batcher.ask(2)

    first, second = run(ask, work)
    assert [type(each) for each in first] == [MemoryError, MemoryError]
    assert second == 2


def test_tasks_of_callers_that_went_away_are_not_worked_on():
    worked, go, begun = [], threading.Event(), threading.Event()

    def work(tasks):
        worked.extend(tasks)
        begun.set()
        go.wait(10)
        return tasks

    async def ask(batcher):
        first = asyncio.create_task(batcher.ask(0))
        while not begun.is_set():
            await asyncio.sleep(0)
        gone, stays = asyncio.create_task(batcher.ask(1)), asyncio.create_task(batcher.ask(2))
        await asyncio.sleep(0)
        gone.cancel()
        go.set()
        return await asyncio.gather(first, stays)

    assert run(ask, work) == [0, 2]
    assert worked == [0, 2]

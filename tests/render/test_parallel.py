import threading

import pytest
import torch

from anaglyph.render.parallel import for_each

CPU = torch.device("cpu")


@pytest.fixture(params=[1, 2, 4])
def threads(request):
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


def test_every_task_is_done_once_on_one_thread_each(threads):
    done, counts = [], []

    def work(task):
        done.append(task)
        counts.append(torch.get_num_threads())

    for_each(work, range(20), device=CPU)
    assert sorted(done) == list(range(20))
    assert set(counts) == {1}


def test_afterwards_torch_has_its_threads_again(threads):
    for_each(lambda task: None, range(3), device=CPU)
    assert torch.get_num_threads() == threads
    seen = []
    later = threading.Thread(target=lambda: seen.append(torch.get_num_threads()))
    later.start()
    later.join()
    assert seen == [threads]


def test_errors_come_through_and_leave_the_threads_as_they_were(threads):
    def fail(task):
        raise KeyError(task)

    with pytest.raises(KeyError):
        for_each(fail, range(3), device=CPU)
    assert torch.get_num_threads() == threads

"""What was of the process or the system and is over: its name does not stop saves, and in the next
process it is over in the same way."""
import pytest
from ended_things import WAYS
from killed import Place

SOURCE = """
import ended_things

@resume.resumable(rate=0)
def main(name):
    make, says = ended_things.WAYS[name]
    thing = make()
    twice = [thing, thing]
    save()
    says(thing)
    return twice[0] is thing and twice[1] is thing
"""
ALIVE = """
import concurrent.futures, multiprocessing, socket, sqlite3

@resume.resumable(rate=0)
def main(make):
    thing = eval(make)
    save()
    return thing is not None
"""


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # fork, where others left threads
@pytest.mark.parametrize("name", WAYS)
def test_what_is_over_stays_over(tmp_path, name):
    place = Place(tmp_path, SOURCE)
    first = place.run(name, stop_at=1)
    assert first.killed and not first.warned
    second = place.run(name)
    assert second.value is True, second.trace
    assert not second.warned


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("make", ["(pool := concurrent.futures.ThreadPoolExecutor(1), "
                                  "pool.submit(abs, 1).result())",
                                  "socket.socket()", "sqlite3.connect(':memory:')",
                                  "multiprocessing.Process(target=print)"])
def test_what_is_not_over_is_refused(tmp_path, make):
    place = Place(tmp_path, ALIVE)
    ran = place.run(make)
    assert ran.value is True and len(ran.warned) == 1 and "can't be saved here" in ran.warned[0]


NOT_BEGUN = """
import concurrent.futures, queue

@resume.resumable(rate=0)
def main():
    pool, waiting = concurrent.futures.ThreadPoolExecutor(2), queue.SimpleQueue()
    waiting.put(["a"])
    waiting.put(pool)
    save()
    with pool:
        return list(pool.map(abs, [-1, 2])), waiting.get(), waiting.get() is pool, waiting.empty()
"""


def test_a_pool_without_threads_begins_where_it_goes_on(tmp_path):
    place = Place(tmp_path, NOT_BEGUN)
    first = place.run(stop_at=1)
    assert first.killed and not first.warned
    assert tuple(place.run().value) == ([1, 2], ["a"], True, True)

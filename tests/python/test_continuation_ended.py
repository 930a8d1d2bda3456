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
@pytest.mark.parametrize("make", ["concurrent.futures.ThreadPoolExecutor(1)", "socket.socket()",
                                  "sqlite3.connect(':memory:')",
                                  "multiprocessing.Process(target=print)"])
def test_what_is_not_over_is_refused(tmp_path, make):
    place = Place(tmp_path, ALIVE)
    ran = place.run(make)
    assert ran.value is True and len(ran.warned) == 1 and "can't be saved here" in ran.warned[0]

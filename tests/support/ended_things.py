"""Pools, processes, sockets and the like that are over, and what each says then: for
tests/python/test_continuation_ended.py."""
import asyncio
import concurrent.futures
import multiprocessing
import multiprocessing.pool
import selectors
import socket
import sqlite3
import threading

import pytest


def square(x):
    return x * x


class Child(multiprocessing.get_context("fork").Process):
    def __init__(self, code):
        super().__init__(name="child")
        self.code = code

    def run(self):
        raise SystemExit(self.code)


def thread_pool():
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        assert pool.submit(square, 3).result() == 9
    return pool


def thread_pool_says(pool):
    with pytest.raises(RuntimeError, match="cannot schedule new futures after shutdown"):
        pool.submit(square, 3)
    pool.shutdown()


def pool(kind=multiprocessing.get_context("fork").Pool):
    with kind(2) as workers:
        assert workers.map(square, [2]) == [4]
    return workers


def pool_of_threads():
    return pool(multiprocessing.pool.ThreadPool)


def pool_says(workers):
    with pytest.raises(ValueError, match="Pool not running"):
        workers.map(square, [1])
    assert "TERMINATE" in repr(workers)
    workers.terminate()
    workers.close()
    workers.join()


def results():
    with multiprocessing.pool.ThreadPool(2) as workers:
        failed = workers.apply_async(int, ("x",))
        failed.wait()
        several = workers.map_async(square, [1, 2, 3])
        several.wait()
    return several, failed


def results_say(both):
    several, failed = both
    assert several.get() == [1, 4, 9] and several.ready() and several.successful()
    assert failed.ready() and not failed.successful()
    failed.wait()
    with pytest.raises(ValueError, match="invalid literal"):
        failed.get()


def process(code=3):
    child = Child(code)
    child.start()
    child.join()
    child.more = {"of its own": child.pid}
    return child


def process_says(child):
    assert (child.exitcode, child.is_alive(), child.code, child.name) == (3, False, 3, "child")
    assert child.more == {"of its own": child.pid} and "stopped exitcode=3" in repr(child)
    child.join()
    child.close()


def closed_process():
    child = process()
    child.close()
    return child


def closed_process_says(child):
    with pytest.raises(ValueError, match="process object is closed"):
        child.join()


def queue():
    closed = multiprocessing.Queue(3)
    closed.close()
    closed.join_thread()
    return closed


def queue_says(closed):
    with pytest.raises(ValueError, match="is closed"):
        closed.put(1)


def closed_socket():
    closed = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    closed.close()
    return closed


def socket_says(closed):
    assert (closed.family, closed.type) == (socket.AF_UNIX, socket.SOCK_DGRAM)
    assert closed.fileno() == -1
    with pytest.raises(OSError, match="Bad file descriptor"):
        closed.send(b"1")


def database():
    connection = sqlite3.connect(":memory:")
    cursor = connection.cursor()
    connection.close()
    return connection, cursor


def database_says(both):
    for one in both:
        with pytest.raises(sqlite3.ProgrammingError, match="closed database"):
            one.execute("select 1")


def selector():
    closed = selectors.DefaultSelector()
    closed.close()
    return closed


def selector_says(closed):
    assert type(closed) is selectors.DefaultSelector and closed.get_map() is None


def runner():
    async def nothing():
        return 3
    with asyncio.Runner() as closed:
        assert closed.run(nothing()) == 3
    return closed


def runner_says(closed):
    with pytest.raises(RuntimeError, match="Runner is closed"):
        closed.get_loop()


def local():
    own = threading.local()
    own.values = [1, 2]
    own.me = own
    return own


def local_says(own):
    assert own.values == [1, 2] and own.me is own
    thread = threading.Thread(target=lambda: setattr(own, "values", 3))
    thread.start()
    thread.join()
    assert own.values == [1, 2]


WAYS = {
    "ThreadPoolExecutor": (thread_pool, thread_pool_says),
    "Pool": (pool, pool_says),
    "ThreadPool": (pool_of_threads, pool_says),
    "results of a pool": (results, results_say),
    "Process": (process, process_says),
    "closed Process": (closed_process, closed_process_says),
    "multiprocessing.Queue": (queue, queue_says),
    "socket": (closed_socket, socket_says),
    "sqlite3": (database, database_says),
    "selector": (selector, selector_says),
    "asyncio.Runner": (runner, runner_says),
    "threading.local": (local, local_says),
}

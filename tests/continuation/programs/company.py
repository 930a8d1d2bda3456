"""A report that lets others work for it: pools, executors, tasks, threads, programs. Between two
rounds all of them are over, and their names are still there, as scripts leave them."""
import asyncio
import concurrent.futures
import multiprocessing
import multiprocessing.pool
import queue
import socket
import sqlite3
import subprocess
import sys
import threading


def square(x):
    return x * x


def spin(count):
    total = 0
    for i in range(count):
        total = (total * 31 + i) % 1000003
    return total


async def double(x):
    await asyncio.sleep(0)
    return 2 * x


async def doubles(values):
    return await asyncio.gather(*(double(value) for value in values))


class Summer(threading.Thread):
    def __init__(self, values):
        super().__init__(name="summer")
        self.values, self.result = values, None

    def run(self):
        self.result = sum(self.values)


def main():
    results = []
    own = threading.local()
    own.rounds = 0
    for step in range(4):
        values = list(range(step, step + 20))
        with concurrent.futures.ThreadPoolExecutor(3) as pool:
            future = pool.submit(square, step)
            results.append(sum(pool.map(square, values)) + future.result())
        if step == 0:
            with multiprocessing.Pool(2) as workers:
                later = workers.map_async(square, values)
                results.append(sum(later.get()))
            with concurrent.futures.ProcessPoolExecutor(2) as processes:
                results.append(sum(processes.map(square, values)))
            child = multiprocessing.Process(target=square, args=(3,))
            child.start()
            child.join()
        with multiprocessing.pool.ThreadPool(2) as threads:
            results.append(sum(threads.map(square, values)))
        results.append(asyncio.run(doubles(values)))
        summer = Summer(values)
        summer.start()
        summer.join()
        results.append(summer.result)
        program = subprocess.Popen([sys.executable, "-S", "-c", f"print({step} * 7)"],
                                   stdout=subprocess.PIPE, text=True)
        results.append(program.communicate()[0].strip())
        connection = sqlite3.connect(":memory:")
        cursor = connection.cursor()
        cursor.execute("create table numbers (n integer)")
        cursor.executemany("insert into numbers values (?)", [(value,) for value in values])
        results.append(cursor.execute("select sum(n), count(*) from numbers").fetchone())
        connection.close()
        left, right = socket.socketpair()
        left.sendall(b"%d" % step)
        results.append(right.recv(10))
        left.close()
        right.close()
        waiting = queue.Queue()
        waiting.put(step)
        own.rounds += waiting.get()
        for part in range(8):
            results.append(spin(150000))
        print(step, results[-20:], program.returncode, child.exitcode, child.is_alive(),
              summer.is_alive(), future.result(), own.rounds, flush=True)
    for ended in (lambda: pool.submit(square, 1), lambda: workers.map(square, [1]),
                  lambda: cursor.execute("select 1"), lambda: left.send(b"1")):
        try:
            print("goes on", ended())
        except Exception as error:
            print(type(error).__name__, error)
    print(later.get()[:3], program.wait(), "stopped exitcode=0" in repr(child))


if __name__ == "__main__":
    main()

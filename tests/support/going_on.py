"""Every save of a program, continued: in forked children that never return to the old frames.

A case is a function without arguments. `run(case)` runs it once to its end. At each save a child is
forked, captures its frames, writes and reads them as a stream, and goes on with what was read, in a
thread of its own; what it returns and logs must be what the program does that was never
interrupted. Then one child goes on in this way at every save in turn.
"""
import os
import signal
import sys
import threading
import traceback

from resume import _core

ROOT = CALLER = None
COUNT = 0
AT = None  # the number of the save at which to go on, or "each"
CHILDREN = []
REFUSED = []
LOG = []
SIZES = []  # of the streams, at each save


def log(*values):
    LOG.append(" ".join(map(str, values)))


def save():
    global COUNT
    COUNT += 1
    if AT == "all" or AT == "each" or AT == COUNT:
        found = _core._capture_record(ROOT, True, CALLER)
        if found is True:
            pass  # goes on here
        elif isinstance(found, str):
            REFUSED.append((COUNT, found))
        elif AT == "all":
            fork(found)
        else:
            go_on(found)
    return True


def go_on(found):
    """Never returns."""
    record, generators = found
    stream = _core._encode_exact(record, generators)[0]
    SIZES.append(len(stream))
    found = record = generators = None
    list_of_one = [_core._decode(stream, [], mine=True)[0]]
    end = []

    def call():
        global CALLER
        CALLER = sys._getframe()
        try:
            end.append(("gives", repr(_core._reenter(list_of_one))))
        except BaseException as error:
            end.append(("raises", "".join(traceback.format_exception(error))))
    thread = threading.Thread(target=call)
    thread.start()
    thread.join()
    leave(end[0])


def leave(end):
    data = repr((end, LOG, COUNT, REFUSED, SIZES)).encode()
    with os.fdopen(PIPE, "wb") as pipe:
        pipe.write(data)
    os._exit(0)


def fork(found):
    global AT, PIPE
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        AT, PIPE = 0, write
        REFUSED.clear()
        try:
            go_on(found)
        except BaseException:
            leave(("raises", traceback.format_exc()))
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        data = pipe.read()
    status = os.waitpid(child, 0)[1]
    CHILDREN.append((COUNT, status, data.decode()))


def call(case):
    """In a thread, as those that go on."""
    end = []

    def body():
        global CALLER
        CALLER = sys._getframe()
        try:
            end.append(("gives", repr(case())))
        except BaseException as error:
            end.append(("raises", "".join(traceback.format_exception(error))))
    thread = threading.Thread(target=body)
    thread.start()
    thread.join()
    return end[0]


class Outcome:
    """What went wrong, what was refused, and how much was tried."""
    def __init__(self):
        self.wrong = []
        self.refused = []
        self.saves = self.hops = 0

    def compare(self, where, wanted, status, data):
        if status or not data:
            self.wrong.append((where, "died", status, data))
            return
        end, logged, count, refused, sizes = eval(data)
        self.refused += refused
        self.hops += len(sizes)
        if (end, logged, count) != wanted:
            self.wrong.append((where, (end, logged, count), wanted))


def start(case, at):
    global ROOT, COUNT, AT
    ROOT, COUNT, AT = case.__code__, 0, at
    LOG.clear()
    CHILDREN.clear()
    REFUSED.clear()
    SIZES.clear()


def run(case):
    global PIPE
    outcome = Outcome()
    start(case, "all")
    end = call(case)
    wanted = (end, list(LOG), COUNT)
    outcome.saves = COUNT
    outcome.refused += REFUSED
    for number, status, data in CHILDREN:
        outcome.compare(number, wanted, status, data)
    read, PIPE = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        start(case, "each")
        leave(call(case))
    os.close(PIPE)
    with os.fdopen(read, "rb") as pipe:
        data = pipe.read()
    outcome.compare("each", wanted, os.waitpid(child, 0)[1], data.decode())
    return outcome


def stop(number, frame):
    """Of a signal: goes on from here when that can be done, else a little later."""
    found = _core._capture_record(ROOT, None, CALLER, frame)
    if isinstance(found, str):
        REFUSED.append((COUNT, found))
        signal.setitimer(signal.ITIMER_REAL, 50e-6)
    else:
        go_on(found)


def run_stopped(case, delays):
    """The case once to its end, and once for each delay (seconds), stopped after it."""
    global PIPE, CALLER
    outcome = Outcome()
    start(case, 0)
    wanted = (call(case), list(LOG), COUNT)
    for delay in delays:
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(read)
            PIPE = write
            start(case, 0)
            signal.signal(signal.SIGALRM, stop)
            CALLER = sys._getframe()
            signal.setitimer(signal.ITIMER_REAL, delay)
            try:
                end = ("gives", repr(case()))
            except BaseException:
                end = ("raises", traceback.format_exc())
            signal.setitimer(signal.ITIMER_REAL, 0)
            leave(end)
        os.close(write)
        with os.fdopen(read, "rb") as pipe:
            data = pipe.read()
        outcome.compare(delay, wanted, os.waitpid(child, 0)[1], data.decode())
    return outcome

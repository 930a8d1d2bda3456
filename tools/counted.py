"""Runs a program with its iterations counted: counted.py COUNTER PROGRAM [ARGUMENT]...

An iteration is one call of `sync()`. The counts are kept in a file that is mapped shared, so that
they survive SIGKILL of this process and tell exactly how far it came:

    word 0  iterations executed by this process
    word 1  nanoseconds spent in calls that saved
    word 2  saves

The program itself is not changed: it runs as `__main__`, with `Checkpoint` replaced by a subclass
that counts. tools/demo.py starts it.
"""

import mmap
import runpy
import sys
import time

import resume

with open(sys.argv[1], "r+b") as file:
    counts = memoryview(mmap.mmap(file.fileno(), 4096)).cast("Q")


class CountedCheckpoint(resume.Checkpoint):
    def sync(self):
        counts[0] += 1
        return self._timed(super().sync)

    def save(self, **extra):
        return self._timed(super().save, **extra)

    def loop(self, items):
        inner = iter(super().loop(items))
        while True:  # a save that is due in the loop's body is made between two items
            try:
                item = self._timed(inner.__next__)
            except StopIteration:
                return
            yield item

    def _timed(self, call, **arguments):
        saved, start = self.modified, time.perf_counter_ns()
        try:
            return call(**arguments)
        finally:
            if self.modified != saved:
                counts[1] += time.perf_counter_ns() - start
                counts[2] += 1


resume.Checkpoint = CountedCheckpoint
del sys.argv[:2]
runpy.run_path(sys.argv[0], run_name="__main__")

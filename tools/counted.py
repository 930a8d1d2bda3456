"""Runs a program with its iterations counted: counted.py COUNTER PROGRAM [ARGUMENT]...

An iteration is one call of `sync()`. The count, one word, is kept in a file that is mapped shared,
so that it survives SIGKILL of this process and tells exactly how far it came.

The program itself is not changed: it runs as `__main__`, with `Checkpoint` replaced by a subclass
that counts. tools/demo.py starts it.
"""

import mmap
import runpy
import sys

import resume

with open(sys.argv[1], "r+b") as file:
    counts = memoryview(mmap.mmap(file.fileno(), 4096)).cast("Q")


class CountedCheckpoint(resume.Checkpoint):
    def sync(self):
        counts[0] += 1
        return super().sync()


resume.Checkpoint = CountedCheckpoint
del sys.argv[:2]
runpy.run_path(sys.argv[0], run_name="__main__")

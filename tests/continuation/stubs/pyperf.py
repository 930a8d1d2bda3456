"""Stands in for pyperf, so that a benchmark's own script runs its work once and prints the result.

Only what the scripts of pyperformance use. What measures time prints nothing but its name.
"""
import argparse
import hashlib
import time

perf_counter = time.perf_counter


def _shown(value):
    text = repr(value)
    if " at 0x" in text:
        text = type(value).__name__
    return hashlib.sha256(text.encode()).hexdigest()[:16], len(text)


class Runner:
    def __init__(self, add_cmdline_args=None, loops=1, **options):
        self.metadata = {}
        self.loops = loops
        self.argparser = argparse.ArgumentParser()
        self.argparser.add_argument("--repeat", type=int, default=1)

    def parse_args(self):
        self.args = self.argparser.parse_args()
        return self.args

    def _repeats(self):
        if not hasattr(self, "args"):
            self.parse_args()
        return range(self.args.repeat)

    def bench_func(self, name, function, *arguments):
        for turn in self._repeats():
            print(name, turn, *_shown(function(*arguments)))

    def bench_time_func(self, name, function, *arguments):
        for turn in self._repeats():
            function(1, *arguments)
            print(name, turn, "done")

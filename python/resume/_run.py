# What `resume run` starts: makes way for the program, in whose namespace this runs, and calls it.
import sys

if not sys.flags.safe_path:
    del sys.path[0]  # the folder of this file
from resume._script import prepare

prepare()()

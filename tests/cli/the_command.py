"""The command, and looks at its output and files. (Not in conftest.py: every folder has one.)"""
import os
import pathlib
import re
import shutil

COMMAND = os.environ.get("RESUME_COMMAND") or shutil.which("resume")
EXIT_CODES = {0, 1, 2, 3, 4, 5, 6, 7, 8}


def contents(folder):
    """All files in the folder of checkpoints but locks, by name."""
    return {path.name: path.read_bytes() for path in pathlib.Path(folder).iterdir()
            if path.suffix != ".lock"}


def flip(path, offset):
    data = bytearray(path.read_bytes())
    data[offset] ^= 0x10
    path.write_bytes(data)


def masked(text):
    """Without what differs from run to run."""
    for pattern, word in ((r"\d+ s ago", "AGO"), (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "TIME")):
        text = re.sub(pattern, word, text)
    return text

"""Programs that spend their time in C code: the interpreter looks for signals where that ends, each
time in the same place, and in that place nothing can be saved."""
import re
import sys

import pytest
from killed_script import PROTECTED, saves, start

ROUNDS = """
import time
def main():
    total = 0
    for number in range(30):
        work(number)
        total += number
    print(total)
"""

PLACES = {
    "called_from_c": """
def slow(number):
    time.sleep(0.04)
    return -number
def work(number):
    return max([number], key=slow)
""",
    "code_made_meanwhile": """
from dataclasses import dataclass, field
from functools import partial
@dataclass
class Made:
    value: object = field(default_factory=partial(time.sleep, 0.04))
def work(number):
    Made()
""",
    "code_made_and_called_from_it": """
from dataclasses import dataclass, field
def wait():
    time.sleep(0.04)
@dataclass
class Made:
    value: object = field(default_factory=wait)
def work(number):
    Made()
""",
    "value_that_can_not_be_saved": """
import socket
def work(number):
    with socket.socket() as connection:
        time.sleep(0.02)
        for again in range(3):
            time.sleep(0.01)
""",
    "value_of_the_root": """
import socket
def work(number):
    global connection
    connection = socket.socket()
    time.sleep(0.04)
    connection.close()
    connection = None
""",
    "threads": """
import concurrent.futures
def work(number):
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        list(pool.map(time.sleep, [0.02, 0.04, 0.03]))
""",
    "deep_below_it": """
def below(depth):
    if depth == 0:
        time.sleep(0.04)
    elif depth == 20:
        return max([depth], key=lambda depth: below(depth - 1))
    else:
        below(depth - 1)
    return depth
def work(number):
    below(40)
""",
    "many_calls_behind_it": """
def step(number):
    return number + 1
def slow(number):
    time.sleep(0.04)
    for again in range(100):
        number = step(number)
    return number
def work(number):
    return max([number], key=slow)
""",
}


@pytest.mark.parametrize("place", sorted(PLACES))
def test_places__one_behind_is_found(tmp_path, monkeypatch, place):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "script.py").write_text(ROUNDS + PLACES[place] + "main()\n")
    output, errors = start(*PROTECTED).communicate(timeout=120)
    assert (output, errors) == ("435\n", "")
    assert saves() >= 10, f"{sys.version_info}: {saves()} saves in 30 rounds of 0.04 s"


def test_places__none_is_found_and_that_is_told(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    work = "import socket\nconnection = socket.socket()\ndef work(number): time.sleep(0.06)\n"
    (tmp_path / "script.py").write_text(ROUNDS + work + "main()\n")
    output, errors = start(*PROTECTED).communicate(timeout=120)
    assert output == "435\n"
    assert re.search("at its end nothing could be saved for [1-9] s", errors)
    assert "the program's variable connection" in errors

"""Classes are not saved while a function of their library is just making them: how they are made
again would be all of it, and the function that goes on would do the rest once more."""
import os
import subprocess
import sys

PROGRAM = """
import dataclasses, os
import resume
usual = dataclasses._set_new_attribute
def between(cls, name, value):
    resume.save()
    return usual(cls, name, value)
@resume.resumable
def main():
    dataclasses._set_new_attribute = between
    @dataclasses.dataclass(order=True)
    class Point:
        x: int
    dataclasses._set_new_attribute = usual
    resume.save()
    if "STOP" in os.environ:
        os._exit(9)
    return Point(1) < Point(2)
print(main())
"""


def run(folder, **variables):
    return subprocess.run([sys.executable, "script.py"], cwd=folder, capture_output=True, text=True,
                          env=os.environ | variables)


def test_classes_begun__of_dataclass_are_refused(tmp_path):
    (tmp_path / "script.py").write_text(PROGRAM)
    first = run(tmp_path, STOP="1")
    assert first.returncode == 9, first.stderr
    assert "its library is just making it: save when it is made" in first.stderr
    second = run(tmp_path)
    assert (second.stdout, second.returncode) == ("True\n", 0), second.stderr

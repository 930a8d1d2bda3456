"""What each save of a function captures, in the same process."""
import contextlib

from resume import _core

seen = []


def save():
    found = _core._capture(seen[0], 7)
    seen.append(found)
    return True


def captured(function):
    """What each save gave: the frames' (name, mode), the root's first, without save() itself; or
    the reason."""
    seen[:] = [function.__code__]
    with contextlib.suppress(Expected):
        function()
    found = seen[1:]
    assert found, "nothing was saved"
    return [one if isinstance(one, str) else
            [(frame["code"].co_name, frame["mode"]) for frame in one
             if frame["code"] is not save.__code__] for one in found]


class Expected(Exception):
    pass

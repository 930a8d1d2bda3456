"""What all tests share: a key of their own, names by which each process of a run knows them."""
import atexit
import os
import re
import shutil
import signal
import tempfile

import pytest

# none makes or reads that of the user
data = tempfile.mkdtemp(prefix="resume-tests-")
atexit.register(shutil.rmtree, data, ignore_errors=True)
os.environ["XDG_DATA_HOME"] = data
os.environ.pop("RESUME_KEY_FILE", None)


# under nohup a hangup is ignored; programs start with the default of what is caught here
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, lambda number, frame: None)

# a background job of a shell ignores these, and so would every program that the tests start
for number in (signal.SIGINT, signal.SIGQUIT):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT
                      else signal.SIG_DFL)


def steady(name):
    """The same, but nothing (pytest numbers it) where the name shows an address or a set: these
    differ between the processes of pytest-xdist, which must know each test by one name."""
    def shown(value):
        text = name(value)
        return None if text is None or re.search(" at 0x|[{]", str(text)) else text
    return shown


@pytest.hookimpl(tryfirst=True)
def pytest_generate_tests(metafunc):
    parametrize = metafunc.parametrize

    def parametrize_steadily(*arguments, ids=None, **options):
        parametrize(*arguments, ids=steady(ids) if callable(ids) else ids, **options)
    metafunc.parametrize = parametrize_steadily

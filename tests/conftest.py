"""What all tests share: names by which every process of a run knows them."""
import re

import pytest


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

"""A value through the object stream and back, in memory."""
from resume import _core


def back(value, mine=True, **options):
    stream, blobs, notes = _core._encode(value)
    assert notes == []
    value, notes = _core._decode(stream, blobs, mine=mine, **options)
    assert notes == []
    return value

"""Arrays over memory of the library's own."""
from ._core import _memory


def empty(shape, dtype=float, order="C"):
    """A numpy array in whole pages of memory, huge ones where the system has them.

    Its values are zero. Restored quickly into, and told apart to the page by
    Checkpoint(track=True).
    """
    import numpy

    dtype = numpy.dtype(dtype)
    if dtype.hasobject:
        raise TypeError("an array of objects has no memory of its own: use numpy.empty()")
    try:
        shape = tuple(shape)
    except TypeError:
        shape = (shape,)
    size = dtype.itemsize
    for count in shape:
        size *= int(count)
    return numpy.ndarray(shape, dtype, _memory(size), order=order)

"""Syntax of Python 3.14 and later."""
import annotationlib
import sys

from resume import sync as save

from . import case, log


@case
def template_strings():
    a = 3
    t = t"x{a!r:>4}y{save()}z{a + 1}"
    save()
    return (t.strings, [i.value for i in t.interpolations],
            [i.format_spec for i in t.interpolations])


@case
def except_without_brackets():
    out = []
    for kind in (ValueError, KeyError, IndexError):
        try:
            save()
            raise kind("m")
        except ValueError, KeyError:
            save()
            out.append(repr(sys.exception()))
        except IndexError as e:
            save()
            out.append(e.args)
            save()
        finally:
            save()
            log("f", kind.__name__)
    return out


@case
def annotations_that_are_late():
    def f(x: Undefined, y: 1 + len("ab")) -> int:  # noqa: F821
        save()
        return x + y
    r = f(1, 2)
    return r, f(3, 4), annotationlib.get_annotations(f, format=annotationlib.Format.STRING)

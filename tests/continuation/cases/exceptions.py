"""try, except, finally and with: exceptions in flight, handlers in progress."""
import contextlib
import sys
import traceback

from resume import sync as save

from . import case, log


class Manager:
    def __init__(self, name):
        self.name = name
        self.n = 0

    def __enter__(self):
        log("enter", self.name)
        return self

    def __exit__(self, kind, value, trace):
        self.n += 1
        log("exit", self.name, self.n, kind and kind.__name__)
        return kind is KeyError


@case
def with_blocks():
    out = []
    with Manager("a") as a, Manager("b") as b:
        for i in range(2):
            save()
            out.append(i)
            log(i)
    with Manager("c"):
        save()
        raise KeyError("swallowed")
    try:
        with Manager("d"):
            save()
            raise ValueError("x")
    except ValueError as e:
        save()
        out.append(str(e))
    return out, a.n, b.n


def perhaps_without_a_value(error):
    """Behind the block the compiler looks once whether `found` has a value, and not again."""
    try:
        with contextlib.suppress(KeyError):
            save()
            if error:
                raise error("x")
            found = [save() or 1]
    except ValueError:
        save()
    if found:
        found[-1] += 1
    return found, len(found)


@case
def variables_that_may_have_no_value():
    out = []
    for error in (None, ValueError, KeyError):
        try:
            out.append(perhaps_without_a_value(error))
        except UnboundLocalError as e:
            save()
            out.append(type(e).__name__)
    return out


@contextlib.contextmanager
def by_generator(name):
    log("in", name)
    try:
        yield name
    except KeyError:
        log("caught by", name)
    finally:
        log("out", name)


@case
def contextmanager():
    with by_generator("g1") as x:
        save()
        log("body", x)
    with by_generator("g2"):
        save()
        raise KeyError(1)
    return "ok"


@case
def exit_stack():
    with contextlib.ExitStack() as stack:
        a = stack.enter_context(Manager("a"))
        save()
        stack.enter_context(by_generator("b"))
        stack.callback(log, "callback")
        save()
    return a.n


@case
def handlers():
    out = []
    for k in range(2):
        try:
            save()
            out.append("try")
            raise ValueError(k)
        except ValueError as e:
            save()
            out.append(("exc", str(e), sys.exc_info()[0].__name__))
            try:
                raise TypeError("inner")
            except TypeError as e2:
                save()
                out.append((repr(e2), repr(e2.__context__)))
            save()
            out.append(sys.exc_info()[0].__name__)
        else:
            out.append("else")
        finally:
            save()
            out.append(("finally", sys.exc_info()[0]))
    try:
        pass
    except ValueError:
        pass
    else:
        save()
        out.append("else")
    return out


@case
def raised_again():
    def h():
        try:
            raise ValueError("orig")
        except ValueError:
            save()
            log("again")
            raise
        finally:
            save()
            log("finally", sys.exc_info()[0].__name__ if sys.exc_info()[0] else None)
    try:
        h()
    except ValueError as e:
        save()
        return "got", e.args


@case
def return_through_finally():
    def h():
        for i in range(3):
            try:
                if i == 1:
                    return i, save(), "returned"
            finally:
                save()
                log("finally", i)
    return h()


def deep(n):
    save()
    if n == 2:
        raise LookupError("deep %d" % n)
    save()
    return n


@case
def raised_by_a_callee():
    out = []
    for n in range(4):
        try:
            out.append(100 + deep(n))
        except LookupError as e:
            save()
            out.append(str(e))
        finally:
            log("f", n)
    return out


@case
def groups():
    out = []
    try:
        raise ExceptionGroup("g", [ValueError(1), TypeError(2)])
    except* ValueError as e:
        save()
        out.append(len(e.exceptions))
    except* TypeError:
        save()
        out.append("T")
    return out


@case
def tracebacks():
    def inner():
        save()
        return 1 / 0

    def mid():
        x = inner()
        return x
    try:
        mid()
    except ZeroDivisionError as e:
        save()
        return [(f.name, f.lineno, f.line) for f in traceback.extract_tb(e.__traceback__)]


@case
def frames_as_they_were():
    def who():
        save()
        frame, out = sys._getframe(), []
        while frame.f_code.co_name != "frames_as_they_were":
            out.append((frame.f_code.co_name, frame.f_lineno))
            frame = frame.f_back
        out.append((frame.f_code.co_name, frame.f_lineno))
        return out

    def outer():
        return [who()]
    return outer()


@case
def deep_chain_of_exceptions():
    def f(n):
        try:
            if n == 0:
                save()
                raise ValueError("deep")
            return f(n - 1)
        except ValueError as e:
            save()
            log("handler", n, str(e), str(e.__context__))
            if n < 3:
                raise KeyError(n) from e
            raise
        finally:
            save()
            log("finally", n, str(sys.exc_info()[1]))
    try:
        f(4)
    except Exception as e:
        save()
        return repr(e), repr(e.__cause__), repr(e.__context__)


class Saving:
    """Saves in __enter__ and __exit__."""

    def __init__(self, suppress=False):
        self.suppress = suppress
        self.n = 0

    def __enter__(self):
        save()
        self.n += 1
        save()
        return self

    def __exit__(self, kind, value, trace):
        save()
        self.n += 10
        save()
        log("exit", self.n, str(value))
        return self.suppress


@case
def saves_in_enter_and_exit():
    with Saving() as a:
        x = a.n
    with Saving() as b, Saving() as c:
        y = b.n + c.n
        save()
    return a.n, x, b.n, c.n, y


def relative():
    frame = sys._getframe(2)
    return frame.f_code.co_name, frame.f_lineno - frame.f_code.co_firstlineno


def lines(error):
    return error and [(x.name, x.lineno) for x in traceback.extract_tb(error.__traceback__)]


class Watching:
    def __init__(self, suppress, n):
        self.suppress = suppress
        self.n = n

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        log("exit", self.n, str(value), relative(), lines(value))
        save()
        log("exit 2", self.n, str(sys.exc_info()[1]), relative(), lines(value))
        save()
        return self.suppress


@case
def saves_in_exit_with_an_exception():
    out = []
    for i in range(2):
        try:
            with Watching(False, 1):
                with Watching(i == 1, 2), Watching(False, 3):
                    save()
                    raise ValueError(i)
                out.append("suppressed")
                save()
        except ValueError as e:
            save()
            out.append((str(e), str(e.__context__), lines(e), sys._getframe().f_lineno))
        finally:
            out.append(str(sys.exc_info()[1]))
    with contextlib.suppress(KeyError):
        with Watching(False, 4):
            save()
            {}["k"]
    return out


class Raising(Watching):
    def __exit__(self, kind, value, trace):
        try:
            save()
            raise KeyError(self.n)
        finally:
            save()


@case
def raises_in_exit():
    try:
        with Raising(False, 5):
            raise ValueError("a")
    except KeyError as e:
        save()
        return (repr(e), repr(e.__context__), sys.exc_info()[1] is e, lines(e),
                lines(e.__context__))


@case
def returns_out_of_with():
    def f(k):
        for i in range(3):
            with Watching(True, i):
                if i == k:
                    return "returned", i
                raise IndexError(i)
            save()
        return None
    return f(2), f(5)


@case
def error_with_notes_and_cause():
    out = []
    try:
        try:
            raise OSError(2, "gone", "file")
        except OSError as first:
            first.add_note("a note")
            save()
            raise RuntimeError("second") from first
    except RuntimeError as error:
        save()
        cause = error.__cause__
        out.append((cause.errno, cause.strerror, cause.filename, cause.__notes__,
                    error.__suppress_context__, cause is error.__context__, lines(cause)))
    return out


@case
def kept_exceptions():
    kept = []
    for i in range(3):
        try:
            deep(2) if i else [].pop()
        except (IndexError, LookupError) as error:
            kept.append(error)
        save()
    return [(type(e).__name__, e.args, lines(e)) for e in kept]


@case
def assertion_in_a_loop():
    caught = 0
    for i in range(4):
        try:
            assert i % 2, f"even {i}"
            save()
        except AssertionError as error:
            save()
            caught += len(str(error))
            continue
        log("odd", i)
    return caught

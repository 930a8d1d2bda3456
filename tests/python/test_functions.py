"""Functions that no import leads to: by the way to their live code, with cells and attributes."""
import functools
import struct
import types

import pytest
from encoded import back
from resume import Opaque, _core

NEGATE = lambda x: -x  # noqa: E731
TABLE = {"double": lambda x: 2 * x, "triple": lambda x: 3 * x}


def refusal(value):
    with pytest.raises(TypeError) as raised:
        _core._encode(value)
    return str(raised.value)


def at_top():
    pass


def counters(start):
    count = start

    def add(step=1, *, times=1):
        "Counts."
        nonlocal count
        count += step * times
        return count

    def get():
        return count
    return add, get


def wrapped(function):
    @functools.wraps(function)
    def wrapper(*args):
        return function(*args)
    return wrapper


@wrapped
def decorated():
    def inner(x):
        return x + 1
    return inner


class Bound:
    def __init__(self):
        self.seen = []

    def method(self, value):
        self.seen.append(value)
        return self

    @classmethod
    def of_class(cls):
        return cls

    def __hidden(self):
        return "hidden"

    def hidden(self):
        return self.__hidden


def test_function__of_a_module_is_the_same_object():
    assert back(at_top) is at_top
    assert back(Bound.method) is Bound.method


def test_lambda__of_a_module_is_made_of_its_live_code():
    value = back([NEGATE, TABLE])
    assert value[0](3) == -3 and value[0].__code__ is NEGATE.__code__
    assert [function(5) for function in value[1].values()] == [10, 15]


def test_closure__shares_its_cells_and_not_those_of_the_old_one():
    add, get = old = counters(5)
    new_add, new_get = back(old)
    assert new_add() == 6 and new_add(2, times=2) == 10 and new_get() == 10
    assert get() == 5 and new_add.__closure__[0] is new_get.__closure__[0]
    assert (new_add.__name__, new_add.__qualname__) == ("add", "counters.<locals>.add")
    assert new_add.__doc__ == "Counts." and new_add.__module__ == __name__


def test_function__keeps_its_attributes():
    def function(a, b=[1], *, c={"d": 2}) -> "int":
        return a, b, c
    function.mark = [function.__defaults__[0]]
    function.__doc__, function.__name__ = "other", "renamed"
    new = back(function)
    assert new(0) == (0, [1], {"d": 2}) and new.mark[0] is new.__defaults__[0]
    assert new.mark[0] is not function.mark[0]
    assert (new.__doc__, new.__name__, new.__annotations__) == ("other", "renamed",
                                                                {"return": "int"})


def test_function__that_knows_itself():
    def factorial(n):
        return 1 if n < 2 else n * factorial(n - 1)
    new = back(factorial)
    assert new(6) == 720 and new.__closure__[0].cell_contents is new


def test_function__with_an_empty_cell():
    def outer():
        def function():
            return later
        if not function:
            later = 1
        return function
    with pytest.raises(NameError):
        back(outer())()


def test_lambdas__of_one_function_keep_apart():
    functions = [lambda x: x + 1, lambda x: x + 2, lambda x: x + 1]
    new = back(functions)
    assert [function(0) for function in new] == [1, 2, 1]
    assert [function.__code__ for function in new] == [function.__code__ for function in functions]


def test_lambdas__of_one_loop_share_their_code_in_the_stream():
    many = [lambda x, i=i: x + i for i in range(1000)]
    stream, blobs, _ = _core._encode(many)
    assert len(stream) < 40 * len(many)
    new = _core._decode(stream, blobs, mine=True)[0]
    assert [function(1) for function in new] == list(range(1, 1001))


def test_function__in_a_decorated_function_and_the_wrapper_itself():
    assert back(decorated())(4) == 5
    assert back(decorated) is decorated
    local = wrapped(lambda x: x * 2)
    assert back(local)(4) == 8


def test_partial__of_a_lambda():
    assert back(functools.partial(lambda x, y: (x, y), 1))(2) == (1, 2)


def test_generator_and_coroutine_functions():
    def generate(n):
        yield from range(n)

    async def wait():
        return 1
    assert list(back(generate)(3)) == [0, 1, 2]
    coroutine = back(wait)()
    with pytest.raises(StopIteration):
        coroutine.send(None)


def test_method__is_bound_to_the_object_that_comes_back():
    value = Bound()
    value.callback = value.method
    new = back(value)
    assert new.callback(1) is new and new.seen == [1] and value.seen == []
    assert new.callback.__func__ is Bound.method


def test_method__that_its_object_holds_comes_first():
    value = Bound()
    method = value.callback = value.method
    new = back([method, value])
    assert new[0] is new[1].callback and new[0].__self__ is new[1]


def test_methods__of_classes_of_private_names_and_made_by_hand():
    assert back(Bound.of_class)() is Bound
    assert back(Bound().hidden())() == "hidden"
    assert back(types.MethodType(lambda self: [self], 5))() == [5]
    assert back([1, 2].append).__self__ == [1, 2]


def test_code_made_at_run_time__is_refused():
    made = eval("lambda: 1")
    assert "value['f'] (function): its code was made while the program ran" in refusal({"f": made})
    names = {"__name__": "nowhere"}
    exec("def f(): pass", names)
    assert "made while the program ran" in refusal(names["f"])


def test_refusal__names_the_cell():
    lock = __import__("threading").Lock()

    def function():
        return lock
    assert refusal([function]).startswith("value[0].__closure__[0].cell_contents (_thread.lock): ")


def test_not_mine__is_opaque_and_stays_it():
    add, _ = counters(1)
    value = back([add, Bound().method], mine=False)
    assert [type(item) for item in value] == [Opaque, Opaque]
    assert value[0].type == f"{__name__}.counters.<locals>.add"
    assert value[0].state["kwdefaults"] == {"times": 1}
    again = back(value)
    assert [type(item) for item in again] == [Opaque, Opaque]
    assert again[0].type == value[0].type and again[0].state["code"] == value[0].state["code"]


def test_trusted_by_name__is_made():
    add, _ = counters(1)
    new = back(add, mine=False, trusted=frozenset({f"{__name__}.counters.<locals>.add"}))
    assert new() == 2


def test_digest__knows_code_defaults_and_cells():
    def function(n, k=1):
        return lambda: (n, k)
    digest = _core._digest
    assert digest(function(1)) == digest(function(1)) != digest(function(2))
    assert digest(lambda: 1) == digest(lambda: 1) != digest(lambda: 2)
    assert digest(at_top) == digest(at_top) is not None


@functools.lru_cache(maxsize=10)
def cached_at_top(x):
    return x


def test_lru_cache__of_a_local_function_comes_back_empty():
    assert back(cached_at_top) is cached_at_top

    @functools.lru_cache(maxsize=7, typed=True)
    def cached(n, seen=[]):
        seen.append(n)
        return len(seen)
    assert cached(10) == 1
    new = back(cached)
    assert new.cache_info().currsize == 0 and [new(10), new(11), new(10)] == [2, 3, 2]
    assert new.cache_parameters() == {"maxsize": 7, "typed": True} and cached(11) == 2

    @functools.lru_cache
    def fibonacci(n):
        return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)
    assert "what it is made of holds the object itself" in refusal(fibonacci)


def of_another_python(function, shape=None):
    """The stream as a later Python would have written it."""
    stream, blobs, _ = _core._encode(function)
    path = _core._decode(stream, blobs)[0].state["code"]
    version = struct.pack(">H", path[4])
    assert stream.count(path[3]) == 1 and stream.count(b"\x19" + version) == 1
    stream = stream.replace(path[3], bytes(16)).replace(b"\x19" + version, b"\x19\x03\x63")
    return stream.replace(path[5], shape or path[5]), blobs


def test_another_python__finds_by_name_place_and_parameters():
    functions = [lambda x: x + 1, lambda x: x + 2]
    new, notes = _core._decode(*of_another_python(functions[1]), mine=True)
    assert new(1) == 3 and len(notes) == 1 and "by another Python" in notes[0]
    new, notes = _core._decode(*of_another_python(functions[1], shape=bytes(16)), mine=True)
    assert isinstance(new, Opaque) and notes == []


def test_a_copied_function_in_the_closure_that_both_share():
    def keeper(value):
        return lambda: value
    kept = []
    first = keeper(kept)
    second = types.FunctionType(first.__code__, first.__globals__, "second", None,
                                first.__closure__)
    kept.append(second)
    again, other = _core._decode(*_core._encode([first, second])[:2], mine=True)[0]
    assert again()[0] is other and other()[0] is other
    assert again.__closure__[0] is other.__closure__[0]

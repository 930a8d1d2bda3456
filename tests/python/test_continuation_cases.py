"""Programs that save in the nastiest places go on at every save, and at each in turn."""
import importlib.util
import sys

import continuation_cases
import continuation_operators
import going_on
import pytest

# going_on forks in threads
pytestmark = pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")


def names(functions):
    return [pytest.param(one, id=one.__name__[2:]) for one in functions]


def assert_goes_on(case):
    outcome = going_on.run(case)
    assert outcome.saves > 0
    assert outcome.wrong == []
    assert outcome.refused == []
    assert outcome.hops == 2 * outcome.saves


@pytest.mark.parametrize("case", names(continuation_cases.ALL))
def test_goes_on(case):
    assert_goes_on(case)


@pytest.mark.parametrize("case", names(continuation_operators.ALL))
def test_goes_on__called_by_c(case):
    assert_goes_on(case)


@pytest.mark.parametrize("case", names(continuation_operators.SECOND))
def test_goes_on__another_method_is_asked(case):
    """That one is called by C code behind the first: a save in it has to wait."""
    outcome = going_on.run(case)
    assert outcome.wrong == [] and outcome.hops > outcome.saves
    assert all("just being continued" in reason for _, reason in outcome.refused)


@pytest.mark.parametrize("case", names(continuation_operators.REFUSED))
def test_refused(case):
    """The program is not disturbed, and the reason names the line."""
    outcome = going_on.run(case)
    assert outcome.wrong == [] and outcome.hops == 0
    assert len(outcome.refused) == 2 * outcome.saves
    for _, reason in outcome.refused:
        assert reason.startswith("line ") and "continuation_operators" in reason or \
            "eval()" in reason


def generated(folder, lines):
    """A module of its own."""
    path = folder / "generated.py"
    path.write_text("\n".join(["from going_on import save", "def case():", *lines]) + "\n")
    spec = importlib.util.spec_from_file_location("generated", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["generated"] = module
    spec.loader.exec_module(module)
    return module.case


def test_goes_on__long_jumps(tmp_path):
    body = [f"        out.append(i * {n} if i else {n})" for n in range(900)]
    assert_goes_on(generated(tmp_path, [
        "    out = []", "    for i in range(2):", *body, "        save()", "    return sum(out)"]))


def test_goes_on__many_variables(tmp_path):
    body = [f"    v{n} = {n}" for n in range(300)]
    assert_goes_on(generated(tmp_path, [*body, "    for i in range(2): save()",
                                        "    return v299 + i"]))


def test_goes_on__thrown_into_yield_from(tmp_path):
    """The end of the sub-iterator is far behind the yield, or near."""
    body = [f"        out.append({n})" for n in range(200)]
    assert_goes_on(generated(tmp_path, [
        "    out = []",
        "    def ends():", "        try: yield 1", "        except KeyError: return 'caught'",
        "    def near():", "        yield (yield from ends())",
        "    def far():", *body, "        yield (yield from ends())",
        "    for generator in near(), far():",
        "        out.append(next(generator))", "        save()",
        "        out.append(generator.throw(KeyError('x')))", "        save()",
        "        out.append(list(generator))", "    return out"]))


def test_goes_on__after_being_warmed():
    """Specialised byte code is captured as what it was compiled from."""
    for case in (continuation_cases.c_mid_expression, continuation_cases.c_methods,
                 continuation_cases.c_generator, continuation_operators.k_property_called,
                 continuation_operators.k_item):
        going_on.start(case, 0)
        for _ in range(40):
            case()
        assert_goes_on(case)


def test_streams_do_not_grow():
    """A chain of kills leads back to the original code each time."""
    going_on.run(continuation_cases.c_while)
    case = continuation_cases.c_while
    going_on.start(case, "all")
    going_on.call(case)
    sizes = [eval(data)[4][0] for _, _, data in going_on.CHILDREN]
    assert max(sizes) - min(sizes) < 100


def made_behind():
    """Below the function stands what is empty: the place of the object of what is no method."""
    return str((going_on.save(), (lambda value, more=2: value + more)(1)))


def test_goes_on__with_a_function_made_behind_the_save():
    assert_goes_on(made_behind)

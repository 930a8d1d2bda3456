"""Programs that save where C code of the interpreter calls Python code, for going_on.py.

ALL: functions without arguments. What is in REFUSED can't be continued, and says why.
"""
# ruff: noqa
import collections
import contextlib
import functools
import itertools
import sys

from going_on import log, save


def f1(x): save(); return x + 1


class P:
    def __init__(self, v=1): self.v = v
    def __add__(self, o): save(); return 5
    def __getitem__(self, k): save(); return k
    def __setitem__(self, k, v): save(); log(k, v)
    def __delitem__(self, k): save(); log(k)
    def __neg__(self): save(); return 6
    def __call__(self, k, *, j=0): save(); return k + 1 + j
    def __enter__(self): save(); return self
    def __exit__(self, *a): save(); log(a[0] and a[0].__name__); return True
    def __iter__(self): save(); return iter([self.v, 2])
    def __setattr__(self, n, v):
        if n == 'st': save()
        object.__setattr__(self, n, v)
    def __delattr__(self, n): save(); object.__delattr__(self, n)
    def m(self, *a): save(); return a


class G:
    def __getattr__(self, n):
        if n.startswith('__'): raise AttributeError(n)
        save(); return lambda *a: (n, a)


class Properties:
    v = 1
    @property
    def p(self): save(); return self.v
    @p.setter
    def p(self, v): save(); self.v = v
    @p.deleter
    def p(self): save(); self.v = 0
    @functools.cached_property
    def c(self): save(); return [self.v]
    @property
    def f(self): save(); return f1


class SubInit(P):
    def __init__(self): super().__init__(4); save()


class Meta(type):
    def __call__(cls, *a): save(); return super().__call__(*a)


class WithMeta(metaclass=Meta):
    def __init__(self): self.q = 1


class Number(int):
    def __init__(self, v): save(); self.v = v


def gen(n=2):
    for i in range(n):
        save()
        yield i


def k_partial(): return functools.partial(f1, 2)(), functools.partial(P().m, 1)(*[2])
def k_call_instance(): return P()(3), P()(3, j=2), P()(*[3], **{'j': 4})
def k_bound(): m = P().m; return m(1), m(*(2,)), (lambda f, *a: f(*a))(m, 3)
def k_item(): p = P(); p[3] = p[4]; del p[5]; return p[1:2] if False else p[6] + p[7]
def k_slices(): p = P(); p[1:2] = 3; return str(p[4:5])
def k_negative(): return -P() + -P()
def k_property(): p = Properties(); p.p = p.p + 5; a = p.p; del p.p; return a, [p.p, p.p]
def k_property_called(): return Properties().f(3) + Properties().f(x=4)
if sys.version_info >= (3, 12):  # before it holds a lock
    def k_cached_property(): p = Properties(); return p.c, p.c is p.c
def k_attributes(): p = P(); p.st = 1; del p.st; return hasattr(p, 'st'), G().dyn(1), G().x(2)
def k_iter(): return [x for x in P()]
def k_init(): return SubInit().v, WithMeta().q, Number(5) + 1, Number(7).v
class Counts:
    def __init__(self): self.n = 0
    def __next__(self):
        save(); self.n += 1
        if self.n > 2: raise StopIteration
        return self.n
    def __iter__(self): save(); return self
    def __abs__(self): save(); return 5
    def __reversed__(self): save(); return iter([2, 1])
def k_builtins():
    c = Counts()
    out = [abs(c) + abs(c), list(reversed(c)), next(iter(c)), next(c)]
    try: next(c)
    except StopIteration as e: save(); out.append(repr(e))
    return out
def k_with():
    with P() as p: save(); r = p.v
    with P(): raise ValueError
    with P() as a, P() as b:
        for i in range(2):
            with P(): r += i; continue
    return r, a.v
def k_exit_stack():
    with contextlib.ExitStack() as s: s.callback(f1, 1); s.enter_context(P()); save()
    return 1
def k_context_manager():
    @contextlib.contextmanager
    def c(): save(); yield 1; save()
    with c() as x: save()
    return x
def k_thrown():
    @contextlib.contextmanager
    def c(n):
        try: save(); yield n
        except ValueError as e: save(); log('caught', str(e)); save()
        except KeyError as e: save(); raise TypeError(n) from e
        finally: save(); log('left')
    def g():
        for i in range(3):
            try: save(); yield i
            except ValueError as e: save(); yield str(e)
    with c(1): save(); raise ValueError('v')
    try:
        with c(2): raise KeyError('k')
    except TypeError as e: save(); out = [repr(e), repr(e.__cause__)]
    i = g(); next(i)
    out += [i.throw(ValueError('thrown')), next(i), i.throw(ValueError, ValueError('old'), None)]
    return out, [*i]
def k_generators():
    g = gen(9); e = enumerate(g)
    out = [next(g), g.send(None), next(g, 7), g.__next__(), next(e)]
    send = g.send
    out.append(send(None))
    return out, next(e), [*g]
def k_wrapped():
    out = [x for x in zip(gen(), 'ab')] + [x for x in enumerate(gen())]
    out += [x for x in itertools.islice(map(str, filter(None, gen(4))), 2)]
    out += [x for x in itertools.chain(gen(), [9])] + [x for x in itertools.pairwise(gen(3))]
    out += [x for x in itertools.accumulate(gen(3))] + [x for x in itertools.cycle(gen(2))][:0] \
        if False else []
    return out
def k_drained():
    out = [any(gen()), all(x < 1 for x in gen(3)), [*gen()], {*gen()}, 5 in gen(), 1 in gen()]
    l = [7]; l.extend(gen()); s = {8}; s.update(gen())
    d = collections.deque(); d.extend(gen())
    d.extendleft(gen(3))
    return out, l, s, d
def k_yield_from():
    def g():
        r = yield from gen()
        yield from map(f1, []) if False else enumerate(gen())
        yield 5
    return [x for x in g()]
def k_recursion500():
    def r(n): return 0 if n == 0 and save() else 1 + r(n - 1)
    return r(500)
def k_closed_by_a_call():
    def ends():
        try: yield 1
        finally: log('ended')
    save()
    return next(ends()), save()


def r_map_list(): return list(map(f1, [1, 2]))
def r_sum(): return sum(f1(x) for x in range(2))
def r_list(): return list(gen())
def r_join(): return ''.join(str(f1(x)) for x in range(2))
def r_sorted(): return sorted([2, 1], key=f1)
def r_zip_second(): return [x for x in zip('ab', gen())]
def r_unpack(): a, b = gen(); return a + b
def r_star(): return max(*gen())
def r_body():
    class Q: a = f1(1)
    return Q.a
def r_eval(): return eval('f1(3)')
def r_reduce(): return functools.reduce(lambda a, b: f1(a + b), [1, 2, 3])
def r_defaultdict(): return collections.defaultdict(lambda: f1(1))['k']


ALL = [value for name, value in list(globals().items()) if name.startswith("k_")]
REFUSED = [value for name, value in list(globals().items()) if name.startswith("r_")]

"""Programs that save in the nastiest places, for tests/support/going_on.py.

ALL: functions without arguments, whose saves can all be continued.
"""
# ruff: noqa
import collections
import contextlib
import itertools
import sys

from going_on import log, save


def c_nested_for():
    t = 0
    for i in range(3):
        for j in [10, 20, 30]:
            t += i * j; save(); log(i, j, t)
    return t

def c_while():
    n = 0; out = []
    while True:
        n += 1
        if n % 3 == 0: continue
        if n > 8: break
        out.append(n); save(); log(n)
    else: log('never')
    return out

def c_iters():
    d = {'a': 1, 'b': 2, 'c': 3}; out = []
    for i, x in enumerate(['p', 'q', 'r'], 5): save(); out.append((i, x))
    for a, b in zip([1, 2, 3], 'xyz'): save(); out.append((a, b))
    for k, v in d.items(): save(); out.append((k, v))
    for k in d: save(); out.append(k)
    for v in d.values(): save(); out.append(v)
    for x in reversed([1, 2, 3]): save(); out.append(x)
    for x in {5}: save(); out.append(x)
    for x in map(str, [1, 2]): save(); out.append(x)
    for x in filter(None, [0, 1, 2]): save(); out.append(x)
    for x in (1, 2): save(); out.append(x)
    for x in 'héy': save(); out.append(x)
    for x in b'ab': save(); out.append(x)
    for x in itertools.chain([1], [2]): save(); out.append(x)
    for x in itertools.islice(itertools.count(3), 3): save(); out.append(x)
    for x in itertools.product([1, 2], 'a'): save(); out.append(x)
    for x in collections.deque([1, 2]): save(); out.append(x)
    for x in range(10 ** 20, 10 ** 20 + 2): save(); out.append(x)
    for x in iter(iter([1, 2, 0, 3]).__next__, 0): save(); out.append(x)
    return out

def c_list_shared():
    l = [1, 2, 3]; n = 0
    for x in l:               # the iterator must share the list with the local
        save(); n += 1
        if n < 5: l.append(x * 10)
    return l

class CM:
    def __init__(self, name): self.name = name; self.n = 0
    def __enter__(self): log('enter', self.name); return self
    def __exit__(self, t, v, tb):
        self.n += 1; log('exit', self.name, self.n, t and t.__name__)
        return t is KeyError
def c_with():
    out = []
    with CM('a') as a, CM('b') as b:
        for i in range(2): save(); out.append(i); log(i)
    with CM('c'):
        save(); raise KeyError('swallowed')
    try:
        with CM('d'): save(); raise ValueError('x')
    except ValueError as e: save(); out.append(str(e))
    return out, a.n, b.n

@contextlib.contextmanager
def gcm(name):
    log('in', name)
    try: yield name
    except KeyError: log('caught in gcm')
    finally: log('out', name)
def c_ctxmgr():
    with gcm('g1') as x:
        save(); log('body', x)
    with gcm('g2'):
        save(); raise KeyError(1)
    return 'ok'

def c_except():
    out = []
    for k in range(2):
        try:
            save(); out.append('try'); raise ValueError(k)
        except ValueError as e:
            save(); out.append(('exc', str(e), sys.exc_info()[0].__name__))
            try: raise TypeError('inner')
            except TypeError as e2:
                save(); out.append((repr(e2), repr(e2.__context__)))
            save(); out.append(sys.exc_info()[0].__name__)
        else: out.append('else')
        finally:
            save(); out.append(('fin', sys.exc_info()[0]))
    try: pass
    except ValueError: pass
    else: save(); out.append('else')
    return out

def c_reraise():
    def h():
        try: raise ValueError('orig')
        except ValueError:
            save(); log('re'); raise
        finally:
            save(); log('finally', sys.exc_info()[0].__name__ if sys.exc_info()[0] else None)
    try: h()
    except ValueError as e: save(); return ('got', e.args)

def c_finally_return():
    def h():
        for i in range(3):
            try:
                if i == 1: return (i, save(), 'ret')
            finally: save(); log('fin', i)
    return h()

def _deep(n):
    save()
    if n == 2: raise LookupError('deep %d' % n)
    save()
    return n
def c_exc_from_callee():
    out = []
    for n in range(4):
        try: out.append(100 + _deep(n))
        except LookupError as e: save(); out.append(str(e))
        finally: log('f', n)
    return out

def _l3(x): save(); return x + 1
def _l2(x, *, k=0): return [x, _l3(x) * 2 + k, {'k': _l3(k)}]
def _l1(x): return sum(_l2(x, k=7)[:2]) + 1000 * _l3(x)
def c_mid_expression():
    a = 5
    r = a + _l1(a) * 2 - max(_l1(1), 3)
    s = f'{_l1(2)}-{r!r}'
    d = {**{'z': _l1(3)}, 'q': (_l1(4), *[_l3(i) for i in range(2)])}
    return r, s, d

def c_closure():
    total = 0; items = []
    def add(v):
        nonlocal total
        total += v; save(); items.append(total)
        return lambda: total
    fs = [add(i) for i in range(3)]
    save()
    total += 100
    return total, items, [f() for f in fs]

def c_arg_cell(n=3):
    def inner():
        nonlocal n
        n += 1; save(); return n
    return inner() + inner() * 100 + n

def fact(n):
    if n <= 1: save(); return 1
    r = n * fact(n - 1)
    save()
    return r
def c_recursion(): return fact(6)

def c_listcomp():
    k = 3
    a = [_l3(i) + k for i in range(3) if _l3(i)]
    b = {i: _l3(i) for i in range(2)}
    c = [[_l3(i * j) for j in range(2)] for i in range(2)]
    return a, b, c, [k for k in [1, 2] if save()], k

def _gen(n):
    got = 0
    try:
        for i in range(n):
            save(); log('gen', i)
            x = yield i * 10
            if x: got += x
            save()
    finally: log('gen end', got)
    return got
def _gen2(n):
    r = yield from _gen(n)
    save(); yield r
def c_generator():
    out = []
    for x in _gen(3): out.append(x); save(); log('body', x)
    for i, x in enumerate(_gen2(2)): out.append((i, x)); save()
    g = _gen(5); next(g); save(); out.append(g.send(7)); save()
    try: g.throw(KeyError('t'))
    except KeyError: out.append('thrown')
    ge = (_l3(i) for i in range(3))
    for x in ge: out.append(x); save()
    return out

def c_gen_close():
    g = _gen(5); next(g); h = _gen(2)
    save(); g.close(); save(); return list(h) if False else next(h)

class A:
    def __init__(self, x): self.x = x; save(); self.y = x * 2
    def m(self, k): save(); return self.x + k
    @classmethod
    def cm(cls, k): save(); return cls.__name__ + str(k)
    @staticmethod
    def sm(k): save(); return k
class B(A):
    def __init__(self, x): super().__init__(x + 1); save()
    def m(self, k, **kw):
        r = super().m(k) + sum(kw.values()); save(); return r + super().m(1)
    def cellself(self):
        return (lambda: self.m(2))()
def c_methods():
    b = B(3); a = A(1)
    return b.m(2, z=5), a.m(1), B.cm(4), a.sm(9), b.x, b.y, b.cellself(), \
        (lambda *a, **k: b.m(*a, **k))(1, q=2)

def _kw(a, b=2, *args, c, d=4, **kw): save(); return (a, b, args, c, d, sorted(kw.items()))
def c_kwcalls():
    x = _kw(1, c=3); y = _kw(1, 2, 3, 4, c=5, e=6); t = (1, 2); k = {'c': 9, 'z': 1}
    return x, y, _kw(*t, **k), _kw(*t, c=save() and 8, d=1), _kw(**{'a': 1, 'c': 2})

def c_unbound():
    for i in range(2):
        if i: q = 1
        save()
        try: log(q)
        except UnboundLocalError as e: log('unbound')
        if i == 0: z = 5; del z
    try: z
    except UnboundLocalError: return 'ok'

def c_delarg(a=1, b=2):
    del a; save()
    try: return a
    except UnboundLocalError: return b

def c_star(): 
    def f(*a, **k):
        for x in a: save(); log(x, k)
        return len(a), k
    return f(1, 2, z=3)

def c_match():
    out = []
    for s in [1, 'a', (1, 2), {'k': 5}]:
        match s:
            case int(): save(); out.append('int')
            case str() if save(): out.append('str')
            case (a, b): save(); out.append((a, b))
            case {'k': v}: save(); out.append(v)
    return out

def c_exgroup():
    out = []
    try: raise ExceptionGroup('g', [ValueError(1), TypeError(2)])
    except* ValueError as e: save(); out.append(len(e.exceptions))
    except* TypeError as e: save(); out.append('T')
    return out

def c_walrus_chain():
    return [y for x in range(4) if (y := _l3(x)) > 1 and save()] + \
        [1 if save() else 2, save() and 3, (save(), 4)[1]]

BIG = 1

def c_identity():
    a = []; b = [a, a]; c = {'self': b}; b.append(c)
    for x in b:
        save(); a.append(1)
    return b[0] is b[1] is a, b[2]['self'] is b, len(a)


def c_tracebacks():
    import traceback
    def inner():
        save()
        return 1 / 0
    def mid():
        x = inner(); return x
    try:
        mid()
    except ZeroDivisionError as e:
        return [(f.name, f.lineno, f.line) for f in traceback.extract_tb(e.__traceback__)]

def c_frames():
    def who():
        save()
        f = sys._getframe(); o = []
        while f.f_code.co_name != 'c_frames': o.append((f.f_code.co_name, f.f_lineno)); f = f.f_back
        o.append((f.f_code.co_name, f.f_lineno)); return o
    def outer(): return [who()]
    return outer()

def c_locals():
    x = 1; y = 'q'
    def f(): return x
    save()
    return sorted(k for k in locals()), locals()['x'], eval('x + 1')

def c_assign_targets():
    d = {}; l = [0, 0]; class_ = A
    d[_l3(1)] = _l3(2); l[_l3(0)] += _l3(5); (a, b), *c = (_l3(1), _l3(2)), _l3(3), _l3(4)
    d.setdefault('k', []).append(_l3(9))
    return d, l, a, b, c

def c_lambda_default():
    f = lambda v, w=2: (save(), v + w)[1]
    return f(1) + f(2, w=3)


ALL = [value for name, value in list(globals().items()) if name.startswith("c_")]

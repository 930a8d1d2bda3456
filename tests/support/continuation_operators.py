"""Programs that save where C code of the interpreter calls Python code, for going_on.py.

ALL: functions without arguments. What is in REFUSED can't be continued, and says why.
"""
# ruff: noqa
import collections
import contextlib
import functools
import itertools
import sys
import traceback

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


class Op:
    """Each method saves twice: in the second it is a continuation already that is captured."""
    def __init__(self, v): self.v = v
    def twice(self, *a): save(); log(self.v, *a); save(); return self.v
    def __add__(self, o): return NotImplemented if self.twice('add') > 5 else ('add', self.v)
    def __radd__(self, o): self.twice('radd'); return NotImplemented if o == 'no' else ('radd', o)
    def __iadd__(self, o): return NotImplemented if self.twice('iadd') > 3 else self
    def __mul__(self, o): self.twice('mul'); o = 1; return o
    __rmul__ = __mul__
    def __lt__(self, o): return NotImplemented if self.twice('lt') > 3 else [1]
    def __gt__(self, o): return NotImplemented if self.twice('gt') > 5 else [1]
    def __eq__(self, o):
        self.twice('eq')
        return self.v == o.v if isinstance(o, Op) else NotImplemented
    def __hash__(self): return self.twice('hash')
    def __contains__(self, o): self.twice('contains'); return [o] if o else ''
    def __bool__(self): self.twice('bool'); return self.v != 0
    def __len__(self): return self.twice('len')
    def __str__(self): return 's%s' % self.twice('str')
    def __repr__(self): return 'r%s' % self.twice('repr')
    def __format__(self, spec): return 'f%s%s' % (self.twice('format'), spec)
    def __index__(self): return self.twice('index')
    def __float__(self): return self.twice('float') / 2
    def __round__(self, n=0): return self.twice('round'), n
    def __iter__(self): self.twice('iter'); return iter([self.v, 2])
    def __getitem__(self, k): self.twice('getitem'); return k
    def __setitem__(self, k, v): self.twice('setitem', k, v)
    def __delitem__(self, k): self.twice('delitem', k)


class SubOp(Op):
    def __radd__(self, o):
        self.twice('first')
        return NotImplemented if self.v > 7 else ('sub', o.v)
    def __gt__(self, o): self.twice('first'); return NotImplemented if self.v > 7 else 'sub'


class Items:
    def __iter__(self): save(); return iter('xy')


class Plain:
    def __init__(self, v): self.v = v
    def __len__(self): save(); return self.v
    def __repr__(self): save(); return 'P%s' % self.v
    def __iter__(self): save(); return iter('xy')


def raised(function, *args):
    try: return function(*args)
    except Exception as e: save(); return type(e).__name__, str(e)


def k_binary():
    a, b, c = Op(1), Op(2), Op(6)
    out = [a + b, a + 1, 1 + a, 'x' + a, [1] + a, c + b if False else a * 3, 3 * a, a * b]
    out += [Op(1) + SubOp(2), SubOp(1) + Op(2), 2.5 * a, a + a]
    i = a; i += 4
    return out, i is a
def s_binary_not_implemented():
    c, d = Op(6), Op(7)
    return [raised(lambda: c + d), raised(lambda: c + 1), raised(lambda: 'no' + d),
            raised(lambda: c + SubOp(3)), raised(lambda: [1] + Op('y')), Op(1) + SubOp(8)]
def s_in_place_not_implemented():
    def f(x, y): x += y; return x
    return [raised(f, Op(4), 1), raised(f, Op(9), 1), raised(f, Op(9), Op(2)), raised(f, 3, Op(2))]
def k_compare():
    a, b = Op(1), Op(3)
    out = [a < b, b < a, a > b, b > 3, a == b, a != b, a == Op(1), a != Op(1), a == 3, 3 != a]
    out += [Op(1) < SubOp(2), a < b < a, 3 < a]
    return out
def s_compare_not_implemented():
    return [raised(lambda: Op(4) < Op(6)), raised(lambda: Op(6) > 3),
            raised(lambda: 3 < Op(6)), raised(lambda: Op(4) < SubOp(9))]
def k_compare_in_conditions():
    a, b, n = Op(1), Op(2), 0
    while a < b:
        n += 1
        if n > 2: break
        if a == b or not a < b: n += 10
        elif a != b and a < b: n += 3
    return n
def k_contains():
    a = Op(1)
    return 3 in a, 0 in a, 3 not in a, 'x' in Plain(1), 'z' in Plain(1)
def k_truth():
    a, b, n, out = Op(0), Op(1), 0, []
    if a: out.append(1)
    if not a: out.append(2)
    while b:
        n += 1
        if n > 2: b = Op(0)
    out += [not b, not Op(2), bool(a), bool(Plain(0)), 1 if Plain(3) else 2]
    if a and b: out.append(3)
    if a or Plain(2): out.append(4)
    assert Op(4)
    return out, n, [x for x in (1, 2) if Plain(x - 1)], raised(lambda: bool(Plain(-1)))
def k_len():
    return [len(Op(3)), len(Plain(2)), raised(lambda: len(Plain('x'))),
            raised(lambda: len(Plain(-1)))]
def k_text():
    a, p = Op(1), Plain(2)
    out = [str(a), repr(a), f'{a}', f'{a:>9}', f'{a!r:>9}', f'{a!s}', f'{p}', f'{p!s:>4}', f'{p!a}',
           str(p), repr(p), format(a, '<3'), format(p), ascii(p)]
    return out
def k_numbers():
    a = Op(2)
    return [float(a), round(a), round(a, 3), [4, 5, 6][a], hash(a), hex(a), range(a), chr(a),
            int(a), raised(lambda: float(Plain(1)))]
def k_items_of_objects():
    p = Items()
    a, b = p
    return [a, b, [*p], {*p} == {'x', 'y'}, list(p), tuple(p), sorted(p, reverse=True), max(p),
            any(p), [*enumerate(p)], [*zip(p, 'z')], [*iter(p)]]
def k_set_items_twice(): a = Op(1); a[1] = a[2]; del a[3]; a[1:2] = 4; return a[5:6]
class Steps:
    def __init__(self, n): self.n = n
    def __iter__(self): return self
    def __next__(self):
        save(); self.n -= 1; save()
        if self.n == 1: raise_end = self.end()
        if self.n < 0: raise StopIteration
        return self.n
    def end(self): return None
class Fails(Steps):
    def end(self): save(); raise KeyError('end')
def k_next_of_a_class():
    out = [x for x in Steps(3)]
    for x in Steps(3): save(); out.append(x)
    else: out.append('else')
    for x in Steps(2):
        for y in Steps(2): out.append((x, y))
    try:
        for x in Fails(3): out.append(x)
    except KeyError as e: out.append(str(e))
    it = Steps(2)
    return out, [next(it), next(it), next(it, 'end')], 7
def k_next_of_a_class_fails():
    def fails():
        for x in Fails(3): save()
    try: fails()
    except KeyError: return traceback.format_exc()
def k_map():
    out = [x for x in map(f1, [1, 2])] + [*map(f1, (3, 4))]
    for x in map(P().m, 'ab', 'cd'): out.append(x)
    for x in itertools.starmap(lambda a, b: (save(), a)[1], [(1, 2), (3, 4)]): out.append(x)
    for x in filter(lambda x: save() and x > 2, [3, 4, 5]): out.append(x)
    out += [any(map(lambda x: save() and x > 1, [1, 2, 3])), all(map(f1, [1, -1, 4]))]
    return out, 3 in map(f1, [1, 2, 5]), {*map(f1, [5])}
class WithDefault(Properties):
    @property
    def missing(self): save(); raise AttributeError('no')
    @property
    def there(self): save(); return 'there'
    def __getattr__(self, n):
        if n.startswith('__'): raise AttributeError(n)
        save(); return 'default ' + n
class GetAttribute:
    def __getattribute__(self, n):
        if n == 'x': save(); return 'x'
        return object.__getattribute__(self, n)
class Missing(dict):
    def __missing__(self, k): save(); return k
class NoProperty:
    @property
    def missing(self): save(); raise AttributeError('no')
def s_get(): w = WithDefault(); return w.missing, getattr(w, 'missing'), hasattr(w, 'missing')
def s_filter(): return [x for x in filter(lambda x: save() and x % 2, range(6))]
def k_get():
    w = WithDefault()
    out = [w.there, w.other, getattr(w, 'there'), hasattr(w, 'p'),
           getattr(w, 'other', 3), GetAttribute().x, Missing()[3]]
    n = NoProperty()
    out += [getattr(n, 'missing', 5), hasattr(n, 'missing'), raised(lambda: n.missing)]
    setattr(w, 'p', 7); delattr(w, 'p')
    p = P(); setattr(p, 'st', 1); delattr(p, 'st')
    return out, w.p
def k_partial_with_one(): f = functools.partial(max2, 1); return f(2), functools.partial(max2, 5)(3)
def max2(a, b): save(); return a if a > b else b
@functools.lru_cache(None)
def cached(n): save(); return n if n < 2 else cached(n - 1) + 1
def k_lru_cache(): cached.cache_clear(); return cached(3)
def k_next_of_a_call(): return next(gen()), next(x for x in gen())
def k_defaultdict():
    class Groups(collections.defaultdict):
        def __setitem__(self, key, value): log(key, value); super().__setitem__(key, value)
    plain, counts = collections.defaultdict(lambda: f1(1)), Groups(functools.partial(f1, 4))
    kept = plain['k']
    counts['a'] += 2
    counts[kept] -= plain[kept] + plain['k']
    made = collections.defaultdict(SubInit)
    made['x'].v += made['y'].v
    def meanwhile(): counts.update(z=7); save(); return 8
    counts.default_factory = meanwhile
    log(counts['z'], dict(counts), counts.default_factory is meanwhile)
    return dict(plain), dict(counts), sorted((k, p.v) for k, p in made.items())
def k_until():
    left = [3, 2, 1, 0, 5]
    def take(): save(); return left.pop(0)
    it, out = iter(take, 0), []
    for x in it: save(); out.append(x)
    out.append(list(it))
    def ends():
        save()
        if len(left) < 1: raise StopIteration
        return left.pop()
    for x in iter(ends, None): out.append(x)
    class Equal:
        def __eq__(self, other): log('asked', other); return other == 2
    left[:] = [1, 2, 3]
    return out, [x for x in iter(take, Equal())], left
class Log(dict):
    """Its code looks at attributes, and does more than to keep an item."""
    def __init__(self): super().__init__(); self.writes = []
    def __setitem__(self, key, value): self.writes.append(key); super().__setitem__(key, value + 1)
class Doubled(list):
    def __init__(self): super().__init__(); self.seen = 0
    def append(self, value): self.seen += 1; super().append(value * 2)
    def extend(self, values): [self.append(value) for value in values]
class Ordered(Log, collections.OrderedDict): pass
class Other(dict):
    """Shows other items than it keeps: they come through the same door."""
    def __setitem__(self, key, value): super().__setitem__(key, ("in", value))
    def items(self): return ((key, value[1]) for key, value in super().items())
def k_containers_of_their_own():
    logs, items, other = [Log(), Ordered()], Doubled(), Other()
    for i in range(3):
        for one in logs: one[i % 2] = i
        items.extend([i]); items.append(i)
        other[i] = i
        save()
    logs[1].move_to_end(0)
    return ([(list(one.items()), one.writes) for one in logs], items, items.seen,
            list(other.items()), list(other.values()))

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


# where another method is asked behind the one that has saved, by C code
SECOND = [value for name, value in list(globals().items()) if name.startswith("s_")]
ALL = [value for name, value in list(globals().items()) if name.startswith("k_")]
REFUSED = [value for name, value in list(globals().items()) if name.startswith("r_")]

"""Type parameters and aliases of Python 3.12 and later (PEP 695), without the module typing."""
from resume import sync as save

from . import case


def first[T](values: list[T]) -> T:
    save()
    return values[0]


class Stack[T]:
    def __init__(self):
        self.items: list[T] = []

    def push(self, value: T) -> None:
        save()
        self.items.append(value)


@case
def functions_and_classes():
    def pair[A](a: A) -> tuple[A, A]:
        save()
        return a, a

    class Local[K, V: int, *Ts, **P](dict[K, V]):
        def get_three(self):
            save()
            return 3

    stack, local, out = Stack[int](), Local(), []
    for i in range(3):
        stack.push(first([i, 2]))
        out += [pair(i), local.get_three()]
        save()
    A, = pair.__type_params__
    K, V, Ts, P = Local.__type_params__
    return (out, stack.items, pair.__annotations__["a"] is A, str(pair.__annotations__["return"]),
            K.__bound__, V.__bound__, V.__infer_variance__, repr((K, V, Ts, P)),
            Local.__parameters__ == (K, V, Ts, P), Local.__orig_bases__[0].__args__ == (K, V))


@case
def aliases():
    type Pair[A: (int, str)] = tuple[A, A]
    type Tree = list[Tree] | int
    type Nested[B] = dict[B, Nested[B]]
    out = []
    for alias in (Pair, Tree, Nested):
        save()
        out.append((str(alias), repr(alias.__value__), alias.__type_params__))
    A, = Pair.__type_params__
    save()
    return (str(out), Pair.__value__.__args__ == (A, A), A.__constraints__, Pair[int].__args__,
            Tree.__value__.__args__[0].__args__[0] is Tree,
            Nested.__value__.__args__[1].__origin__ is Nested, Tree.__module__)


@case
def bounds_that_lead_back():
    class Node[T: Node]:
        def walk(self, more: T) -> T:
            save()
            return more

    node = Node()
    for _ in range(2):
        node = node.walk(Node())
    T, = Node.__type_params__
    save()
    return T.__bound__ is Node, type(node) is Node, Node.walk.__annotations__["more"] is T

"""Objects that pickle knows less of than they hold: subclasses of classes of the library with an
__init__ of their own, members of an enum that are changed, states that are hidden, finalizers."""
import collections
import enum
import fractions
import random
import weakref


def spin(count):
    total = 0
    for i in range(count):
        total = (total * 31 + i) % 1000003
    return total


class Team(enum.Enum):
    RED = 1
    BLUE = 2

    def __init__(self, number):
        self.score = 0


class Tally(collections.Counter):
    def __init__(self, name, *start):
        super().__init__(*start)
        self.name = name


class Dice(random.Random):
    def __init__(self, sides, seed):
        super().__init__(seed)
        self.sides, self.rolls = sides, 0

    def roll(self):
        self.rolls += 1
        return self.randrange(self.sides)


class Half(fractions.Fraction):
    def __new__(cls, number):
        half = super().__new__(cls, number, 2)
        half.number = number
        return half


class Group(weakref.WeakSet):
    def __init__(self, name, members=()):
        super().__init__(members)
        self.name = name


class Only:
    """There is one, and how often it was asked for counts."""
    made, one = 0, None

    def __new__(cls):
        cls.one = cls.one or super().__new__(cls)
        cls.made += 1
        return cls.one


class Tagged:
    def __new__(cls, tag):
        tagged = super().__new__(cls)
        tagged.tag = tag
        return tagged


class Node:
    def __init__(self, number):
        self.number = number


class Squares:
    """A cache that is not for pickle."""

    def __init__(self):
        self.known, self.misses = {}, 0

    def __getstate__(self):
        return vars(self) | {"known": {}}

    def __setstate__(self, state):
        vars(self).update(state, restored=True)

    def of(self, number):
        if number not in self.known:
            self.misses += 1
            self.known[number] = number * number
        return self.known[number]


Team.RED.tags = ["first"]
tally, dice, half, squares = Tally("t", "ab"), Dice(6, 42), Half(3), Squares()
nodes = [Node(number) for number in range(5)]
group = Group("g", nodes)
only, tagged = Only(), Tagged("tag")
gone = []
extra, other = Node(99), Node(98)
finalizer = weakref.finalize(extra, gone.append, 99)
weakref.finalize(other, gone.append, 98).atexit = False

for step in range(900):
    spin(8000)
    tally[step % 7] += 1
    Team.RED.score += step
    Team.BLUE.score -= 1
    tally[dice.roll()] += 1
    squares.of(step % 50)
    if step % 300 == 299:
        nodes.pop()
        Team.RED.tags.append(step)
    if step == 600:
        del extra
    if step == 800:
        del other

print(sorted(tally.items(), key=str), tally.name, type(tally).__name__)
print(Team.RED.score, Team.BLUE.score, Team.RED.tags, Team(1) is Team.RED)
print(dice.rolls, dice.sides, dice.roll(), dice.random())
print(half, half.number, half + 1)
print(group.name, sorted(node.number for node in group))
print(squares.misses, len(squares.known), hasattr(squares, "restored"))
print(gone, finalizer.alive)
print(Only.made, Only.one is only, Only() is only, tagged.tag)

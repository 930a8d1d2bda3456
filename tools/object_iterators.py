"""Iterators and files of the object stream for tools/objects.py: what docs/format.md says.
The iterators go on as the saved ones would; their types may be others."""
import itertools


class Wrong(ValueError):
    """Parts that no such iterator can have."""


class Block:
    """A stretch of what a tee has read: values of an iterator, then those of the next block."""

    def __init__(self, source, values, behind):
        self.source, self.values, self.behind = source, values, behind

    def items(self, index):
        block = self
        while True:
            while index < len(block.values):
                yield block.values[index]
                index += 1
            if index < 57:
                try:
                    block.values.append(next(block.source))
                except StopIteration:
                    return
            else:
                block.behind = block.behind or Block(block.source, [], None)
                block, index = block.behind, 0


def check(holds):
    if not holds:
        raise Wrong("an iterator that can't be")


def behind(iterator, count):
    return itertools.islice(iterator, count, None)


def over(sequence, index):
    check(0 <= index < 2**63 and hasattr(sequence, "__getitem__"))
    return (sequence[i] for i in itertools.takewhile(lambda i: i < len(sequence),
                                                     itertools.count(index)))


def down(sequence, index):
    check(index >= -1)
    return (sequence[i] for i in range(index, -1, -1) if i < len(sequence))


def of_dict(items):
    def make(dict_, index, used, left):
        check(index >= 0 and used >= -1 and left >= 0)
        return behind(iter(list(items(dict_))), index)
    return make


def of_dict_down(items):
    def make(dict_, index, used, left):
        check(-1 <= index < max(used, 0) and left >= 0)
        return iter(list(items(dict_))[:index + 1][::-1])
    return make


def of_ordered_dict(dict_, bits, index, changed):
    items = {2: dict_.keys, 4: dict_.values, 6: dict_.items}[bits & 6]()
    return behind(reversed(items) if bits & 1 else iter(items), index)


def of_set(set_, before, used, left, remaining):
    check(before >= 0 and set(remaining) <= set(set_))
    return iter(remaining)


def of_deque(turn):
    def make(deque, left, changed):
        check(changed or 0 <= left <= len(deque))
        return behind(turn(deque), len(deque) - left)
    return make


def enumerated(iterator, number):
    check(hasattr(iterator, "__next__"))
    return enumerate(iterator, number)


def zipped(iterators, strict):
    return zip(*iterators, strict=strict)


def mapped(function, iterators, strict):
    check(callable(function))
    return map(function, *iterators)


def optional(part):
    check(isinstance(part, list) and len(part) < 2)
    return part


def accumulated(iterator, function, total, initial):
    check(not optional(function) and initial is None)
    total = optional(total)
    return behind(itertools.accumulate(itertools.chain(total, iterator)), len(total))


def batches(iterator, size, strict):
    check(size > 0)
    return iter(lambda: tuple(itertools.islice(iterator or iter(()), size)), ())


def chosen(make):
    def items(pool, length, stopped, started, indices, *rest):
        if stopped:
            return iter(())
        check(len(indices) == (len(pool) if rest else length) and
              all(0 <= index < len(pool) for index in indices))
        at = tuple(indices[:length])
        places = make(range(len(pool)), length)
        left = itertools.dropwhile(lambda place: place != at, places)
        return behind((tuple(pool[i] for i in place) for place in left), 1 if started else 0)
    return items


def product(pools, stopped, started, indices):
    if stopped:
        return iter(())
    check(len(indices) == len(pools) and
          (not started or all(0 <= i < len(pool) for i, pool in zip(indices, pools))))
    left = itertools.dropwhile(lambda place: place != tuple(indices),
                               itertools.product(*(range(len(pool)) for pool in pools)))
    return behind((tuple(pool[i] for i, pool in zip(place, pools)) for place in left),
                  1 if started else 0)


def cycle(iterator, saved, index, first_pass):
    check(0 <= index < max(len(saved), 1) and not first_pass)
    saved = list(saved)
    rest = list(iterator or ())
    return behind(itertools.cycle(saved + rest), len(saved) if iterator else index)


def groups(iterator, function, target, key, value):
    check(function is None and (optional(key) or not optional(value)))
    left = itertools.chain(optional(value), iterator)
    if optional(target):
        left = itertools.dropwhile(lambda item: item == target[0], left)
    return itertools.groupby(left)


def sliced(iterator, next_, stop, step, count):
    check(next_ >= 0 and stop >= -1 and step > 0 and count >= 0)
    return itertools.islice(iterator or iter(()), max(next_ - count, 0),
                            None if stop < 0 else max(stop - count, 0), step)


def switched(make, past):
    def items(function, iterator, is_behind):
        check(callable(function) or is_behind)
        return past(iterator) if is_behind else make(function, iterator)
    return items


def tee(block, index):
    check(isinstance(block, Block) and 0 <= index <= len(block.values))
    return block.items(index)


def tee_data(iterator, values, behind_):
    check(len(values) <= 57 and (behind_ is None or isinstance(behind_, Block)))
    return Block(iterator, list(values), behind_)


def zipped_longest(iterators, filling):
    iterators = [iter(()) if iterator is None else iterator for iterator in iterators]
    return itertools.zip_longest(*iterators, fillvalue=filling)


KINDS = {
    **dict.fromkeys(("list_iterator", "tuple_iterator", "str_iterator", "bytes_iterator",
                     "bytearray_iterator", "array_iterator", "sequence_iterator"), over),
    **dict.fromkeys(("list_reverseiterator", "reversed"), down),
    **dict.fromkeys(("range_iterator", "longrange_iterator"),
                    lambda start, step, count: iter(range(start, start + step * count, step))),
    "dict_keyiterator": of_dict(dict.keys), "dict_valueiterator": of_dict(dict.values),
    "dict_itemiterator": of_dict(dict.items), "dict_reversekeyiterator": of_dict_down(dict.keys),
    "dict_reversevalueiterator": of_dict_down(dict.values),
    "dict_reverseitemiterator": of_dict_down(dict.items),
    "odict_iterator": of_ordered_dict, "set_iterator": of_set,
    "deque_iterator": of_deque(iter), "deque_reverse_iterator": of_deque(reversed),
    "dict_keys": dict.keys, "dict_values": dict.values, "dict_items": dict.items,
    "odict_keys": lambda value: value.keys(), "odict_values": lambda value: value.values(),
    "odict_items": lambda value: value.items(),
    "enumerate": enumerated, "zip": zipped, "map": mapped, "filter": filter,
    "callable_iterator": iter,
    "accumulate": accumulated, "batched": batches,
    "chain": lambda source, active: itertools.chain(active or (), *(source or ())),
    "combinations": chosen(itertools.combinations),
    "combinations_with_replacement": chosen(itertools.combinations_with_replacement),
    "permutations": chosen(itertools.permutations),
    "compress": itertools.compress, "count": itertools.count, "cycle": cycle,
    "dropwhile": switched(itertools.dropwhile, iter), "filterfalse": itertools.filterfalse,
    "takewhile": switched(itertools.takewhile, lambda iterator: iter(())),
    "groupby": groups, "grouper": lambda parent, key, current: iter(()), "islice": sliced,
    "pairwise": lambda iterator, old: itertools.pairwise(
        itertools.chain(optional(old), iterator or ())),
    "product": product, "starmap": itertools.starmap,
    "repeat": lambda value, count: itertools.repeat(*(value, count)[:1 + (count >= 0)]),
    "tee": tee, "tee_data": tee_data, "zip_longest": zipped_longest,
}


ENDING = {kind for kind, made in KINDS.items() if made in (over, down)} | {
    "callable_iterator", "odict_iterator", "set_iterator",
    *(f"dict_{way}{part}iterator" for way in ("", "reverse") for part in ("key", "value", "item"))}


def make(kind, parts, opaque):
    """An iterator; opaque(kind, parts) when there is an instance of that class among what it is
    made of."""
    if kind not in KINDS:
        raise Wrong(f"no iterator {kind}")
    lists = kind in ("zip", "map", "zip_longest", "accumulate")
    within = [part for part in parts if isinstance(part, list) and lists]
    if any(isinstance(part, opaque) for part in (*parts, *sum(within, []))):
        return opaque(kind, parts)
    if not parts:
        check(kind in ENDING)
        return iter(())
    return KINDS[kind](*parts)


def file(parts, opaque):
    """Never opened here: opaque(name, parts)."""
    kind, name, access = parts[:3]
    check(len(parts) in (4, 8) and kind in ("text", "buffered", "raw"))
    check(access in ("r", "w", "a", "r+", "a+") and isinstance(parts[-1], dict))
    check(isinstance(name, (str, bytes)) or len(parts) == 4 and name is None)
    if len(parts) == 8:
        check(all(isinstance(number, int) for number in parts[4:7]))
        check(isinstance(parts[3], list) and len(parts[3]) == 5 if kind == "text"
              else parts[3] is None)
    return opaque("builtins.open", parts)

"""Vectors signed-*: who has saved them, as the holder of KEY finds; all can be read as data."""
from builder import MARK, SELF_VERIFYING, Blob, File, digest256, key_id, padded
from vector import Taken, Vector, noise, state

KEY = bytes(range(32))
OTHER_KEY = bytes(range(1, 33))
MINE, OTHER, WRONG, NOT = "mine", "other", "wrong", "not"


def vectors():
    made = []

    def add(name, signature, rule, file, blobs):
        made.append(Vector(f"signed-{name}", rule, file.bytes(), "good",
                           Taken(file.newest.generation, blobs), signature=signature))

    def save(name, signature, rule, key=KEY, **options):
        """A second save with these options behind a signed first one."""
        file = File(key=KEY)
        file.save(state(1))
        file.key = key
        blobs = state(2, Blob(noise(100)))
        file.save(blobs, **options)
        add(name, signature, rule, file, blobs)

    save("right", MINE, "the MAC is right")
    save("ordered", MINE, "the flag self-verifying is not in it", flags=0)
    save("mark", MINE, "the flag mark is in it", flags=SELF_VERIFYING | MARK)
    save("other-flags", MINE, "so are flags that are not known", flags=SELF_VERIFYING | 1 << 31)
    file = File(key=KEY)
    file.save(state(1, Blob(noise(9000))))
    blobs = state(2, Blob(noise(9000)))
    file.save(blobs, base=file.newest)
    add("delta", MINE, "the table of the MAC is the whole one", file, blobs)
    file = File(key=KEY, also={12: b"\1\2\3\4", 64: b"\xff" * 4000})
    file.save(state(1))
    add("reserved", MINE, "all of block 0 counts, and all of META", file, state(1))

    save("not", NOT, "algorithm 0", key=None)
    save("other-key", OTHER, "another key", key=OTHER_KEY)
    save("algorithm", NOT, "an algorithm that is not known says nothing", also_end={"algorithm": 2})
    save("unsigned-mac", NOT, "algorithm 0, with a MAC", also_end={"algorithm": 0})
    save("end-empty", NOT, "an END of another size says nothing", end=b"")
    save("end-short", NOT, "also where it is shorter", end=b"\7" * 56)
    save("end-long", NOT, "or longer", also_end={"behind": bytes(8)})

    save("mac-zero", WRONG, "a MAC of zeros", also_end={"mac": bytes(32)})
    save("mac-of-other", WRONG, "the MAC of another key, under the id of this one", key=OTHER_KEY,
         also_end={"key_id": key_id(KEY)})
    save("stream", WRONG, "another stream than the MAC speaks for",
         signed={"stream": digest256(b"another")})
    save("digest", WRONG, "the digest in END is that of the MAC",
         also_end={"digest": digest256(b"another")})
    save("header", WRONG, "a MAC for another file", signed={"header": digest256(b"another")})
    save("generation", WRONG, "a MAC for another generation", signed={"generation": 1})
    save("made-mark", WRONG, "a MAC for a generation that is no mark",
         flags=SELF_VERIFYING | MARK, signed={"flags": SELF_VERIFYING})
    save("meta", WRONG, "a MAC for another META", signed={"meta": digest256(b"\xa0")})
    save("table", WRONG, "a MAC for another table", signed={"table": digest256(padded(b"", 16))})
    for name, last in (("mac-first-bit", 0), ("mac-last-bit", 31)):
        right = made[0].data[-4096:]
        mac = right[right.rindex(key_id(KEY)) + 16:][:32]
        changed = bytes(byte ^ (i == last) << 7 * (i == 0) for i, byte in enumerate(mac))
        save(name, WRONG, "every bit of a MAC counts", also_end={"mac": changed})
    return made

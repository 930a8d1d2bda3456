"""The first primes by trial division. Kill it at any moment and run it again: it goes on.

    python examples/primes.py 12000
"""

import hashlib
import sys

from resume import Checkpoint


def compute_primes(n=10):
    chp = Checkpoint(rate=0.1)  # seconds between two saves; 30 when not given
    primes, candidate = [2], 2
    chp.restore()  # saved values replace these placeholders, if there are any
    while n > 0:
        candidate += 1
        if all(candidate % p for p in primes):
            primes.append(candidate)
            n -= 1
        chp.sync()  # saves when `rate` seconds have passed; costs nanoseconds otherwise
    chp.save()
    return primes


if __name__ == "__main__":
    primes = compute_primes(int(sys.argv[1]) if len(sys.argv) > 1 else 12000)
    digest = hashlib.sha256(repr(primes).encode()).hexdigest()
    print(f"{len(primes)} primes, the last is {primes[-1]}, sha256 {digest[:16]}")

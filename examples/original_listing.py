"""The listing of the 2017 README, word for word, and its test. Run it twice: it continues."""

from resume import Checkpoint


def compute_primes(n=10):
    "compute n next primes"
    chp = Checkpoint()
    # define initial state of the algorithm
    i = 2
    primes = [i]
    candidate = primes[-1]

    # restore previous work (if any)
    chp.restore()  # note that 'n' preserve the current calling value

    # continue from last time (or initial state)
    while n > 0:
        candidate += 1
        for p in primes:
            if not candidate % p:
                break
        else:
            primes.append(candidate)
            n -= 1
    # dump current state to disk. Next call will continue from here
    chp.save()
    return primes


if __name__ == "__main__":
    N=5
    primes_1 = compute_primes()
    print(primes_1)
    primes_2 = compute_primes(n=N)
    print(primes_2)
    assert len(primes_1) > 0
    assert len(primes_2) == len(primes_1) + N

"""What ./dev soak-disks runs: full disks and power cuts on real file systems. Prints counts and
seeds.

    soak.py [STATES]         states for each file system; 300
"""
import os
import random
import subprocess
import sys

import disks
import power_cuts

STATES_OF_A_WORKLOAD = 50
MUTANTS = ("all", "data", "file", "folder")


def first_seed():
    seed = int(os.environ.get("RESUME_SEED") or random.SystemRandom().randrange(1 << 32))
    print(f"RESUME_SEED={seed}", flush=True)
    return seed


def cut(kind, states, seed, mutant=None):
    cuts = power_cuts.Cuts()
    while cuts.counts["states"] < states:
        left = states - cuts.counts["states"]
        power_cuts.cut_disk(kind, min(left, STATES_OF_A_WORKLOAD), seed, cuts, mutant)
        seed += 1
    return cuts


def cut_all(kind, states, seed):
    """Real syncs lose nothing, and those that do nothing are found out. True when it is so."""
    cuts = cut(kind, states, seed)
    print(f"{kind}: {power_cuts.summary(cuts)}", flush=True)
    for failure in cuts.failures[:20]:
        print(f"  {failure}", flush=True)
    good = not cuts.failures
    return all([hunt(kind, mutant, seed) for mutant in MUTANTS]) and good


def hunt(kind, mutant, seed):
    """Syncs that do nothing are found out."""
    cuts = power_cuts.Cuts()
    while not cuts.failures and cuts.counts["workloads"] < 8:
        power_cuts.cut_disk(kind, 40, seed + cuts.counts["workloads"], cuts, mutant)
    bad = len(cuts.failures)
    print(f"{kind}, mutant: sync does nothing ({mutant}): {bad} failures in "
          f"{cuts.counts['states']} states, {'killed' if bad else 'SURVIVED'}", flush=True)
    return bad > 0


def fill(kind):
    """Every kind of save at every 4 KiB of free space. True when nothing was wrong."""
    with disks.disk(kind) as root:
        done = subprocess.run([disks.built("disk_full"), root, "4096", "2000", "first", "small",
                               "mark", "large", "compact", "aside", "rollback"],
                              capture_output=True, text=True)
    for line in (done.stdout + done.stderr).splitlines()[:100]:
        print(f"{kind}, disk full: {line}", flush=True)
    return done.returncode == 0


def main(arguments):
    states = int(arguments[0]) if arguments else 300
    why = power_cuts.cannot()
    if why:
        print(f"power cuts are skipped: {why}")
        return 1
    seed, good = first_seed(), True
    for kind in disks.KINDS:
        why = disks.cannot(kind)
        if why:
            print(f"{kind} is skipped: {why}", flush=True)
        else:
            good = fill(kind) and good
            good = cut_all(kind, states, seed) and good
    return 0 if good else 1


sys.exit(main(sys.argv[1:]))

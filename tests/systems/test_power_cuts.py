"""A few power cuts on a real ext4; ./dev soak-disks does hundreds on ext4, xfs and btrfs."""
import power_cuts
import pytest

import disks


@pytest.fixture(autouse=True)
def possible():
    why = power_cuts.cannot() or disks.cannot("ext4")
    if why:
        pytest.skip(why)


@pytest.mark.random
def test_cuts_lose_nothing(seed):
    cuts = power_cuts.Cuts()
    power_cuts.cut_disk("ext4", 12, seed, cuts)
    print(power_cuts.summary(cuts))
    assert not cuts.failures, cuts.failures


def test_syncs_that_do_nothing_are_noticed(seed):
    cuts = power_cuts.Cuts()
    power_cuts.cut_disk("ext4", 6, seed, cuts, mutant="data")
    assert cuts.counts["lost"] + cuts.counts["aside lost"] > 0

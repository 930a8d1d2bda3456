"""resume check: good, torn and damaged told apart; several targets; folders; JSON."""
import shutil

import pytest


def test_check__good(resume, ended):
    for arguments in ([], ["sim.main"], [ended], ["."], [".checkpoints"]):
        ran = resume("check", *arguments)
        assert ran.code == 0 and ran.err == "", arguments
        assert ran.out.startswith("good") and "sim.main" in ran.out


def test_check__json(resume, ended, folder):
    result = resume("check", "--json").json
    assert result["schema"] == 1 and result["command"] == "check" and result["exit"] == 0
    [entry] = result["files"]
    assert entry["path"] == str(folder / ".checkpoints/sim.main")
    assert (entry["result"], entry["status"]) == ("good", "RESUME_OK")
    assert all(g["result"] == "good" for g in entry["generations"]) and entry["generations"]


def tear(path, size=2048):
    """As a crash in the newest save leaves it: its end is missing, and no hint tells of it yet."""
    data = bytearray(path.read_bytes())
    data[4096:12288] = bytes(8192)
    data[-size:] = bytes(size)
    return bytes(data)


def test_check__torn(resume, cut_off):
    cut_off.write_bytes(tear(cut_off))
    ran = resume("check", "sim.main")
    assert ran.code == 3 and ran.out.startswith("torn") and "generation 1 is good" in ran.out
    assert resume("show", "sim.main").code == 3
    entry = resume("ls", "--json").json["checkpoints"][0]
    assert (entry["health"], entry["generation"]) == ("torn", 1)


def test_check__damaged_older_generation(resume, cut_off):
    with open(cut_off, "r+b") as file:  # inside the first segment, behind which a good one stands
        file.seek(3 * 4096 + 200)
        byte = file.read(1)
        file.seek(-1, 1)
        file.write(bytes([byte[0] ^ 1]))
    ran = resume("check", "sim.main")
    assert ran.code == 6 and ran.out == (
        "damaged     sim.main: generation 1: the digest does not match the segment at byte 12288; "
        "generation 2 is good\n")
    cut_off.write_bytes(b"something else")
    ran = resume("check", "sim.main")
    assert ran.code == 1 and ran.out == (
        "foreign     sim.main: the file does not begin like a checkpoint of resume; use another "
        "name, or move it away\n")


def test_check__damaged_array(resume, save, folder):
    np = pytest.importorskip("numpy")
    save("""
        import numpy as np
        from resume import Checkpoint
        def main():
            chp = Checkpoint()
            field = np.random.default_rng(1).random(1 << 18)
            chp.restore()
            chp.save()
        main()
    """)
    path = folder / ".checkpoints/sim.main"
    data = path.read_bytes()
    needle = np.random.default_rng(1).random(1 << 18).tobytes()[600_000:600_016]
    place = data.find(needle)
    assert place > 0 or len(data) < 2_200_000
    place = place if place > 0 else len(data) // 2
    path.write_bytes(data[:place] + bytes([data[place] ^ 0x10]) + data[place + 1:])
    ran = resume("check")
    assert ran.code == 6 and ran.out.startswith("damaged")
    assert resume("check", "--json").json["files"][0]["status"] == "RESUME_DAMAGED"


def test_check__nothing_good_left(resume, cut_off):
    data = cut_off.read_bytes()
    cut_off.write_bytes(data[:3 * 4096] + bytes(len(data) - 3 * 4096))
    assert resume("check", "sim.main").code == 6
    assert resume("show", "sim.main").code == 6


def test_check__not_found(resume, folder):
    assert resume("check").code == 4
    (folder / ".checkpoints").mkdir()
    assert resume("check", "sim.main").code == 4
    assert resume("check").code == 0


def test_check__the_worst_of_several_decides(resume, cut_off):
    torn = cut_off.with_name("torn")
    torn.write_bytes(tear(cut_off))
    assert resume("check", "sim.main").code == 0
    assert resume("check", "sim.main", "torn").code == 3
    assert resume("check").code == 3
    broken = cut_off.with_name("broken")
    broken.write_bytes(cut_off.read_bytes()[:3 * 4096 + 100])
    assert resume("check", "torn", "broken", "sim.main").code == 6
    results = {e["name"]: e["result"] for e in resume("check", "-j").json["files"]}
    assert results == {"sim.main": "good", "torn": "torn", "broken": "damaged"}


def test_check__set_aside_damage_only_with_all(resume, cut_off):
    aside = cut_off.with_name("sim.main.damaged-20261122T134301Z")
    shutil.copy(cut_off, aside)
    with open(aside, "r+b") as file:
        file.seek(3 * 4096 + 200)
        file.write(b"\xff\xff")
    assert resume("check").code == 0
    assert resume("check", "--all").code == 6

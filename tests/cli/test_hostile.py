"""Names and files that someone else made: nothing reaches the terminal raw, nothing crashes."""
import ctypes
import ctypes.util
import gzip
import os
import unicodedata

import pytest


def is_clean(text):
    """No control, format, private-use or surrogate character but line ends."""
    return all(c == "\n" or unicodedata.category(c) not in ("Cc", "Cf", "Co", "Cs", "Zl", "Zp")
               for c in text)


HOSTILE = ["\x1b[31mred", "\x1b]0;title\x07", "a\nb", "a\rb", "\u202etxt.exe", "\u2066x\u2069",
           "\x9b31m", "\u200b", "\ufeff", "\U000e0041", "\x7f", "back\\slash", "tab\t"]


def encode(name):
    plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-."
    return "".join(c if c in plain else "".join(f"%{b:02X}" for b in c.encode()) for c in name)


@pytest.mark.parametrize("name", HOSTILE, ids=ascii)
def test_names_are_escaped(resume, cut_off, name):
    os.rename(cut_off, cut_off.with_name(encode(name)))
    ran = resume("ls")
    assert ran.code == 0 and is_clean(ran.out) and len(ran.out.splitlines()) == 2
    assert "\\x" in ran.out or "\\\\" in ran.out
    assert resume("ls", "--json").json["checkpoints"][0]["name"] == name.replace("\x7f", "\\x7f")
    for command in ("show", "check"):
        ran = resume(command, name)
        assert ran.code == 0 and is_clean(ran.out) and is_clean(ran.err)
    raw = resume("ls", "--json").raw
    assert all(32 <= byte < 127 or byte == 10 for byte in raw)


def test_values_are_escaped(resume, save):
    save("""
        from resume import Checkpoint
        def main():
            chp = Checkpoint()
            evil = "\\x1b[2J\\u202e\\x07" + chr(0x9b)
            raw = b"\\x1b[2J"
            lone = "\\ud800x"
            keys = {"\\x1b[31m": 1}
            chp.restore()
            chp["\\x1b[31m"] = "x"
            chp.save()
        main()
    """)
    ran = resume("show", "sim.main")
    assert ran.code == 0 and is_clean(ran.out)
    assert "\\x1b[2J\\xe2\\x80\\xae\\x07\\xc2\\x9b" in ran.out
    ran = resume("show", "sim.main", "--json")
    assert all(32 <= byte < 127 or byte == 10 for byte in ran.raw)
    values = {entry["name"]: entry["value"] for entry in ran.json["variables"]}
    assert values["evil"] == "'\x1b[2J\u202e\x07\x9b'"
    assert values["lone"] == "'\\xed\\xa0\\x80x'"


def test_the_program_path_is_escaped(resume, save, folder):
    save("""
        from resume import Checkpoint
        def main():
            chp = Checkpoint("plain")
            chp.restore()
            chp.save()
        main()
    """, name="evil\x1b[31m.py")
    for arguments in (["ls"], ["show", "plain"]):
        ran = resume(*arguments)
        assert is_clean(ran.out) and "evil\\x1b[31m.py" in ran.out


def test_invalid_utf8_and_raw_bytes_in_arguments(resume, cut_off):
    for argument in (b"\xff\xfe", b"\x1b[31m", b"a\nb"):
        ran = resume("show", argument)
        assert ran.code in (2, 4) and is_clean(ran.err)


def test_the_c_locale_is_served_ascii(resume, cut_off):
    os.rename(cut_off, cut_off.with_name(encode("z\u00e4hler")))
    ran = resume("ls", LC_ALL="C")
    assert ran.code == 0 and ran.raw.isascii() and "z\\xc3\\xa4hler" in ran.out
    assert "z\u00e4hler" in resume("ls").out


def newer(data):
    """The same file, of format version 99, with a right checksum."""
    library = ctypes.util.find_library("xxhash")
    if not library:
        pytest.skip("no libxxhash to make the checksum with")
    digest = ctypes.CDLL(library).XXH3_64bits
    digest.restype, digest.argtypes = ctypes.c_uint64, [ctypes.c_char_p, ctypes.c_size_t]
    block = data[:8] + (99).to_bytes(2, "little") + data[10:4088]
    return block + digest(block, 4088).to_bytes(8, "little") + data[4096:]


FILES = {
    # name: (content from a good file, exit code alone, in a folder, words of the message)
    "empty": (lambda good: b"", 1, 3, "checkpoint of resume"),
    "foreign": (lambda good: b"#!/bin/sh\necho hello\n" * 1000, 1, 3, "checkpoint of resume"),
    "short": (lambda good: good[:100], 6, 6, ""),
    "header": (lambda good: good[:4096], 6, 6, ""),
    "old.pzip": (lambda good: gzip.compress(b"(dp0\n."), 1, 3, "0.13"),
    "newer": (newer, 1, 1, "newer"),
    "flipped": (lambda good: good[:30] + bytes([good[30] ^ 1]) + good[31:], 6, 6, ""),
}


@pytest.mark.parametrize("name", FILES)
def test_files_that_are_no_good_checkpoints(resume, cut_off, name):
    make, alone, in_folder, words = FILES[name]
    content = make(cut_off.read_bytes())
    cut_off.unlink()
    path = cut_off.with_name(name)
    path.write_bytes(content)
    for command in ("show", "check"):
        ran = resume(command, path)
        assert ran.code == alone, (command, ran.out, ran.err)
        message = ran.err if command == "show" else ran.out
        assert name in message and words in message
    assert resume("check").code == in_folder
    ran = resume("ls")
    assert ran.code == 0 and " -  " in ran.out
    entry = resume("ls", "--json").json["checkpoints"][0]
    assert entry["state"] == "unreadable" and entry["status"] != "RESUME_OK" and entry["message"]


def test_places_that_are_no_files(resume, cut_off, folder):
    os.mkfifo(cut_off.with_name("fifo"))
    cut_off.with_name("inner").mkdir()
    os.symlink(folder / "nothing", cut_off.with_name("dangling"))
    os.symlink(cut_off.resolve(), cut_off.with_name("link"))
    for name in ("fifo", "dangling", "link"):
        for command in ("show", "check"):
            ran = resume(command, f".checkpoints/{name}")  # must not wait for a writer of the FIFO
            assert ran.code not in (0, 3), (command, name)
            assert name in ran.err + ran.out
    assert resume("show", ".checkpoints/inner").code == 1
    ran = resume("ls")
    assert ran.code == 0 and "fifo" in ran.out and "sim.main" in ran.out


@pytest.mark.random
def test_random_damage_never_crashes(resume, cut_off, rng):
    good = cut_off.read_bytes()
    for _ in range(40):
        data = bytearray(good)
        for _ in range(rng.choice((1, 1, 3, 50))):
            place = rng.choice((rng.randrange(len(data)), rng.randrange(12288, len(data))))
            data[place] = rng.randrange(256)
        if rng.random() < 0.3:
            del data[rng.randrange(len(data)):]
        cut_off.write_bytes(data)
        for arguments in (["ls", "--json"], ["show", "sim.main"], ["check"]):
            ran = resume(*arguments)
            assert is_clean(ran.out) and is_clean(ran.err)

"""Who has saved a generation: its END, judged as docs/format.md "Signature" says, for reader.py."""
import hashlib
import hmac
import struct

SELF_VERIFYING = 1
UNSIGNED, BLAKE2B = 0, 1


def digest(data):
    return hashlib.blake2b(data, digest_size=32).digest()


def read_key(path):
    """32 bytes, or 64 hexadecimal digits."""
    with open(path, "rb") as stream:
        data = stream.read(100)
    return data if len(data) == 32 else bytes.fromhex(data.decode())


def judge(end, key, header, generation, flags, meta, table, stream):
    """"mine", "other" (another key), "wrong" (it does not match) or "not" (signed)."""
    if len(end) != 88 or struct.unpack_from("<I", end)[0] != BLAKE2B:
        return "not"
    own_id = hashlib.blake2b(b"", digest_size=16, key=key, person=b"resume-key-id-1").digest()
    if end[8:24] != own_id:
        return "other"
    statement = (digest(header) + struct.pack("<QQ", generation, flags & ~SELF_VERIFYING) +
                 digest(meta) + digest(table) + end[56:88])
    mac = hashlib.blake2b(statement, digest_size=32, key=key, person=b"resume-saved-1").digest()
    right = hmac.compare_digest(mac, end[24:56]) and hmac.compare_digest(digest(stream), end[56:])
    return "mine" if right else "wrong"

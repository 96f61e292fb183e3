"""SHA-1 (FIPS 180-4, section 6.1), for the one place in which RFC 6455 wants it.

The system's where there is one; small builds of MicroPython have none. It protects nothing here: it shows that the server has read
the key of the request.
"""

_MASK = 0xFFFFFFFF


def _rotated(value: int, bits: int) -> int:
    return ((value << bits) | (value >> (32 - bits))) & _MASK


def own_sha1(data: bytes) -> bytes:
    """Return the digest, 20 bytes, computed here."""
    padding = b"\x80" + bytes((55 - len(data)) % 64)
    message = data + padding + (8 * len(data)).to_bytes(8, "big")
    state = [0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0]
    for block in range(0, len(message), 64):
        words = [int.from_bytes(message[at : at + 4], "big") for at in range(block, block + 64, 4)]
        for at in range(16, 80):
            words.append(_rotated(words[at - 3] ^ words[at - 8] ^ words[at - 14] ^ words[at - 16], 1))
        a, b, c, d, e = state
        for at in range(80):
            if at < 20:
                mixed, constant = (b & c) | (~b & _MASK & d), 0x5A827999
            elif at < 40:
                mixed, constant = b ^ c ^ d, 0x6ED9EBA1
            elif at < 60:
                mixed, constant = (b & c) | (b & d) | (c & d), 0x8F1BBCDC
            else:
                mixed, constant = b ^ c ^ d, 0xCA62C1D6
            a, b, c, d, e = (_rotated(a, 5) + mixed + e + constant + words[at]) & _MASK, a, _rotated(b, 30), c, d
        state = [(old + new) & _MASK for old, new in zip(state, (a, b, c, d, e))]  # noqa: B905 - MicroPython's zip has no strict
    return b"".join([word.to_bytes(4, "big") for word in state])


try:
    from hashlib import sha1 as _system_sha1
except ImportError:
    sha1 = own_sha1
else:

    def sha1(data: bytes) -> bytes:
        """Return the digest, 20 bytes."""
        return _system_sha1(data).digest()  # noqa: S324 - RFC 6455, section 4.2.2, asks for it

"""Text from bytes, and nothing that is not UTF-8 (RFC 3629): RFC 6455 ends a connection over it.

MicroPython's own decoder lets surrogates, overlong forms and code points above U+10FFFF through, so there the bytes are looked at
first. Where the system's decoder is strict it is used as it is.
"""


class NotUtf8(ValueError):
    """The bytes are no UTF-8."""


# First byte up to this one: how many bytes follow, and the range of the first of them (RFC 3629, section 4).
_FORMS = (
    (0x7F, 0, 0x00, 0x00),
    (0xC1, -1, 0x00, 0x00),
    (0xDF, 1, 0x80, 0xBF),
    (0xE0, 2, 0xA0, 0xBF),
    (0xEC, 2, 0x80, 0xBF),
    (0xED, 2, 0x80, 0x9F),
    (0xEF, 2, 0x80, 0xBF),
    (0xF0, 3, 0x90, 0xBF),
    (0xF3, 3, 0x80, 0xBF),
    (0xF4, 3, 0x80, 0x8F),
    (0xFF, -1, 0x00, 0x00),
)


def is_utf8(data: bytes) -> bool:
    """Tell whether the bytes are UTF-8, each character whole."""
    at = 0
    end = len(data)
    while at < end:
        first = data[at]
        at += 1
        if first < 0x80:
            continue
        for last, follow, low, high in _FORMS:  # noqa: B007 - the row found is used below
            if first <= last:
                break
        if follow < 0 or at + follow > end or not low <= data[at] <= high:
            return False
        for place in range(at + 1, at + follow):
            if not 0x80 <= data[place] <= 0xBF:
                return False
        at += follow
    return True


def _system_is_strict() -> bool:
    try:
        b"\xed\xa0\x80".decode()
    except ValueError:
        return True
    return False


STRICT = _system_is_strict()


def decode(data: bytes) -> str:
    """Return the text. Raises NotUtf8."""
    if not STRICT and not is_utf8(data):
        raise NotUtf8("not UTF-8")
    try:
        return data.decode()
    except ValueError:
        raise NotUtf8("not UTF-8") from None

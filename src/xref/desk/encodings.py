"""Encodings that offices' older systems write, and that an adapter may declare. Pure.

`cp874` (Thai) and `cp1258` (Vietnamese) are Python's own. The tables of VISCII (RFC 1456), TCVN
5712:1993 (VN1) and IBM code page 1133 (Lao) are here; glibc's iconv is their oracle in the tests.
Tone marks that stand apart are joined to their letters when a cell is cleaned.
"""

import codecs
from collections.abc import Callable
from typing import Final, Literal

Encoding = Literal["utf-8", "cp874", "cp1258", "viscii", "tcvn5712", "cp1133"]
_UNDEFINED: Final = "\ufffe"


def _table(low: dict[int, str], high: str) -> str:
    """Return 256 characters: ASCII, with `low` in it, then the upper half."""
    return "".join(low.get(byte, chr(byte)) for byte in range(128)) + high


_TABLES: Final = {
    "viscii": _table(
        {0x02: "Ẳ", 0x05: "Ẵ", 0x06: "Ẫ", 0x14: "Ỷ", 0x19: "Ỹ", 0x1E: "Ỵ"},
        "ẠẮẰẶẤẦẨẬẼẸẾỀỂỄỆỐ"
        "ỒỔỖỘỢỚỜỞỊỎỌỈỦŨỤỲ"
        "Õắằặấầẩậẽẹếềểễệố"
        "ồổỗỠƠộờởịỰỨỪỬơớƯ"
        "ÀÁÂÃẢĂẳẵÈÉÊẺÌÍĨỳ"
        "ĐứÒÓÔạỷừửÙÚỹỵÝỡư"
        "àáâãảăữẫèéêẻìíĩỉ"
        "đựòóôõỏọụùúũủýợỮ",
    ),
    "tcvn5712": _table(
        dict(
            zip(
                (0x01, 0x02, 0x04, 0x05, 0x06, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17),
                "ÚỤỪỬỮỨỰỲỶỸÝỴ",
                strict=True,
            )
        ),
        "ÀẢÃÁẠẶẬÈẺẼÉẸỆÌỈĨ"
        "ÍỊÒỎÕÓỌỘỜỞỠỚỢÙỦŨ"
        "\xa0ĂÂÊÔƠƯĐăâêôơưđẰ"
        "\u0300\u0309\u0303\u0301\u0323àảãáạẲằẳẵắẴ"
        "ẮẦẨẪẤỀặầẩẫấậèỂẻẽ"
        "éẹềểễếệìỉỄẾỒĩíịò"
        "Ổỏõóọồổỗốộờởỡớợù"
        "ỖủũúụừửữứựỳỷỹýỵỐ",
    ),
    "cp1133": _table(
        {},
        "".join(map(chr, range(0x80, 0xA0))) + f"{_UNDEFINED}ກຂຄງຈສຊຍດຕຖທນບປ"
        f"ຜຝພຟມຢຣລວຫອຮ{_UNDEFINED}{_UNDEFINED}{_UNDEFINED}ຯ"
        f"ະາຳ\u0eb4\u0eb5\u0eb6\u0eb7\u0eb8\u0eb9\u0ebc\u0eb1\u0ebbຽ{_UNDEFINED}{_UNDEFINED}{_UNDEFINED}"
        f"ເແໂໃໄ\u0ec8\u0ec9\u0eca\u0ecb\u0ecc\u0ecdໆ{_UNDEFINED}ໜໝ₭"
        f"{_UNDEFINED * 16}"
        f"໐໑໒໓໔໕໖໗໘໙{_UNDEFINED}{_UNDEFINED}¢¬¦\xa0",
    ),
}


def decoder(encoding: Encoding) -> Callable[[bytes], str]:
    """Return what decodes the bytes of whole lines; a byte that means nothing becomes a surrogate.

    None of these encodings has a line end inside a character, so that lines can be decoded alone.
    """
    table = _TABLES.get(encoding)
    if table is not None:
        return lambda data: codecs.charmap_decode(data, "surrogateescape", table)[0]
    return lambda data: data.decode(encoding, "surrogateescape")


def undecoded(text: str) -> bool:
    """Say whether a text holds bytes that the encoding does not know."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False

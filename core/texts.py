"""The decoder of every text that a server sends: pages, feeds, sitemaps, robots.txt and other files of rules.

Labels and decoders are those of the WHATWG Encoding standard. A text that declares no encoding is judged by chardetng,
the detector of Firefox.
"""

import codecs
import re
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE, BOM_UTF32_BE, BOM_UTF32_LE
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import urlsplit

import webencodings
from chardetng_py import EncodingDetector

__all__ = [
    "Text",
    "decode_html",
    "decode_plain",
    "decode_xml",
    "encode_text",
    "encoding_of_label",
    "is_binary",
    "piecewise_decoder",
]


class Text(NamedTuple):
    """A decoded text."""

    text: str
    """Without its byte order mark; bytes that do not belong to the encoding are U+FFFD."""
    encoding: str
    """Name in the Encoding standard, in lower case; ``utf-32le`` and ``utf-32be`` are not part of it."""


_MARKS = (
    (BOM_UTF8, "utf-8"),
    (BOM_UTF32_LE, "utf-32le"),  # before UTF-16, whose mark it begins with
    (BOM_UTF32_BE, "utf-32be"),
    (BOM_UTF16_LE, "utf-16le"),
    (BOM_UTF16_BE, "utf-16be"),
)
_ZEROS: dict[tuple[bool, ...], str] = {
    (False, True, True, True): "utf-32le",
    (True, True, True, False): "utf-32be",
    (False, True, False, True): "utf-16le",
    (True, False, True, False): "utf-16be",
}
"""Which of the first four bytes are zero -> encoding (XML 1.0, appendix F; RFC 4627, section 3)."""
_HEAD_BYTES = 65_536
"""Bytes searched for a declaration. Browsers search the whole head; real heads are shorter than this."""
_DETECTED_BYTES = 1_048_576
"""Bytes from which an undeclared encoding is detected."""
_SLIPS = 20
"""An undeclared text is UTF-8 if it has at least this many valid non-ASCII characters for each broken one."""


def decode_html(body: bytes, content_type: str = "", url: str = "") -> Text:
    """Decode an HTML page as browsers do (HTML standard, "determining the character encoding").

    The order is: byte order mark, HTTP header, declaration in the page, detection.

    Args:
        body: Bytes of the page.
        content_type: Its ``Content-Type`` header.
        url: Its URL, whose top-level domain helps the detector.
    """
    known = _from_bytes(body) or _from_header(content_type) or _from_meta(body[:_HEAD_BYTES]) or _from_xml(body)
    return _decode(body, known or _detect(body, url))


def decode_xml(body: bytes, content_type: str = "", url: str = "") -> Text:
    """Decode an XML file: byte order mark, HTTP header, XML declaration (RFC 7303, section 3), detection."""
    known = _from_bytes(body) or _from_header(content_type) or _from_xml(body)
    return _decode(body, known or _detect(body, url))


def decode_plain(body: bytes, content_type: str = "", url: str = "") -> Text:
    """Decode a text whose format requires UTF-8, such as robots.txt (RFC 9309) or JSON (RFC 8259).

    Files in other encodings exist, so the order is: byte order mark, UTF-8 if it is valid, HTTP header, detection.
    """
    known = _from_bytes(body) or ("utf-8" if _is_utf8(body) else None) or _from_header(content_type)
    return _decode(body, known or _detect(body, url))


def piecewise_decoder(encoding: str) -> codecs.IncrementalDecoder:
    """Return a decoder for a text that comes in pieces, such as a large feed.

    Args:
        encoding: ``Text.encoding`` of its beginning. A byte order mark is decoded as U+FEFF.
    """
    if encoding.startswith("utf-"):
        info = codecs.lookup(encoding.replace("le", "-le").replace("be", "-be"))
    else:
        info = _codec("windows-1252" if encoding == "replacement" else encoding)
    decoder = info.incrementaldecoder
    if decoder is None:
        raise LookupError(f"{encoding!r} cannot be decoded in pieces")
    return decoder("replace")


def is_binary(text: str) -> bool:
    """Return whether a decoded file is no text: it contains NUL, or a tenth of it is broken or control characters."""
    odd = sum(not (c.isprintable() or c.isspace()) or c == "\ufffd" for c in text[:_HEAD_BYTES])
    return "\0" in text or odd * 10 > min(len(text), _HEAD_BYTES)


def encoding_of_label(label: str) -> str | None:
    """Return the name of the encoding that a label stands for in the Encoding standard; None if it knows no such."""
    try:
        found = webencodings.lookup(label)
    except (UnicodeError, ValueError):
        return None
    return found.name if found else None


def encode_text(text: str, label: str) -> bytes:
    """Encode a part of a form or a URL as browsers do: a character that the encoding lacks becomes ``&#NNNN;``.

    Texts in UTF-16 and in encodings that the standard does not know are sent as UTF-8.
    """
    name = encoding_of_label(label) or "utf-8"
    if name.startswith("utf") or name == "replacement":
        return text.encode("utf-8", "replace")
    return _codec(name).encode(text, "xmlcharrefreplace")[0]


def _from_bytes(body: bytes) -> str | None:
    """Return the encoding that a byte order mark, or the zeros of the first characters, name."""
    marked = next((name for mark, name in _MARKS if body.startswith(mark)), None)
    return marked or _ZEROS.get(tuple(byte == 0 for byte in body[:4]))


_CHARSET = re.compile(r"""charset\s*=\s*["']?\s*([^\s"';,]+)""", re.IGNORECASE)
_XML = re.compile(rb"""\s*<\?xml[^>]*?encoding\s*=\s*["']\s*([A-Za-z0-9._:-]+)\s*["']""")


def _from_header(content_type: str) -> str | None:
    found = _CHARSET.search(content_type)
    return encoding_of_label(found[1]) if found else None


def _from_xml(body: bytes) -> str | None:
    found = _XML.match(body[:1024])
    return _readable(encoding_of_label(found[1].decode("ascii"))) if found else None


def _readable(name: str | None) -> str | None:
    """Return what a declaration means that was itself read as ASCII: the bytes cannot be UTF-16."""
    if name in ("utf-16le", "utf-16be"):
        return "utf-8"
    return "windows-1252" if name == "x-user-defined" else name


_TOKEN = re.compile(rb"<!--(?:-?>|.*?-->)|<(/?[A-Za-z][^\t\n\f\r />]*)|<[!/?][^>]*>", re.DOTALL)
_ATTRIBUTE = re.compile(
    rb"""[\t\n\f\r /]*(?:>|([^\t\n\f\r />][^\t\n\f\r />=]*)
    (?:[\t\n\f\r ]*=[\t\n\f\r ]*(?:"([^"]*)"|'([^']*)'|([^\t\n\f\r >"'][^\t\n\f\r >]*)|(?=>)))?(?=[\t\n\f\r />"']))""",
    re.VERBOSE,
)
_CONTENT = re.compile(
    rb"""charset[\t\n\f\r ]*=[\t\n\f\r ]*(?:"([^"]*)"|'([^']*)'|([^\t\n\f\r ;"'][^\t\n\f\r ;]*))""", re.IGNORECASE
)


def _from_meta(head: bytes) -> str | None:
    """Return the encoding that a meta element declares (HTML standard, "prescan a byte stream")."""
    place = 0
    while found := _TOKEN.search(head, place):
        place = found.end()
        if found[1] is None:
            continue
        read = _attributes(head, place)
        if read is None:
            return None
        attributes, place = read
        if found[1].lower() == b"meta" and (name := _declared(attributes)):
            return name
    return None


def _attributes(head: bytes, place: int) -> tuple[dict[bytes, bytes], int] | None:
    """Return the attributes of a tag, the first of each name, and where it ends; None if it does not end."""
    attributes: dict[bytes, bytes] = {}
    while found := _ATTRIBUTE.match(head, place):
        place = found.end()
        if found[1] is None:
            return attributes, place
        attributes.setdefault(found[1].lower(), found[2] or found[3] or found[4] or b"")
    return None


def _declared(attributes: dict[bytes, bytes]) -> str | None:
    label: bytes | None = attributes.get(b"charset")
    if label is None and attributes.get(b"http-equiv", b"").lower() == b"content-type":
        found = _CONTENT.search(attributes.get(b"content", b""))
        label = (found[1] or found[2] or found[3]) if found else None
    return _readable(encoding_of_label(label.decode("latin-1"))) if label else None


def _is_utf8(body: bytes) -> bool:
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _detect(body: bytes, url: str) -> str:
    """Return the encoding that a text without a declaration is most likely in.

    A browser rejects UTF-8 for one broken byte. Real pages have such bytes where templates cut a text.
    """
    if b"\x1b" not in body and _is_utf8(body):  # ESC begins a character set of ISO-2022-JP
        return "utf-8"
    sample = body[:_DETECTED_BYTES]
    text = sample.decode("utf-8", "replace")
    broken = text.count("\ufffd") - text.endswith("\ufffd")  # a text may be cut inside a character
    valid = sum(c > "\x7f" for c in text.rstrip("\ufffd")) - broken
    if valid and valid >= broken * _SLIPS:
        return "utf-8"
    detector = EncodingDetector()
    detector.feed(sample, last=len(sample) == len(body))
    found = detector.guess(tld=_top_level(url), allow_utf8=True).lower()
    return "windows-874" if found == "cp874" else found  # the one Python name among the detector's answers


def _top_level(url: str) -> bytes | None:
    try:
        name = (urlsplit(url).hostname or "").rstrip(".").rpartition(".")[2]
    except ValueError:
        return None
    return name.encode("ascii") if name.isascii() and name.replace("-", "").isalnum() and name[:1].isalpha() else None


def _decode(body: bytes, name: str) -> Text:
    if name == "replacement":
        return Text("\ufffd" if body else "", name)
    mark = next((mark for mark, marked in _MARKS if marked == name and body.startswith(mark)), b"")
    body = body[len(mark) :]
    if name.startswith("utf"):
        return Text(body.decode(name.replace("le", "-le").replace("be", "-be"), "replace"), name)
    if table := _table(name):
        return Text(codecs.charmap_decode(body, "replace", table)[0], name)
    if name in ("gbk", "gb18030"):
        text = body.decode("gb18030", "replace")
        return Text(text.translate(_GB18030) if _PRIVATE.search(text) else text, name)
    if name == "euc-jp":
        return Text(body.decode("euc_jp", _EUC_JP), name)
    return Text(_codec(name).decode(body, "replace")[0], name)


def _codec(name: str) -> codecs.CodecInfo:
    found = webencodings.lookup(name)
    if found is None:
        raise LookupError(f"{name!r} is no encoding of the Encoding standard")
    info: codecs.CodecInfo = found.codec_info
    return info


_SINGLE_BYTE = re.compile(r"windows-\d+|iso-8859-\d+(?:-i)?|koi8-[ru]|ibm866|macintosh|x-mac-cyrillic")
_CONTROLS = range(0x80, 0xA0)


@lru_cache(maxsize=64)
def _table(name: str) -> str | None:
    """Return the characters of the 256 bytes of an encoding; None if it has longer characters.

    Python leaves bytes without a character undefined; in the standard, those from 0x80 to 0x9F are controls.
    """
    if not _SINGLE_BYTE.fullmatch(name):
        return None
    codec = _codec(name)
    found = [codec.decode(bytes([byte]), "replace")[0] for byte in range(256)]
    return "".join(chr(b) if c == "\ufffd" and b in _CONTROLS else c for b, c in enumerate(found))


_PRIVATE = re.compile("[\ue5e5\ue78d-\ue796\ue81e-\ue864]")
_GB18030 = dict(
    zip(
        (0xE5E5, *range(0xE78D, 0xE797), 0xE81E, 0xE826, 0xE82B, 0xE82C, 0xE832, 0xE843, 0xE854, 0xE864),
        (0x3000, 0xFE10, 0xFE12, 0xFE11, *range(0xFE13, 0xFE1A), *range(0x9FB4, 0x9FBC)),
        strict=True,
    )
)
"""Private characters in Python's GB18030, of 2000 -> the characters that the Encoding standard gives."""

_EUC_JP = "m5data.euc-jp"


def _read_extension(error: UnicodeError) -> tuple[str, int]:
    """Read one character of EUC-JP that Python lacks: the extensions of NEC and IBM, such as circled digits.

    Shift_JIS, which has the same two-byte set in another arrangement, names them.
    """
    if not isinstance(error, UnicodeDecodeError):
        raise error
    high, low = (*error.object[error.start : error.start + 2], 0)[:2]
    if not (0xA1 <= high <= 0xFE and 0xA1 <= low <= 0xFE):
        return "\ufffd", error.end
    row, cell = high - 0xA1, low - 0xA1 + (94 if (high - 0xA1) % 2 else 0)
    first, second = row // 2 + (0x81 if row < 62 else 0xC1), cell + 0x40
    text = bytes((first, second + (second >= 0x7F))).decode("cp932", "replace")
    return (text, error.start + 2) if len(text) == 1 and text.isprintable() else ("\ufffd", error.end)


codecs.register_error(_EUC_JP, _read_extension)

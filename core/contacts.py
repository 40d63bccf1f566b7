"""Protection of personal data: contact details in texts are masked, names of merchants become keyed hashes."""

import hmac
import re
import unicodedata
from collections.abc import Callable
from functools import cache
from importlib.resources import files

from core.vocabulary import anywhere_pattern, squash

__all__ = ["MASKS", "hash_merchant", "mask_contacts", "mask_lines"]

MASKS = {name: f"〈{name}〉" for name in ("phone", "wechat", "qq", "email", "address")}
"""Kind of contact detail -> its replacement."""

_FULL_WIDTH = {
    **{ord("０") + i: ord("0") + i for i in range(10)},
    ord("＠"): ord("@"),
    ord("－"): ord("-"),
    ord("＋"): ord("+"),
    ord("．"): ord("."),
    ord("（"): ord("("),
    ord("）"): ord(")"),
}
"""Full-width -> half-width, one character for one, so that positions do not change."""

_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}\s?@\s?(?:[\w-]{1,63}\.){1,4}[A-Za-z]{2,24}\b")
_WECHAT = re.compile(
    r"(?:(?:微|薇|徽|威|v)\s?信|wei\s?xin|we\s?chat)(?:\s?(?:号|號|id))?\s*[:：=]?\s*(?P<detail>[A-Za-z][\w-]{5,19}(?![\w-])|(?<!\d)\d{6,11}(?!\d))"
    r"|(?<![A-Za-z])(?:加\s?)?[vw]\s?x\s?(?:号\s*)?[:：=号]\s*(?P<short>[A-Za-z\d][\w-]{5,19}(?![\w-]))",
    re.IGNORECASE,
)
_QQ = re.compile(
    r"(?<![A-Za-z])(?:QQ|扣扣|企鹅)(?:\s?(?:号码|号|群|空间))?\s*[:：=]?\s*(?P<detail>[1-9]\d{4,11}(?!\d))",
    re.IGNORECASE,
)
_NUMBER = r"\+?\(?\d(?:[\d()\s./-]{5,18})\d(?!\d)"
_LABELLED_PHONE = re.compile(
    r"(?:(?:电话|電話|联系方式|联络|热线|熱線|致电|tel(?:e(?:ph?on|fon|fono))?e?|hotline|call(?:\s+us)?|whats\s?app|viber|fax|тел(?:ефон)?|هاتف|טלפון|☎|📞|📱)"
    r"[a-zé]{0,3}\.?\s?(?:号码|号|no\.?|number)?\s*[:：]?"
    r"|(?:手机|手機|专线|客服|座机|phone|mobile|cell)\s?(?:(?:号码|号|no\.?|number)\s*[:：]?|[:：]))"
    rf"\s*(?P<detail>{_NUMBER})(?!\s?(?:[munpkMG]?[AWVFHzgmlL]h?\b|cm|mm|inch|元|件|片|克))",
    re.IGNORECASE,
)
_MOBILE = re.compile(r"(?<![\w.,/-])(?P<detail>(?:(?:\+|00)?86[\s-]?)?1[3-9]\d(?:[\s-]?\d{4}){2})(?![\w/-]|[.,]\d)")
_LANDLINE = re.compile(
    r"(?<![\w.,/-])(?P<detail>(?:\(0\d{2,3}\)\s?|0\d{2,3}-)[2-9]\d{6,7}(?:-\d{1,6})?|0[2-8]-\d{4}-?\d{4}"
    r"|0\d{1,3}-\d{3,4}-\d{4}|[48]00-\d{3}-?\d{4}|[48]00-\d{4}-\d{3})(?![\w-])"
)
_INTERNATIONAL = re.compile(
    r"(?<![\w.+-])(?P<detail>\+[1-9]\d{0,2}[\s.-]?(?:\(\d{1,4}\)[\s.-]?)?\d{1,4}(?:[\s.-]?\d{2,4}){2,4})(?![\w-])"
)
_NORTH_AMERICAN = re.compile(r"(?<![\w.-])(?P<detail>\([2-9]\d{2}\)\s?\d{3}-\d{4})(?![\w-])")
_ANY_NUMBER = re.compile(rf"(?<![\w.,/-])(?P<detail>{_NUMBER})(?![^\W_])")
"""A number that is a telephone number if a word for telephone precedes it: ``廠商電話``, ``Tel. no.``, ``โทร``."""
_BETWEEN = re.compile(r"[\W_]*(?:no|nr|n[oº°]|num(?:ber|ero)?|号码?|號碼?|番号|번호)?[\W_]*", re.IGNORECASE)
_TO_COLON = re.compile(r"[^\d:：]{0,30}[:：]\s*")
_ID_BEFORE = re.compile(
    r"(?:货号|貨號|编号|編號|编码|条码|條碼|型号|型號|款号|款號|订单|批号|番号|ID|SKU|EAN|UPC|GTIN|ISBN|MPN|No\.?|code|item|ref|model|art(?:icle|ikel)?\.?)\W*(?:nr\.?\s*|no\.?\s*)?$",
    re.IGNORECASE,
)
_STREET = r"[\u4e00-\u9fff\w]{1,20}?(?:路|街|大道|道|巷|弄|胡同)"
_CHINESE_ADDRESS = re.compile(
    rf"(?P<detail>(?:[\u4e00-\u9fff]{{2,7}}(?:省|自治区))?[\u4e00-\u9fff]{{2,7}}市(?:[\u4e00-\u9fff]{{1,7}}(?:区|县|市|镇))?{_STREET}\s?\d{{1,5}}\s?号(?:[\u4e00-\u9fff\w-]{{0,15}}?(?:号楼|栋|单元|室|层|楼))*)"
)
_LABELLED_ADDRESS = re.compile(
    r"(?:(?:公司|发货|退货|收货|联系|详细|店铺|工厂|厂家)?(?:地址|住址|厂址)|(?:street|postal|mailing|our|shop|store|return)\s+address|adresse|dirección|indirizzo|endereço|адрес)\s*[:：]\s*"
    r"(?P<detail>[^〈〉;；。|【】\n:：]{4,120}?)(?=\s+[^\s:：]{2,10}[:：]|[;；。|【】〈\n]|$)",
    re.IGNORECASE,
)

_RULES: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("email", _EMAIL),
    ("wechat", _WECHAT),
    ("qq", _QQ),
    ("address", _LABELLED_ADDRESS),
    ("address", _CHINESE_ADDRESS),
    ("phone", _LABELLED_PHONE),
    ("phone", _INTERNATIONAL),
    ("phone", _MOBILE),
    ("phone", _LANDLINE),
    ("phone", _NORTH_AMERICAN),
    ("phone", _ANY_NUMBER),
)


def mask_contacts(text: str, label: str = "") -> tuple[str, int]:
    """Replace contact details with tokens such as ``〈phone〉`` and count them.

    Words before a detail (``微信：``) stay. A number without a label is masked only if it is formatted like a telephone
    number; sizes, prices, GTINs, part numbers and eleven digits after a word for an id stay. Masking again changes
    nothing.

    Args:
        text: A caption, or the name or value of a specification.
        label: Name of the specification if ``text`` is its value. A number under ``货号`` is not a telephone number.

    Returns:
        The masked text and the number of masked details.
    """
    count, normal = 0, _normal(text)
    for kind, pattern in _RULES:
        if pattern.search(normal):
            text, times = _replace(text, normal, label, pattern, MASKS[kind])
            count, normal = count + times, _normal(text)
    return text, count


def mask_lines(text: str, label: str = "") -> tuple[str, int]:
    """Mask each line of a text alone, as ``mask_contacts`` does; a telephone number does not span two."""
    if "\n" not in text:
        return mask_contacts(text, label)
    lines = [mask_contacts(line, label) for line in text.split("\n")]
    return "\n".join(line for line, _ in lines), sum(count for _, count in lines)


def _normal(text: str) -> str:
    """Return a text of the same length with half-width digits and signs."""
    return text if text.isascii() else text.translate(_FULL_WIDTH)


def _replace(text: str, normal: str, label: str, pattern: re.Pattern[str], token: str) -> tuple[str, int]:
    test = _TESTS.get(pattern, _any)
    pieces: list[str] = []
    end = count = 0
    for found in pattern.finditer(normal):
        start, stop = found.span(next((name for name in ("detail", "short") if found.groupdict().get(name)), 0))
        before = normal[max(0, start - 40) : start] if start or not label else f"{label[-40:]}:"
        if not test(before, normal[start:stop]):
            continue
        pieces += [text[end:start], token]
        end, count = stop, count + 1
    return "".join(pieces) + text[end:], count


def _any(_before: str, _detail: str) -> bool:
    return True


def _is_no_id(before: str, _detail: str) -> bool:
    return not _ID_BEFORE.search(before)


def _is_wechat(before: str, detail: str) -> bool:
    """Return whether a word after "WeChat" is an account: after a colon or "number", or with a digit."""
    return before.rstrip()[-1:] in ":：=号號dD" or any(c.isdigit() for c in detail)


def _has_digits_of_phone(_before: str, detail: str) -> bool:
    return 7 <= sum(c.isdigit() for c in detail) <= 15


def _is_called_phone(before: str, detail: str) -> bool:
    """Return whether a number follows a word for telephone, in any language."""
    if not _has_digits_of_phone(before, detail):
        return False
    text = squash(before)
    last = max((word.end() for word in _phone_words().finditer(text)), default=None)
    if last is None:
        return False
    rest = text[last:]
    return bool(_BETWEEN.fullmatch(rest) or (_TO_COLON.fullmatch(rest) and not _ID_BEFORE.search(rest)))


_TESTS: dict[re.Pattern[str], Callable[[str, str], bool]] = {
    _WECHAT: _is_wechat,
    _MOBILE: _is_no_id,
    _LABELLED_PHONE: _has_digits_of_phone,
    _INTERNATIONAL: _has_digits_of_phone,
    _ANY_NUMBER: _is_called_phone,
}


@cache
def _phone_words() -> re.Pattern[str]:
    return anywhere_pattern([files("core").joinpath("words/phones.txt").read_text(encoding="utf-8")])


def hash_merchant(name: str, key: bytes) -> str:
    """Return the HMAC-SHA256 of a merchant name under the workspace's key, 64 hex digits.

    The name is normalised first (NFKC, case, white space), so that full-width and half-width spellings have the same
    hash. Without the key, nobody can check a guessed name against it.
    """
    normal = " ".join(unicodedata.normalize("NFKC", name).casefold().split())
    return hmac.digest(key, normal.encode(), "sha256").hex()

"""Contact details are masked and counted; other numbers stay."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.contacts import MASKS, hash_merchant, mask_contacts


@pytest.mark.parametrize(
    ("text", "masked", "count"),
    [
        ("好货 加微信：demo_123456", "好货 加微信：〈wechat〉", 1),
        ("VX：demo_987 现货", "VX：〈wechat〉 现货", 1),
        ("微信号 abc-12345", "微信号 〈wechat〉", 1),
        ("QQ群：123456789 加入", "QQ群：〈qq〉 加入", 1),
        ("邮箱：shop1@mail.example", "邮箱：〈email〉", 1),
        ("联系 a.b@mail＠x a.b＠mail.example", "联系 a.b@mail＠x 〈email〉", 1),
        ("咨询电话：139-1234-5678", "咨询电话：〈phone〉", 1),
        ("现货 13912345678 包邮", "现货 〈phone〉 包邮", 1),
        ("电话：０５７１－８８８８８８８８", "电话：〈phone〉", 1),
        ("热线400-820-8820转1", "热线〈phone〉转1", 1),
        ("Tel: +49 (0)30 1234567", "Tel: 〈phone〉", 1),
        ("+1 415-555-2671", "〈phone〉", 1),
        ("call (415) 555-2671 now", "call 〈phone〉 now", 1),
        ("发货地址：杭州市文三路12号 电话：13800138000", "发货地址：〈address〉 电话：〈phone〉", 2),
        ("浙江省杭州市西湖区文三路123号2栋301室", "〈address〉", 1),
        ("Our address: 1 High Street, Dudley; DY2", "Our address: 〈address〉; DY2", 1),
    ],
)
def test_contact_details_are_masked(text: str, masked: str, count: int) -> None:
    assert mask_contacts(text) == (masked, count)


@pytest.mark.parametrize(
    ("label", "value"),
    [
        ("廠商電話", "02-29345217"),
        ("廠商電話", "29345217"),
        ("供應商聯絡電話", "（02）2934-5217"),
        ("Điện thoại", "0912 345 678"),
        ("เบอร์โทร", "081-234-5678"),
        ("전화번호", "02-1234-5678"),
        ("お問い合わせ電話番号", "0120-123-456"),
        ("Τηλέφωνο", "210 1234567"),
        ("Puhelin", "040 1234567"),
        ("Телефон горячей линии", "8 800 123-45-67"),
        ("رقم الهاتف", "0501234567"),
        ("Teléfono de contacto", "912 34 56 78"),
        ("Telp", "021 5551234"),
        ("Rufnummer", "030 1234567"),
    ],
)
def test_a_number_under_a_word_for_telephone_is_one_in_any_language(label: str, value: str) -> None:
    assert mask_contacts(value, label) == (MASKS["phone"], 1)
    assert mask_contacts(f"{label}: {value}") == (f"{label}: {MASKS['phone']}", 1)


@pytest.mark.parametrize(
    ("label", "value"),
    [("电话货号", "12345678"), ("Telefon model", "3310 1234567"), ("Telefon", "1200 mAh"), ("Phone", "2201117")],
)
def test_a_word_for_telephone_does_not_make_an_id_a_number(label: str, value: str) -> None:
    assert mask_contacts(value, label) == (value, 0)


@pytest.mark.parametrize(
    "text",
    [
        "货号13912345678",
        "SKU: 13912345678",
        "EAN 6901234567892",
        "5099873388655",
        "XWSC61251 13600mAh 1920x1080",
        "手机 1300 5000 mAh",
        "Phone 12 Pro 2020 64 128 256",
        "28 x 30.7 x 67,7 cm",
        "130-140-150",
        "1299.00-1599.00",
        "2020-12-03 10:41:55",
        "wxhead123456",
        "微信 Android 客户端",
        "WX-100 耳机",
        "002.937.72",
        "IP65 / 230V 50-60Hz",
        "南京路步行街纪念品",
        "QQ 糖 500g",
    ],
)
def test_other_numbers_stay(text: str) -> None:
    assert mask_contacts(text) == (text, 0)


def test_specification_name_tells_ids_from_telephone_numbers() -> None:
    assert mask_contacts("13912345678", label="货号") == ("13912345678", 0)
    assert mask_contacts("13912345678", label="联系电话") == ("〈phone〉", 1)


DETAILS = st.sampled_from(
    [
        "13912345678",
        "微信：abc_12345",
        "QQ：12345678",
        "a@b.example",
        "电话：010-12345678",
        "地址：杭州市文三路12号",
        "+86 139 1234 5678",
    ]
)
TEXTS = st.lists(st.one_of(DETAILS, st.text(max_size=12), st.sampled_from(list(MASKS.values()))), max_size=8).map(
    " ".join
)


@given(TEXTS)
def test_masking_is_idempotent(text: str) -> None:
    once, _ = mask_contacts(text)

    assert mask_contacts(once) == (once, 0)


@given(TEXTS)
def test_masks_are_counted(text: str) -> None:
    masked, count = mask_contacts(text)

    tokens = [sum(part.count(token) for token in MASKS.values()) for part in (text, masked)]
    assert tokens[1] - tokens[0] <= count
    assert (masked == text) == (count == 0)


def test_a_merchant_has_one_hash_for_each_key() -> None:
    one = hash_merchant("Ｂｒｉｇｈｔ  House", b"key")

    assert one == hash_merchant("bright house", b"key")
    assert len(one) == 64
    assert one != hash_merchant("bright house", b"other")
    assert one != hash_merchant("bright horse", b"key")

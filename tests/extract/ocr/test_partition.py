from extract.ocr.lines import TextLine
from extract.ocr.partition import mask_lines


def masked(*texts: str) -> list[tuple[str, str | None]]:
    return mask_lines([TextLine(text, 0.9, (0, 0, 9, 0, 9, 9, 0, 9)) for text in texts])


def test_contact_details_are_masked_and_named() -> None:
    assert masked("加微信：demo_123456 电话：13800138000", "纯棉 500ml") == [
        ("加微信：〈wechat〉 电话：〈phone〉", "phone, wechat"),
        ("纯棉 500ml", None),
    ]


def test_a_short_line_before_is_the_label() -> None:
    assert masked("微信号：", "abc-12345") == [("微信号：", None), ("〈wechat〉", "wechat")]
    assert masked("QQ", "123456789") == [("QQ", None), ("〈qq〉", "qq")]
    assert masked("货号", "13800138000") == [("货号", None), ("13800138000", None)]


def test_a_long_line_before_is_no_label() -> None:
    assert masked("我们的微信每天都会发布新品", "abc-12345")[1] == ("abc-12345", None)

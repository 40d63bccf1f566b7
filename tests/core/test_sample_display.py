"""Display of a sample in a terminal and in a notebook."""

from dataclasses import replace
from decimal import Decimal

import numpy as np

from core.modalities import Offer, Sample
from core.records import Specification

SAMPLE = Sample(
    product_id="shop:1", split="train", role="sample", label="3", label_level="sub_class", group_id="shop:1",
    source="shop", url="https://shop.example/1", licence="", classes={}, caption="茶壶 <b>",
    specs=(Specification("颜色", "红"),),
    image=b"\xff\xd8\xff" + bytes(2000), image_url=None, image_size=(4, 3), frames=(), audio=bytes(1500),
    mfcc=np.zeros((20, 455), np.float32), description="A pot.", features=("small",),
    offer=Offer(price=Decimal("4.50"), currency="EUR"),
)  # fmt: skip


def test_a_printed_sample_shows_sizes_and_no_bytes() -> None:
    assert repr(SAMPLE) == (
        "Sample(product_id='shop:1', split='train', role='sample', label='3', label_level='sub_class', "
        "group_id='shop:1', source='shop', url='https://shop.example/1', licence='', classes={}, caption='茶壶 <b>', "
        "specs=<1 Specification>, image=<2,003 bytes>, image_url=None, image_size=(4, 3), frames=(), "
        "audio=<1,500 bytes>, mfcc=<float32 [20, 455]>, image_text=(), description='A pot.', features=('small',), "
        "offer=Offer(price=Decimal('4.50'), currency='EUR'), variants=(), "
        "purposes=('train', 'evaluate', 'search', 'display'), more={})"
    )


def test_a_notebook_shows_a_card_with_the_text_escaped() -> None:
    card = SAMPLE._repr_html_()
    assert "<b>茶壶 &lt;b&gt;</b>" in card
    assert "<th style='text-align:left'>颜色</th><td style='text-align:left'>红</td>" in card
    assert "src='data:image/jpeg;base64,/9j/" in card
    assert "○&nbsp;video" in card
    assert "<img" not in replace(SAMPLE, image=b"<svg onload='x'/>")._repr_html_()


def test_long_texts_of_a_card_are_cut() -> None:
    card = replace(SAMPLE, caption="c" * 400, specs=(Specification("p" * 400, "<" * 400),))._repr_html_()
    assert f"<b>{'c' * 299}…</b>" in card
    assert f">{'p' * 59}…</th>" in card
    assert f">{'&lt;' * 299}…</td>" in card

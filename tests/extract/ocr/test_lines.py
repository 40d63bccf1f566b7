from extract.ocr.lines import TextLine, in_reading_order, without_repeats


def line(text: str, left: int, top: int, right: int, bottom: int, confidence: float = 0.9) -> TextLine:
    return TextLine(text, confidence, (left, top, right, top, right, bottom, left, bottom))


def test_lines_are_read_row_by_row_from_the_left() -> None:
    lines = [line("d", 0, 60, 50, 80), line("b", 100, 3, 200, 25), line("a", 0, 0, 50, 20), line("c", 300, 1, 400, 19)]
    assert [one.text for one in in_reading_order(lines)] == ["a", "b", "c", "d"]


def test_a_large_heading_beside_two_lines_is_no_row_with_them() -> None:
    lines = [line("small 1", 200, 0, 300, 20), line("small 2", 200, 70, 300, 90), line("HEAD", 0, 0, 100, 90)]
    assert [one.text for one in in_reading_order(lines)] == ["small 1", "HEAD", "small 2"]


def test_of_two_readings_of_one_place_the_larger_stays() -> None:
    whole, cut = line("material: cotton", 0, 100, 200, 130), line("matena1", 0, 100, 198, 112, 0.99)
    other = line("size", 0, 140, 80, 160)
    assert without_repeats([cut, other, whole]) == [whole, other]


def test_neighbours_that_touch_both_stay() -> None:
    lines = [line("one", 0, 0, 100, 30), line("two", 0, 25, 100, 55)]
    assert {one.text for one in without_repeats(lines)} == {"one", "two"}

from itertools import pairwise

from extract.ocr.reader import Tile, cut_tiles


def test_a_usual_image_is_one_tile() -> None:
    assert cut_tiles(800, 600) == (1.0, [Tile(0, 0, 800, 600)])


def test_a_large_image_is_shrunk_to_a_short_side_of_960() -> None:
    scale, tiles = cut_tiles(2400, 1920)
    assert (scale, tiles) == (0.5, [Tile(0, 0, 1200, 960)])


def test_a_small_image_is_enlarged_at_most_twice() -> None:
    assert cut_tiles(320, 400) == (1.5, [Tile(0, 0, 480, 600)])
    assert cut_tiles(100, 100) == (2.0, [Tile(0, 0, 200, 200)])


def test_a_long_image_is_cut_into_tiles_that_overlap() -> None:
    scale, tiles = cut_tiles(790, 3000)
    assert scale == 1.0
    assert tiles == [Tile(0, 0, 790, 1280), Tile(0, 1152, 790, 2432), Tile(0, 2304, 790, 3000)]
    assert cut_tiles(3000, 790)[1] == [Tile(0, 0, 1280, 790), Tile(1152, 0, 2432, 790), Tile(2304, 0, 3000, 790)]


def test_tiles_cover_every_pixel_and_their_number_is_bounded() -> None:
    for width, height in [(1, 1), (1, 90_000), (700, 40_000), (6000, 7000), (1281, 20), (1280, 1408)]:
        scale, tiles = cut_tiles(width, height)
        assert len(tiles) <= 12
        assert (tiles[0].left, tiles[0].top) == (0, 0)
        assert (tiles[-1].right, tiles[-1].bottom) == (max(1, round(width * scale)), max(1, round(height * scale)))
        assert all(tile.right - tile.left <= 1280 and tile.bottom - tile.top <= 1280 for tile in tiles)
        assert all(after.top <= before.bottom and after.left <= before.right for before, after in pairwise(tiles))

"""AUC of each image measure on planted flaws: damaged images against intact ones.

python -m bench.extract.image_measures

The images are synthetic ones of the demo's shops, half of them filled by the product. Marks are
white letters with a dark outline in a corner, or translucent ones across the middle.
"""

from collections.abc import Callable, Mapping
from io import BytesIO

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont, ImageOps
from scipy.stats import rankdata

from demo_shops.images import draw_product, render_image
from demo_shops.plan import make_plan
from extract.images import ImageMeasures, measure
from extract.settings import ImageSettings
from media.image import ImageFault

LISTINGS = 60
MARK = "SHOP 123"
SETTINGS = ImageSettings()

Change = Callable[[Image.Image], Image.Image]


def images() -> list[Image.Image]:
    """Return two images of each of some listings: the main one and a close-up."""
    taken = []
    for one in make_plan("demo").listings[:LISTINGS]:
        drawing = draw_product(one.product)
        taken += [
            render_image(drawing, one.product, one.shop, image) for image in one.images if image.position in {0, 2}
        ]
    return [Image.open(BytesIO(data)).convert("RGB") for data in taken]


def marked_in_a_corner(image: Image.Image) -> Image.Image:
    """Print a shop's name in the upper left corner."""
    marked = image.copy()
    font = ImageFont.load_default(size=image.height / 20)
    ImageDraw.Draw(marked).text((6, 6), MARK, "white", font, stroke_width=1, stroke_fill="black")
    return marked


def marked_across(image: Image.Image) -> Image.Image:
    """Print a shop's name across the middle, one third opaque."""
    marked = image.copy()
    font = ImageFont.load_default(size=image.height / 8)
    ImageDraw.Draw(marked).text((image.width / 2, image.height / 2), MARK, "white", font, anchor="mm")
    return Image.blend(image, marked, 0.33)


def emptied(image: Image.Image) -> Image.Image:
    """Return a plain image of the same size, in the colour of the upper left pixel."""
    return Image.new("RGB", image.size, image.getpixel((0, 0)))


FLAWS: Mapping[str, tuple[str, Change]] = {
    "blurred, radius 2": ("sharpness", lambda image: image.filter(ImageFilter.GaussianBlur(2))),
    "bordered by a twentieth": ("border_share", lambda image: ImageOps.expand(image, image.width // 20, "white")),
    "empty": ("blank_share", emptied),
    "marked in a corner": ("margin_detail", marked_in_a_corner),
    "marked across the middle": ("margin_detail", marked_across),
}


def measured(image: Image.Image) -> ImageMeasures:
    """Return the measures of an image saved as JPEG."""
    buffer = BytesIO()
    image.save(buffer, "JPEG", quality=90)
    found = measure(buffer.getvalue(), SETTINGS)
    if isinstance(found, ImageFault):
        raise TypeError(f"the image could not be measured: {found.reason}: {found.detail}")
    return found


def main() -> None:
    """Print one line per flaw."""
    whole = images()
    intact = [measured(image) for image in whole]
    for flaw, (name, change) in FLAWS.items():
        spoiled = [getattr(measured(change(image)), name) for image in whole]
        values = np.array([*(getattr(one, name) for one in intact), *spoiled])
        ranks = rankdata(-values if name == "sharpness" else values)[len(intact) :]
        area = (ranks.sum() - len(spoiled) * (len(spoiled) + 1) / 2) / (len(spoiled) * len(intact))
        print(f"{flaw}: AUC of {name} {area:.3f}, {len(spoiled)} images beside as many whole ones")


if __name__ == "__main__":
    main()

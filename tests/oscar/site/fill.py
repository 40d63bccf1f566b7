"""Fill the shop through Oscar's own models and print the products that a crawl must find, as JSON."""

import colorsys
import io
import json
import sys

import django
from django.apps import apps
from django.conf import settings
from django.core.files.base import ContentFile
from django.core.management import call_command
from PIL import Image, ImageDraw

django.setup()

from oscar.apps.catalogue.categories import create_from_breadcrumbs  # noqa: E402 - Django must be set up first
from oscar.core.loading import get_model  # noqa: E402

CATEGORIES = (
    "Kitchen > Kettles",
    "Kitchen > Pans",
    "Garden > Hoses",
    "Garden > Spades",
    "Office > Lamps",
    "Office > Desks",
)
PUBLIC = 23
HIDDEN = 2
MATERIALS = ("steel", "oak", "glass", "brass", "linen")


def picture(number: int, view: int) -> bytes:
    """Draw an image that no other product has."""
    red, green, blue = (int(255 * part) for part in colorsys.hsv_to_rgb(number / 80, 0.6, 0.9))
    image = Image.new("RGB", (500, 460), (red, green, blue))
    draw = ImageDraw.Draw(image)
    draw.ellipse((20 + 3 * number, 60 + 40 * view, 220 + 3 * number, 330), fill=(255 - red, 90 * view, blue))
    draw.text((20, 20), f"{number} / {view}", fill="black")
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


def product_class() -> object:
    """Create the product class with the attributes that become rows of the specification table."""
    made = get_model("catalogue", "ProductClass").objects.create(name="Goods")
    for code, name in (("material", "Material"), ("width", "Width"), ("warranty", "Warranty")):
        made.attributes.create(name=name, code=code, type="text")
    return made


def add_product(number: int, kind: object, partner: object, *, public: bool) -> dict[str, object]:
    """Add one product with its specification table, price, category and two images."""
    product = get_model("catalogue", "Product")(
        title=f"Item {number:03d} made of {MATERIALS[number % 5]}",
        upc=f"UPC-{number:05d}",
        product_class=kind,
        is_public=public,
        description=f"A thing with the number {number}.",
    )
    specs = {"Material": MATERIALS[number % 5], "Width": f"{10 + number} cm", "Warranty": f"{1 + number % 3} years"}
    product.attr.material, product.attr.width, product.attr.warranty = specs.values()
    product.save()
    category = CATEGORIES[number % len(CATEGORIES)]
    product.categories.add(create_from_breadcrumbs(category))
    price = f"{5 + number}.50"
    product.stockrecords.create(
        partner=partner, partner_sku=f"sku-{number}", price=price, num_in_stock=10, price_currency="GBP"
    )
    for view in range(2):
        product.images.create(
            original=ContentFile(picture(number, view), name=f"{number}-{view}.jpg"), display_order=view
        )
    return {
        "title": product.title,
        "upc": product.upc,
        "specs": specs,
        "category": category.split(" > "),
        "price": price,
    }


def main() -> None:
    """Create and fill the database."""
    # create the tables directly from today's models, without running years of migrations
    settings.MIGRATION_MODULES = {app.label: None for app in apps.get_app_configs()}
    call_command("migrate", run_syncdb=True, verbosity=0)
    get_model("address", "Country").objects.create(iso_3166_1_a2="GB", name="United Kingdom", is_shipping_country=True)
    partner = get_model("partner", "Partner").objects.create(name="Loopback Ltd")
    kind = product_class()
    products = [add_product(number, kind, partner, public=number < PUBLIC) for number in range(PUBLIC + HIDDEN)]
    call_command("rebuild_index", interactive=False, verbosity=0)
    json.dump(products[:PUBLIC], sys.stdout)


if __name__ == "__main__":
    main()

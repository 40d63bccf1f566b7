from .builder import build
from .catalogue import Catalogue
from .certificate import Certificate, verify, write_certificate
from .recipe import Recipe, load_recipe, parse_recipe, recipe_names
from .record import StoredRecipe, stored_recipes
from .splits_stage import Draw, hold_out

__all__ = [
    "Catalogue",
    "Certificate",
    "Draw",
    "Recipe",
    "StoredRecipe",
    "build",
    "hold_out",
    "load_recipe",
    "parse_recipe",
    "recipe_names",
    "stored_recipes",
    "verify",
    "write_certificate",
]

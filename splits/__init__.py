"""Room: reserve, split recipes, builder, leakage check and certificate."""

from splits.builder import build
from splits.catalogue import Catalogue
from splits.certificate import Certificate, verify, write_certificate
from splits.recipe import Recipe
from splits.recipe_files import load_recipe, parse_recipe, recipe_names
from splits.record import StoredRecipe, stored_recipes
from splits.reserve import Draw, hold_out

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

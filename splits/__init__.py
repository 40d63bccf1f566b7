"""Room: reserve, split recipes, builder, leakage check and certificate."""

from splits.builder import build
from splits.catalogue import Catalogue
from splits.certificate import Certificate, verify
from splits.certificate_file import write_certificate
from splits.recipe import Recipe
from splits.recipe_file import load_recipe, parse_recipe, recipe_names
from splits.reserve import Draw, hold_out
from splits.stored_recipes import StoredRecipe, stored_recipes

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

"""Specifications of many shops in one language: names of properties, values, units."""

from align.properties.names import PropertyUse, align_properties
from align.properties.values import NormalValue, normal_value

__all__ = ["NormalValue", "PropertyUse", "align_properties", "normal_value"]

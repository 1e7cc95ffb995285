"""Codes and units, offline: short system names, displays, check digits, UCUM, measurement words."""

"""Leaves under the case reader: YAML nodes with places, partial dates, quotes in a source text."""

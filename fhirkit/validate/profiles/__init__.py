"""Profiles: what a profile adds to the type that the walk has checked already."""

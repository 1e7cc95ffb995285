"""Findings, plans and cases rendered for people: the one-file HTML page of a record."""

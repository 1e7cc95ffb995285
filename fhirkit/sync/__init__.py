"""A working tree of resources, kept in step with FHIR servers as git keeps branches.

Three listings (files, base, remote) go into a pure planner (``plan``); what it decides is carried
out by ``apply`` and ``pull``, and what both sides then agree on is the new ``base``.
"""

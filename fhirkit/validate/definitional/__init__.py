"""Resources that define others, held to what makes a definition: one module a resource type.

Their shape and their invariants are the walk's business, as for every resource. Here are the rules
that need to know what other definitions say, or that no invariant can express.
"""

from fhirkit.validate.definitional.check import check

__all__ = ["check"]

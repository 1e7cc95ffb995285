"""For every test: properties are tried the same way each time, and a busy machine is no failure.

`HYPOTHESIS_PROFILE=deep` looks for new examples instead, and for longer.
"""

from __future__ import annotations

import os

from hypothesis import settings

settings.register_profile("ci", derandomize=True, deadline=None, print_blob=True)
settings.register_profile("deep", max_examples=2_000, deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))

"""Examples of the property tests are the same in every run, so that a change alone makes one fail.

HYPOTHESIS_PROFILE=search looks for new ones.
"""

import os

from hypothesis import settings

settings.register_profile("same", derandomize=True)
settings.register_profile("search", derandomize=False)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))

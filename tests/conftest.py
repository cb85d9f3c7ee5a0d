"""What all tests share: one thread, repeatable examples."""

import os

import torch
from hypothesis import settings

# Small networks gain nothing from threads, and loaded machines lose much by them.
torch.set_num_threads(1)
os.environ.setdefault("SCIPY_ARRAY_API", "1")
settings.register_profile("sksoftinfo", max_examples=60, deadline=None, derandomize=True)
settings.load_profile("sksoftinfo")

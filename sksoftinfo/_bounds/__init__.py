"""From probabilities to `InformationBounds`: equations, limits, results; NumPy and SciPy, no torch.

May import: `_utils`.
"""

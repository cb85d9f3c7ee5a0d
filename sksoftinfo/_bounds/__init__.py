"""From probabilities to `InformationBounds`: equations, limits, results; NumPy and SciPy alone.

May import: `_utils`. Never torch.
"""

"""Hold out, fit, score and compare: cross-fitted bounds, the stack, estimates.

May import: `_classifiers`, `_bounds`, `metrics`, `_utils`.
"""

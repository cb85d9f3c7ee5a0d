"""The commands of `python -m sksoftinfo`.

May import: public names, `_evaluation`, `_utils`.
"""

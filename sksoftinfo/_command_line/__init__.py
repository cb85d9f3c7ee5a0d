"""What `python -m sksoftinfo` does.

May import: public names, `_evaluation`, `_utils`.
"""

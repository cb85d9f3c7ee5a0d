"""Where in the input the information sits: maps, masks and the transformer.

May import: `_classifiers`, `_networks`, `_bounds`, `_utils`.
"""

"""Torch modules, losses, noise, the skorch nets and how they train; alone knows skorch.

May import: `_utils`.
"""

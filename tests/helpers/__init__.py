"""Worlds, images and networks that several tests use."""

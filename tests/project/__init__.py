"""Tests of the whole project: docs, packaging, types, imports, faults, checks."""

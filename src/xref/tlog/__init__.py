"""Transparency logs in the C2SP formats: trees, signed notes, checkpoints, proofs, witnesses.

Nothing here knows what a leaf means, reads a clock or touches a disk.
"""

"""Measures what xref takes beside the least that its cryptography and storage could take."""

"""The steps of `xref.hop`, one verb a file. No step imports another; their order is in `hop.py`."""

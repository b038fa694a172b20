"""xref carries messages about trafficked persons between States, minimised and provable.

A hop takes each batch through eight steps, in this order (see `xref.hop`):

    submit -> validate -> decide -> minimise -> seal -> record -> forward -> acknowledge
"""

__version__ = "0.1.0"

"""The only place with I/O: stores, transports, the witness. Wired in `xref.wiring` alone."""

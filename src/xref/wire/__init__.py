"""The wire: one module a format, one page a format in docs/spec, one folder of vectors a format."""

"""The office's end: forms, records, sealing and opening. Start at `xref.desk.desk`."""

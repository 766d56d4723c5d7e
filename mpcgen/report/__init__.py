"""Results as files: tables, the field's formats, plots, and the run record."""

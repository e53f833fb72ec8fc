"""The declarative mapper: any JSON, form or query source, described by data instead of code (B12)."""

"""The presets: what each vendor's requests mean, as data. A source may change any part of its type's mapping."""

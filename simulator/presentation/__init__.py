"""Presentation: tables, charts and the files a run writes. The only layer that imports matplotlib."""

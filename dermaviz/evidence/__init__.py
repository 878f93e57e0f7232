"""Evidence: what was found for each image, kept on disk as Parquet tables, each with a manifest that is written last.

A checkpoint's evidence lies in its folder, keyed by data set and split: ``evidence/<data set>/<split>/<table>.parquet``
with ``<table>.json`` beside it. What the model was tested on at home and what it was tested on elsewhere stand side by
side. Every number that the app shows is computed from these tables, so anyone can recompute it.
"""

"""Evidence: what was found for each image, kept on disk as Parquet tables, each with a manifest that is written last.

A checkpoint's evidence lies in its folder: ``evidence/<split>/<table>.parquet`` with ``<table>.json`` beside it. Every
number that the app shows is computed from these tables, so anyone can recompute it.
"""

"""DermaViz: what a skin-lesion classifier says, looks at, is fooled by, and for whom it fails."""

__version__ = "0.1.0"

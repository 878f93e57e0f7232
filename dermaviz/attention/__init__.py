"""Where a classifier looked: attention maps of a class, fast through a split network or from pytorch-grad-cam, and overlays."""

"""Where a classifier looked: attention maps of a class, by one forward and back or from pytorch-grad-cam, and overlays."""

"""What a classifier is: architectures (a table), initial weights, the checkpoint format, and the classifier itself."""

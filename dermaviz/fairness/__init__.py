"""For whom it fails: skin tone from pixels, metrics by group, the same photo on other skin. Takes no model."""

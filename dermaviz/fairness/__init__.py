"""For whom it fails: skin tone from pixels, metrics by group, the same image on other skin. Arrays and tables only."""

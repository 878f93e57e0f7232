"""How little fools it: attacks within an L∞ ball on [0, 1] pixels, noise, corruptions, the smallest step that flips."""

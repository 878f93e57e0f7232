"""Is this a dermatoscopic image at all? Distances in the model's own features, and a limit measured on validation."""

"""Training: a recipe (validated, from YAML), one loop on Hugging Face Accelerate, losses and sampling."""

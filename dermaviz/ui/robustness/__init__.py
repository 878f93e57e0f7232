"""What the page Robustness asks of evidence and says in words."""

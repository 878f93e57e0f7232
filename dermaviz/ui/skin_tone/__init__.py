"""What the page Skin tone asks of evidence and says in words."""

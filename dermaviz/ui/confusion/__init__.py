"""What the page Confusion asks of evidence and says in words."""

"""What is amiss with images."""

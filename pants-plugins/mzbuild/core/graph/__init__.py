"""The graph of images as it is drawn."""

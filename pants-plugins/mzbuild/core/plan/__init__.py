"""What is done for images: acquired, built, pushed, in which order."""

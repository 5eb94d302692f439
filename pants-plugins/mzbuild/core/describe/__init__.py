"""What is known of images, one by one and in a list."""

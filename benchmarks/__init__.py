"""How long the plugin takes, side by side with a plain script: `python3 -m benchmarks --help`."""

"""How the goals are answered: each rule next to its request and its result."""

"""What mzbuild is, without Pants: plain values in, plain values out.

Nothing here imports `pants`. Only `git`, `work_tree` and `cargo_staging` touch the outside world;
everything else computes from what it is handed.
"""

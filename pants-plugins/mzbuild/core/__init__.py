"""What mzbuild is, without Pants: plain values in, plain values out.

Nothing here imports `pants`. What touches the outside world says so in its first lines; everything
else computes from what it is handed.
"""

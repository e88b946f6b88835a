"""The foundations written out with NumPy alone: automatic differentiation, the training loop, convolution.

Read `tape.py` first, then `graph.py` to see the tape, `by_hand.py` to train on it and `convolution.py`.
"""

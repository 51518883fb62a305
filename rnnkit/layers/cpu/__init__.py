"""Recurrent loops for a CPU: cells with own gradients, the driver that runs them, and which way is taken when."""

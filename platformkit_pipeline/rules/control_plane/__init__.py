"""Rules about the control plane itself, one module per family."""

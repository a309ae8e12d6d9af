"""The rig that puts the whole terminal into simulated time."""

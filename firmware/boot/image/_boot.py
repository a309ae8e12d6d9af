"""What the interpreter runs first, in place of its own: that one loops for ever over a broken file system."""

import gc

gc.threshold(16_384)  # type: ignore[attr-defined]  # collect early and often: a heap that is full of garbage fragments

"""Saved outputs. Look at a difference before you save it: OKC_GOLDEN_WRITE=1 makes the tests write what they got."""

"""What a host knows about itself: one file per kind of facts; the `setup` module joins them."""

"""The steps of an upgrade: each says what it will do, does it, looks if it is done, undoes it."""

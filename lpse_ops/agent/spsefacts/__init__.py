"""What a look at an SPSE server is made of; each module reads one side of it."""

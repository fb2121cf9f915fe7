"""What an SPSE installation is."""

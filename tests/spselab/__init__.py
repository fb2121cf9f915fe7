"""The laboratory of an SPSE site: machines with the roles of this tree on them."""

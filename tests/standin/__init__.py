"""A stand-in for SPSE, which is not public: small, ours, and in the same shape.

``python -m tests.standin.build FOLDER`` writes its archives; what is assumed about the real one is
in ``docs/assumptions-spse.md``.
"""

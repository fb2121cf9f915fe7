"""What ``inventory validate`` looks for: one module for each rule; being here is being a rule.

A rule's id is the name of its module, with hyphens.  Its docstring is its documentation: the first
line says what is wrong, the rest why that matters and how to mend it.  ``SEVERITY`` is ``error``,
``warning`` or ``note``, which never makes a run fail.  ``check(seen: Seen) -> Iterable[Fault]``
gets all that was read and gives a ``Fault`` for each place; their order does not matter.
"""

"""A differential test: what the Supabase advisors and pgrls say about the same databases, object by object, beside our rules.

`make oracle` runs it. Both peers are separate programs, installed into `.oracle/` from the registries that this machine is
set up with; nothing of them is imported, and the product does not depend on them. Not part of `make test` or of CI: it needs
the network once, to install, and it takes minutes.
"""

"""The only room that knows the SQL parser: expressions, function bodies and statements become questions with answers.

Other rooms ask "is this always true?" or "does this confine rows to the caller's tenant?"; they never see a parse tree.
"""

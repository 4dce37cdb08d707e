"""Real PostgreSQL on demand: an embedded server, databases on it, the Supabase shape, the sample platform.

Nothing here looks at a target or judges one; whoever needs a server asks this room for one and gets a `Dsn`.
Sample repositories and a headless browser, for pictures, are to be had here as well.
"""

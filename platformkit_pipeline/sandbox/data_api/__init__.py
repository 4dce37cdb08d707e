"""A stand-in for the platform's Data API: a real HTTP server on loopback in front of a real database.

It does what contracts and user journeys use of PostgREST 13 behind the platform's gateway: the Swagger 2.0 document made from the
catalogue, rows read and changed as the role of the token with its claims, functions, PostgREST's errors with their codes. Written
after PostgREST's documentation and source; there is no PostgREST on this side to compare it with. What it does not do (resource
embedding, `or`/`and`, JSON paths, PUT, CSV) it refuses with PostgREST's own code for that, PGRST127.
"""

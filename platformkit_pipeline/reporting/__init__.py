"""Reports: pure functions from a scan report to a document. Nothing here opens a file, a socket or a database."""

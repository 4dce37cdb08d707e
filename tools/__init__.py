"""Scripts for people and machines that work on this repository; nothing here is shipped."""

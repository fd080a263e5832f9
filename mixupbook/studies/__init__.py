"""Recorded results: what is recorded, how it is made, and the records themselves."""

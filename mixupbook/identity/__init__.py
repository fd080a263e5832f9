"""What functions and objects are: digests of code and values, equal in every process."""

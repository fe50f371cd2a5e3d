"""What was read before and is kept in memory while its version in the database stays the same."""

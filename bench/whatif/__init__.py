"""What a what-if of the largest fleet takes, and the page that compares the policies: docs/whatif.md."""

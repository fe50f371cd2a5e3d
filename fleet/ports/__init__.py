"""What the outside world must offer: Protocols that drivers and the store implement."""

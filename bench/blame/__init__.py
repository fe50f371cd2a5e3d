"""How well blame tells bad versions from bad hosts, over thousands of simulated rollouts."""

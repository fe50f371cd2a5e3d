"""State machines that wait. Every decision comes from `fleet.policy` by way of an activity."""

"""A rollout over a large fleet in many pools, and how long the histories of its runs become."""

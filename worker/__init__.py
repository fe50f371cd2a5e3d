"""The process that runs workflows and activities: `python -m worker`, or `maintrain worker`."""

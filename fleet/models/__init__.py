"""The nouns, one a file. Frozen pydantic models: facts, messages and decisions alike."""

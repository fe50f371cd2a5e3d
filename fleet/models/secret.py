"""Where a credential is to be found. The fleet file names it and never holds it."""

from pydantic import Field, model_validator

from fleet.models.base import Fact


class SecretRef(Fact):
    """Names one secret: an environment variable or a file. Drivers read it when they need it."""

    env: str | None = Field(None, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", description="name of an environment variable")
    file: str | None = Field(
        None, min_length=1, description="path of a file whose text is the secret; relative to the data folder"
    )

    @model_validator(mode="after")
    def _one_place(self) -> "SecretRef":
        if (self.env is None) == (self.file is None):
            raise ValueError("expected either env or file")
        return self

    @property
    def place(self) -> str:
        """Where it is to be found, in words, for messages."""
        return f"environment variable {self.env}" if self.env is not None else f"file {self.file}"

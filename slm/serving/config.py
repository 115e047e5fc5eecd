"""The settings of the server. Knows no network."""

from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from slm.config import Config
from slm.serving.hosts import is_local


class ServeConfig(Config):
    """Where the server listens, whom it answers, and how much it does at once."""

    host: str = Field("127.0.0.1", description="Address to listen on; 127.0.0.1: this machine.")
    port: int = Field(8000, ge=0, le=65_535, description="Port; 0 takes any free one.")
    open_to_network: bool = Field(
        False,
        description="Needed for a host that other machines reach: whoever reaches it may write "
        "with the model, and what is sent is not encrypted. Give an API key too.",
    )
    api_key: str = Field(
        "", repr=False, description="Key that clients must send; empty: none is asked for."
    )
    api_key_file: Path | None = Field(
        None, description="File whose first line is the key, which no list of processes shows."
    )
    allowed_hosts: tuple[str, ...] = Field(
        (), description="Names by which clients may call this machine, beside its own."
    )
    allowed_origins: tuple[str, ...] = Field(
        (),
        description="Web pages whose scripts may ask (https://name:port); none without.",
    )
    plain_chat: bool = Field(
        False,
        description="Let a model without a chat template chat: messages become lines "
        "'User: …' and 'Assistant: …', and it goes on.",
    )
    max_tokens: int = Field(
        4096, ge=1, le=1_000_000, description="Most tokens that a request may ask for."
    )
    seats: int = Field(32, ge=1, le=256, description="Texts written at once; others wait.")
    threads: int | None = Field(
        None,
        ge=1,
        le=256,
        description="Cores that write. Without a number a small model has one, and a larger one "
        "one or all, whichever was faster when last tried.",
    )
    int8: bool = Field(
        False, description="Write few texts with weights of 8 bits: faster, nearly as well."
    )

    @model_validator(mode="after")
    def _network_is_meant(self) -> Self:
        if not is_local(self.host) and not self.open_to_network:
            raise ValueError(
                f"host {self.host!r} is reached from other machines: everybody there could write "
                "with the model, and what is sent is not encrypted. Keep 127.0.0.1, or say "
                "--open-to-network True, best with --api-key-file"
            )
        if self.api_key and self.api_key_file is not None:
            raise ValueError("give api_key or api_key_file, not both")
        return self

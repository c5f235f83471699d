"""What the environment decides."""

from functools import lru_cache

from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="SHOP_")

    storefronts: list[str] = ["https://shop.example.com"]

    database_url: str = "sqlite+aiosqlite:///shop.db"
    redis_url: str = "redis://localhost:6379/0"

    payment_url: str = "https://payments.example.com/v1"
    payment_key: SecretStr = SecretStr("")
    webhook_key: SecretStr = SecretStr("")

    rates_url: str = "https://rates.example.com/latest"
    carrier_url: str = "https://carrier.example.com/v2"
    warehouse_url: str = "https://warehouse.example.com/pick-lists"
    chat_hook_url: str = "https://chat.example.com/hooks/packing"

    smtp_host: str = "localhost"
    smtp_port: int = 25
    mail_sender: str = "orders@shop.example.com"

    assistant_model: str = "claude-sonnet-5-5"


@lru_cache(maxsize=1)
def settings() -> Settings:
    return Settings()

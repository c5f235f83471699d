"""What goes over the wire."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

Currency = Literal["EUR", "GBP", "SEK"]
Sku = Annotated[str, Field(min_length=3, max_length=40)]


class FromOrm(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class UserBase(FromOrm):
    email: Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$", max_length=254)]
    name: Annotated[str, Field(min_length=1, max_length=120)]


class UserCreate(UserBase):
    password: Annotated[str, Field(min_length=12, max_length=200)]


class UserInDB(UserBase):
    id: int
    hashed_password: str
    created_at: datetime


class UserOut(UserInDB):
    is_staff: bool


class Profile(UserBase):
    id: int


class ProductIn(FromOrm):
    sku: Sku
    name: Annotated[str, Field(min_length=1, max_length=200)]
    price_cents: Annotated[int, Field(gt=0)]


class ProductOut(ProductIn):
    on_sale: bool


class ShippingOut(BaseModel):
    label: str
    cents: int


class OrderLineIn(BaseModel):
    sku: Sku
    quantity: Annotated[int, Field(gt=0, le=99)]


class OrderCreate(BaseModel):
    lines: Annotated[list[OrderLineIn], Field(min_length=1, max_length=50)]
    currency: Currency = "EUR"

    @field_validator("lines")
    @classmethod
    def each_product_once(cls, lines: list[OrderLineIn]) -> list[OrderLineIn]:
        if len({line.sku for line in lines}) < len(lines):
            raise ValueError("each product may stand on one line only")
        return lines


class OrderLineOut(FromOrm):
    sku: str
    quantity: int
    unit_cents: int


class OrderOut(FromOrm):
    id: int
    status: str
    currency: str
    total_cents: int
    lines: list[OrderLineOut]


class OrderRow(FromOrm):
    id: int
    user_id: int
    status: str
    total_cents: int


class UnpaidOut(BaseModel):
    order_id: int
    email: str
    total_cents: int


class PaymentIn(BaseModel):
    card: Annotated[str, Field(max_length=100, description="The card's handle from the payment form.")]


class PaymentOut(BaseModel):
    charge: str


class PaymentEvent(BaseModel):
    order_id: int
    status: Literal["paid", "refunded", "failed"]


class Question(BaseModel):
    conversation: Annotated[str, Field(pattern=r"^[a-z0-9-]{8,40}$")]
    text: Annotated[str, Field(min_length=1, max_length=2000)]


class Answer(BaseModel):
    text: str


class AddressIn(BaseModel):
    street: str = Field(max_length=200)
    city: str = Field(max_length=100)


class AddressOut(FromOrm):
    id: int
    street: str
    city: str

"""Answers to complaints: a model writes them, and a second look at each before a person sends it."""

from typing import Literal, TypedDict

from langgraph.graph import END, START, StateGraph

from app.config import settings
from assistant.model import client

WRITE = "Write a short, kind answer to this complaint of a customer. Promise nothing that the shop has not promised."
REVIEW = "Say `fine` if this answer is kind and promises nothing new; else say what to change."
MAX_ROUNDS = 3


class Answer(TypedDict):
    complaint: str
    draft: str
    remarks: str
    rounds: int


async def ask(task: str, text: str) -> str:
    response = await client().messages.create(
        model=settings().assistant_model,
        max_tokens=512,
        system=task,
        messages=[{"role": "user", "content": text}],
    )
    return "".join(block.text for block in response.content if block.type == "text")


async def write(state: Answer) -> dict[str, str | int]:
    asked = f"{state['complaint']}\n\nRemarks on the last draft: {state.get('remarks', 'none')}"
    return {"draft": await ask(WRITE, asked), "rounds": state.get("rounds", 0) + 1}


async def review(state: Answer) -> dict[str, str]:
    return {"remarks": await ask(REVIEW, state["draft"])}


def after_review(state: Answer) -> Literal["write", "__end__"]:
    """Good enough, or tried often enough: a person reads the answer anyhow."""
    if state["remarks"].strip() == "fine" or state["rounds"] >= MAX_ROUNDS:
        return END
    return "write"


builder = StateGraph(Answer)
builder.add_node("write", write)
builder.add_node("review", review)
builder.add_edge(START, "write")
builder.add_edge("write", "review")
builder.add_conditional_edges("review", after_review)
complaints = builder.compile()

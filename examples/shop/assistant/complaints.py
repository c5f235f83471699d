"""Answers to complaints: a model writes them, and a second look at each before a person sends it."""

from typing import TypedDict

from langgraph.graph import START, StateGraph

from app.config import settings
from assistant.model import client

WRITE = "Write a short, kind answer to this complaint of a customer. Promise nothing that the shop has not promised."
REVIEW = "Say `fine` if this answer is kind and promises nothing new; else say what to change."


class Answer(TypedDict):
    complaint: str
    draft: str
    remarks: str


async def ask(task: str, text: str) -> str:
    response = await client().messages.create(
        model=settings().assistant_model,
        max_tokens=512,
        system=task,
        messages=[{"role": "user", "content": text}],
    )
    return "".join(block.text for block in response.content if block.type == "text")


async def write(state: Answer) -> dict[str, str]:
    asked = f"{state['complaint']}\n\nRemarks on the last draft: {state.get('remarks', 'none')}"
    return {"draft": await ask(WRITE, asked)}


async def review(state: Answer) -> dict[str, str]:
    return {"remarks": await ask(REVIEW, state["draft"])}


builder = StateGraph(Answer)
builder.add_node("write", write)
builder.add_node("review", review)
builder.add_edge(START, "write")
builder.add_edge("write", "review")
builder.add_edge("review", "write")
complaints = builder.compile()

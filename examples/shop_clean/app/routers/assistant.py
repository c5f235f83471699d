"""The shopping assistant's door."""

from anthropic import APIError
from fastapi import APIRouter, HTTPException

from app.deps import CurrentUser
from app.schemas import Answer, Question
from assistant import agent, memory

router = APIRouter()


@router.post("/messages", response_model=Answer)
async def ask(body: Question, user: CurrentUser) -> Answer:
    conversation = f"{user.id}:{body.conversation}"
    turns = await memory.recall(conversation)
    try:
        text = await agent.reply(turns, body.text)
    except APIError as exc:
        raise HTTPException(503, "The assistant is not there; try again in a minute.") from exc
    await memory.keep(conversation, [*turns, ("user", body.text), ("assistant", text)])
    return Answer(text=text)

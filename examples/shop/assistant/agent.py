"""The shopping assistant: a model that looks things up until it can answer."""

import logging

from anthropic.types import MessageParam, ToolResultBlockParam, ToolUseBlock
from sqlalchemy.exc import SQLAlchemyError

from app.config import settings
from assistant import tools
from assistant.memory import Turn
from assistant.model import client

SYSTEM = """You help the customers of a small online grocer to choose. Look products up before you speak of them,
name their price in euros, and say so when the shop does not have what was asked for. Be brief and friendly."""

logger = logging.getLogger(__name__)


async def reply(turns: list[Turn], question: str) -> str:
    messages: list[MessageParam] = [{"role": role, "content": text} for role, text in turns]
    messages.append({"role": "user", "content": question})
    while True:
        response = await client().messages.create(
            model=settings().assistant_model,
            max_tokens=1024,
            system=SYSTEM,
            tools=[tool.to_dict() for tool in tools.TOOLS.values()],
            messages=messages,
        )
        if response.stop_reason != "tool_use":
            return "".join(block.text for block in response.content if block.type == "text")
        results = [await use_tool(block) for block in response.content if block.type == "tool_use"]
        messages.append({"role": "assistant", "content": response.content})
        messages.append({"role": "user", "content": results})


async def use_tool(block: ToolUseBlock) -> ToolResultBlockParam:
    """The tool's answer; what went wrong is told to the model too, so that it can ask in another way."""
    tool = tools.TOOLS.get(block.name)
    if tool is None:
        return _result(block, "There is no such tool.", is_error=True)
    try:
        return _result(block, await tool.call(block.input))
    except (ArithmeticError, SyntaxError, ValueError, SQLAlchemyError):
        logger.exception("The tool %s failed", block.name)
        return _result(block, "The tool could not do this.", is_error=True)


def _result(block: ToolUseBlock, content: str, *, is_error: bool = False) -> ToolResultBlockParam:
    return {"type": "tool_result", "tool_use_id": block.id, "content": content, "is_error": is_error}

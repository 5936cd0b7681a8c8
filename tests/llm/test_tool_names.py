"""Names of tools as they may stand on the wire."""

from harness.domain.message import ToolSchema
from harness.llm.tool_names import wire_names


def test_names_that_the_protocol_does_not_allow_are_replaced_without_collision() -> None:
    tools = [ToolSchema(name, "", {}) for name in ("web.read", "web_read", "web/read", "plain")]

    assert wire_names(tools) == {
        "web.read": "web_read_2",
        "web_read": "web_read",
        "web/read": "web_read_3",
        "plain": "plain",
    }

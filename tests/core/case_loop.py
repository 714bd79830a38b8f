"""Go through a case as the engine's loop does, without a clock. For Python 3.9 and PyPy, too."""

from __future__ import annotations

from typing import Any


def run_block(case: Any, block: Any) -> list[Any]:
    """Reset the block, run the case's steps over its tape, and return what the loop keeps."""
    body = [*(step.source for step in case.steps), f"keep({case.result})"]
    lines = [
        f"for {case.target} in tape:",
        "    try:",
        *(f"        {line}" for line in body),
        "    except caught as error:",
        "        keep(error.__class__)",
    ]
    if block.reset is not None:
        block.reset()
    kept: list[Any] = []
    scope = {**case.names, "tape": block.tape, "keep": kept.append, "caught": case.catches}
    exec("\n".join(lines), scope)  # noqa: S102  as the engine does
    return kept


def find_wrong_blocks(cases: Any, passes: int) -> list[str]:
    """The cases and blocks that answer otherwise than expected in one of so many passes."""
    return [
        f"{case.name}, block {number}, pass {one}"
        for case in cases
        for number, block in enumerate(case.blocks)
        for one in range(passes)
        if run_block(case, block) != list(block.expected)
    ]

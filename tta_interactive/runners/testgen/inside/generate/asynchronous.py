"""Asynchronous code: the short helpers that tests need, and what an error says of its loop."""

ITEMS = """async def async_items(*items):
    for item in items:
        yield item"""
ANSWER = """async def async_answer(*args, **options):
    return args[0] if args else None"""
ANSWERS = """def async_answers(*answers):
    left = list(answers)

    async def answer(*args, **options):
        return left.pop(0) if len(left) > 1 else left[0]

    return answer"""
COLLECTED = """async def collected(items, most=20):
    found = []
    async for item in items:
        found.append(item)
        if len(found) == most:
            break
    return found"""
AWAITED = """async def awaited(value):
    return await value"""
ENTERED = """async def entered(manager):
    async with manager as value:
        return value"""
FAILED = """async def failed_inside(manager):
    async with manager:
        raise KeyError("inside")"""
HELPERS = {
    "async_items": ITEMS,
    "async_answer": ANSWER,
    "async_answers": ANSWERS,
    "collected": COLLECTED,
    "awaited": AWAITED,
    "entered": ENTERED,
    "failed_inside": FAILED,
}


def is_about_loops(error: Exception | None) -> bool:
    """Whether a loop of events runs, or runs not: how it was called, and not what it answers."""
    return isinstance(error, RuntimeError) and "event loop" in str(error)


def steps_left(error: Exception) -> int:
    """How many steps of its coroutine an error kept from being taken."""
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_name != "steps":
        trace = trace.tb_next
    if trace is None:
        return 0
    lines = (line for _, _, line in trace.tb_frame.f_code.co_lines() if line)
    return max(lines) - trace.tb_lineno

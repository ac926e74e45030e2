"""What tests of asynchronous code need beside `asyncio.run`: a few short helpers."""

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

"""A kind of task that a third party's package brings."""

from tta_interactive.kinds import Kind, Params, RunContext, TaskFailure


class ShoutParams(Params):
    """What to shout."""

    text: str
    times: int = 1


class Shout(Kind):
    """Says a text in capitals, and checks that it did."""

    name = "shout"
    Params = ShoutParams
    summary = "a text in capitals"
    target = "text"

    def label(self, params: ShoutParams) -> str:
        return f"shout {params.text}"

    def run(self, params: ShoutParams, context: RunContext) -> str:
        print("shouting")
        context.progress(0.5, "in the middle")
        return " ".join([params.text.upper()] * params.times)

    def verify(self, params: ShoutParams, result: object, context: RunContext) -> object:
        if not str(result).isupper():
            raise TaskFailure("not_verified", f"{result!r} is not loud.", "Give it letters.")
        return {"said": result}

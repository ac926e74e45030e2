"""The pictures of the documentation, taken from a real JupyterLab.

Run it with: python -m tests.browser.pictures docs
"""

import sys
from pathlib import Path

from tests.browser.history import record
from tests.browser.lab import Lab, until

PRICING = '''\
"""What an order costs."""


def discount(total: float, coupon: str = "", is_member: bool = False) -> float:
    """The share of the total that is taken off."""
    if total < 0:
        raise ValueError("a total is never negative")
    share = 0.0
    if coupon == "SPRING":
        share += 0.10
    elif coupon:
        raise KeyError(coupon)
    if is_member:
        share += 0.05
    if total > 500:
        share += 0.05
    return min(share, 0.15)


def price(quantity: int, each: float, **options: object) -> float:
    """What so many cost, to the cent."""
    total = quantity * each
    return round(total * (1 - discount(total, **options)), 2)
'''

FIT = (
    "import time, tta_interactive as tta\n"
    "for epoch in range(100):\n"
    "    print(f'epoch {epoch}: saved fit-{epoch:02}.npz', flush=True)\n"
    "    tta.progress(epoch / 100, f'epoch {epoch}: loss {1 / (epoch + 1):.3f}')\n"
    "    time.sleep(0.5)"
)

DEPLOY = (
    "import tta_interactive as tta\n"
    "tta.ask('All 31 tests passed. Put 2.4.0 into production?', choices=['Deploy', 'Not yet'])"
)

CELLS = [
    "%load_ext tta_interactive",
    "t = %tta_submit tests shop/pricing.py coverage_threshold=90",
    "%tta_submit shell --name release -- sh -c 'exit 2'",
    f"%%tta_submit --name 'nightly fit'\n{FIT}",
    f"%%tta_submit --name 'deploy 2.4.0'\n{DEPLOY}",
    "# this cell is busy; the cards above go on\nimport time; time.sleep(12)",
]
THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}


def take_cards(name: str, theme: str, folder: Path) -> None:
    """One picture: a finished task, a failed one, one that runs beside a busy cell, one that asks."""
    with Lab(theme=theme, scale=2, size=(1180, 1230)) as lab:
        (lab.root / "shop").mkdir()
        (lab.root / "shop" / "__init__.py").touch()
        (lab.root / "shop" / "pricing.py").write_text(PRICING)
        notebook = lab.open("tasks.ipynb", CELLS)
        for cell in range(3):
            notebook.run(cell)
        until(lambda: "kept" in notebook.output(1).inner_text(), "the tests are written")
        until(lambda: "FAILED" in notebook.output(2).inner_text(), "the command has failed")
        notebook.run(3)
        notebook.run(4)
        until(lambda: "production" in notebook.output(4).inner_text(), "the question is asked")
        notebook.start(5)
        until(lambda: "epoch 7" in notebook.output(3).inner_text(), "the fit goes on")
        notebook.page.mouse.move(5, 5)
        notebook.picture(folder / f"card-{name}.png")


def take_board(name: str, theme: str, folder: Path, *, form: str = "board") -> None:
    """One picture: the board of a store with a past, two running tasks and some that wait."""
    with Lab(theme=theme, scale=2, size=(1180, 1420)) as lab:
        record(lab.home / "store", 80)
        if form != "board":
            lab.disable("anywidget")
        notebook = lab.open("board.ipynb", ["%load_ext tta_interactive", "%tta_board"])
        with lab.engine("mcp:claude-code") as agent, lab.engine("notebook") as engine:
            engine.submit("python", {"code": FIT}, label="nightly fit")
            agent.submit("shell", {"argv": ["sleep", "90"]}, label="refactor src/shop/orders")
            for step in ("docs", "release notes", "wheel"):
                engine.submit("shell", {"argv": ["sleep", "90"]}, label=f"build {step}")
            notebook.run(0)
            notebook.run(1)
            output = notebook.output(1)
            until(lambda: "epoch 9" in output.inner_text(), "the fit goes on")
            notebook.page.mouse.move(5, 5)
            notebook.output(0)  # scrolls to the top
            notebook.picture(folder / f"{form}-{name}.png")
        lab.clear()


if __name__ == "__main__":
    for name, theme in THEMES.items():
        take_cards(name, theme, Path(sys.argv[1]))
        take_board(name, theme, Path(sys.argv[1]))

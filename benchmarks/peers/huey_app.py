"""What huey's worker imports."""

import os
from math import sqrt

from huey import SqliteHuey

huey = SqliteHuey(filename=os.path.join(os.environ["PEER_FOLDER"], "huey.db"), fsync=True)


@huey.task()
def root(number: float) -> float:
    return sqrt(number)

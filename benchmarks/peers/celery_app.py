"""What Celery's worker imports."""

import os
from math import sqrt

from celery import Celery

REDIS = os.environ["PEER_REDIS"]
app = Celery("celery_app", broker=REDIS, backend=REDIS)


@app.task(name="root")
def root(number: float) -> float:
    return sqrt(number)

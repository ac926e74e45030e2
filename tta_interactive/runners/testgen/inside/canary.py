"""Two tests whose outcomes are known. They run last; a run that gets them wrong is not believed."""


def test_tta_canary_passes() -> None:
    assert 1 + 1 == 2


def test_tta_canary_fails() -> None:
    assert 1 + 1 == 3

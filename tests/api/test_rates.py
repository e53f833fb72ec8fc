from aftercall.api.rates import Rates


def test_events_pass_up_to_the_rate_and_again_when_time_has_passed() -> None:
    rates = Rates()
    assert [rates.take("a", 10, 5, now=0.0) for _ in range(2)] == [None, None]
    assert rates.take("a", 10, 1, now=0.0) == 1
    assert rates.take("a", 10, 1, now=0.2) is None


def test_batch_when_larger_than_the_rate_passes_and_is_paid_off() -> None:
    rates = Rates()
    assert rates.take("a", 10, 100, now=0.0) is None
    assert rates.take("a", 10, 1, now=1.0) == 8
    assert rates.take("a", 10, 1, now=9.5) is None


def test_accounts_do_not_share() -> None:
    rates = Rates()
    rates.take("a", 10, 100, now=0.0)
    assert rates.take("b", 10, 1, now=0.0) is None

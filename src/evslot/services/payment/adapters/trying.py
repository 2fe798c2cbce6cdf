"""What the simulated provider says of itself: the tokens that people may try."""

from evslot.services.payment.messages import ProviderView, SampleMethod

TEST_METHODS = [
    SampleMethod(token="sim_ok", does="approves", words="The payment is approved."),
    SampleMethod(
        token="sim_challenge",
        does="challenges",
        words="The provider asks the customer, who approves or refuses.",
        answers=["approve", "refuse"],
    ),
    SampleMethod(token="sim_decline", does="declines", words="The payment is declined: no funds."),
    SampleMethod(
        token="sim_flaky", does="fails_at_first", words="Each call fails twice, then works."
    ),
    SampleMethod(token="sim_slow", does="takes_long", words="Each call takes three seconds."),
]


def described(in_development: bool) -> ProviderView:
    """In production nothing invites to pay with what moves no money."""
    return ProviderView(
        name="simulated", moves_money=False, test_methods=TEST_METHODS if in_development else []
    )

"""The app's types are those of the routes as they are now."""

from tests.browser.typescript import FILE, written


def test_the_types_of_the_app_are_what_the_routes_say() -> None:
    assert FILE.read_text() == written(), "run `make reference`"

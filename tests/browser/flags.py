"""How the tests start Chromium."""

FLAGS = [
    "--no-sandbox",  # tests run as root in containers, too
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

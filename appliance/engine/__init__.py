"""One call's pipeline from audio blocks to profile messages, and the service that runs many of them."""

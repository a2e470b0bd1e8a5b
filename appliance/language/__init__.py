"""What the customer's words say: numbers, objections, needs, signals and redaction."""

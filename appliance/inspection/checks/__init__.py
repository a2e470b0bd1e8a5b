"""The checks: each looks at one thing and yields findings. They change nothing."""

"""Ridge: turns telephone calls into live RID profiles on a box that lets no audio out."""

import os

# From 1.29 on ONNX Runtime's Linux builds note every session in the user's cache, and send it to their maker,
# unless this is set before the library is loaded. It stands here so that nobody can forget it.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

"""The third stage: HTTPS requests into predictions, with numpy and onnxruntime alone."""

"""Fitted models for other programs: ONNX graphs and plain code."""

from skreg.export.onnx_model import to_onnx

__all__ = ["to_onnx"]

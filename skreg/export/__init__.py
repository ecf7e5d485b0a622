"""Fitted models for other programs: ONNX graphs and plain code."""

from skreg.export.c_code import export_c
from skreg.export.onnx_model import to_onnx
from skreg.export.python_code import export_python
from skreg.export.skl2onnx_converters import register_with_skl2onnx
from skreg.export.sql_code import export_sql

__all__ = ["export_c", "export_python", "export_sql", "register_with_skl2onnx", "to_onnx"]

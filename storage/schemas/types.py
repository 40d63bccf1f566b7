"""The few Arrow types that tables are made of (all have a Delta Lake counterpart)."""

import pyarrow as pa

__all__ = ["FLAG", "ID", "INT", "LIST", "LONG", "REAL", "TEXT", "TIME"]

ID = pa.string()
TEXT = pa.string()
INT = pa.int32()
LONG = pa.int64()
REAL = pa.float64()
FLAG = pa.bool_()
TIME = pa.timestamp("us", tz="UTC")
LIST = pa.list_(pa.field("element", pa.string(), nullable=False))

"""Arrays in an artifact: the .npy format, read without its object (pickle) form.

Plain .npy files rather than one .npz: a zip may unfold to any size, while the size of an .npy is the
size of its array.
"""

from __future__ import annotations

import io
import math

import numpy as np
import numpy.typing as npt

from sentinel_core.artifacts.refusal import refuse

ALLOWED_DTYPES = ("float32", "float64", "int32", "int64", "bool")


def array_to_bytes(array: npt.NDArray[np.generic]) -> bytes:
    """Write one array as .npy, version 1.0."""
    buffer = io.BytesIO()
    np.lib.format.write_array(
        buffer, np.asarray(array, order="C"), version=(1, 0), allow_pickle=False
    )
    return buffer.getvalue()


def bytes_to_array(data: bytes, name: str) -> npt.NDArray[np.generic]:
    """Read one .npy of a plain number type.

    The header is read first and held against the size of the file, so that a header that promises a
    huge array allocates nothing.

    Raises
    ------
    ArtifactError
        ``ExplainerInvalid``. A retry does not help.
    """
    buffer = io.BytesIO(data)
    try:
        version = np.lib.format.read_magic(buffer)
        shape, fortran_order, dtype = np.lib.format.read_array_header_1_0(buffer)
    except (ValueError, SyntaxError, RecursionError, MemoryError) as error:
        raise refuse("ExplainerInvalid", f"{name} is not an .npy file: {error}.") from None
    if version != (1, 0):
        raise refuse("ExplainerInvalid", f"{name} is .npy version {version}, not (1, 0).")
    if dtype.name not in ALLOWED_DTYPES or not dtype.isnative or fortran_order:
        raise refuse("ExplainerInvalid", f"{name} is an array of {dtype}, which is not read.")
    start = buffer.tell()
    if len(data) - start != math.prod(shape) * dtype.itemsize:
        raise refuse("ExplainerInvalid", f"{name} does not have the size that its header says.")
    return np.frombuffer(data, dtype=dtype, offset=start).reshape(shape)

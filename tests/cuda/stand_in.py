"""The stand-in driver of stand_in.c for tests: one device or several, what was called, and arrays that live there."""

import ctypes
import subprocess
from pathlib import Path

import numpy as np
import ptx

from alignment_fast.kernels.common import driver

SOURCE = Path(__file__).parent / "stand_in.c"


class _State(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_int32) for name in ("devices", "version", "pools", "order", "n_calls", "n_arrays")),
        ("fail_result", ctypes.c_int32),
        ("free_left", ctypes.c_int32),
        ("fail", ctypes.c_char * 64),
        ("problem", ctypes.c_char * 512),
    )


class _Call(ctypes.Structure):
    _fields_ = (("name", ctypes.c_char * 128), ("stream", ctypes.c_uint64), ("device", ctypes.c_int32))


class StandIn:
    """The driver of a test: found by the name of the real one until `close`."""

    def __init__(self, folder):
        self.path = Path(folder) / "libcuda.so.1"
        if not self.path.exists():
            command = [
                "gcc",
                "-O1",
                "-w",
                "-shared",
                "-fPIC",
                "-Wl,-soname,libcuda.so.1",
                str(SOURCE),
                "-o",
                str(self.path),
            ]
            subprocess.run(command, check=True)
        driver.close()
        self.library = ctypes.CDLL(str(self.path))
        self.state = _State.in_dll(self.library, "stand_in")
        self._calls = (_Call * 4096).in_dll(self.library, "calls")
        kind = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_char_p)
        self._translate = kind(self._translated)
        ctypes.c_void_p.in_dll(self.library, "translate").value = ctypes.cast(self._translate, ctypes.c_void_p).value
        self.library.test_take.restype = ctypes.c_uint64
        self.library.test_take.argtypes = (ctypes.c_size_t, ctypes.c_int)
        self.library.test_give.argtypes = (ctypes.c_uint64,)
        self._paths = []

    def _translated(self, text):
        try:
            path = str(ptx.module(text.decode()).path).encode()
        except ptx.UnknownInstructionError as error:
            self.state.problem = str(error).encode()[:500]
            return 0
        self._paths.append(ctypes.create_string_buffer(path))
        return ctypes.addressof(self._paths[-1])

    def close(self):
        import _ctypes

        driver.close()
        handle, self.library = self.library._handle, None
        _ctypes.dlclose(handle)

    def forget(self):
        """Forget the calls so far."""
        self.state.n_calls = 0

    def calls(self):
        """Return (name, stream) of the calls so far; of a launch, the kernel's name."""
        return [(call.name.decode(), call.stream) for call in self._calls[: self.state.n_calls]]

    def devices(self):
        """Return the device that was current at each of the calls so far."""
        return [call.device for call in self._calls[: self.state.n_calls]]

    def fail(self, name, result):
        """Have the next call of the driver's function `name` fail."""
        self.state.fail, self.state.fail_result = name.encode(), result

    def array(self, values, **options):
        """Return `values` as an array on a device."""
        return Array(self, np.asarray(values), **options)


class Array:
    """An array on a device of the stand-in, as libraries show theirs: by `__cuda_array_interface__`, with a stream."""

    def __init__(self, stand_in, values, *, device=0, stream=7, version=3, strides=None, readonly=False):
        values = np.asarray(values)
        self.stand_in, self.shape, self.dtype, self.index = stand_in, values.shape, values.dtype, device
        self.stream, self.version, self.strides, self.readonly = stream, version, strides, readonly
        self.pointer = stand_in.library.test_take(max(values.nbytes, 1), device)
        ctypes.memmove(self.pointer, np.ascontiguousarray(values).ctypes.data, values.nbytes)

    @property
    def __cuda_array_interface__(self):
        shown = {
            "shape": self.shape,
            "typestr": self.dtype.str,
            "data": (self.pointer, self.readonly),
            "strides": self.strides,
            "version": self.version,
        }
        return shown | ({"stream": self.stream} if self.version >= 3 else {})

    def numpy(self):
        """Return a copy on the host."""
        count = int(np.prod(self.shape))
        buffer = (ctypes.c_char * (count * self.dtype.itemsize)).from_address(self.pointer)
        return np.frombuffer(bytes(buffer), self.dtype).reshape(self.shape)

    def __del__(self):
        if self.stand_in.library is not None:
            self.stand_in.library.test_give(self.pointer)

"""NVIDIA's driver through ctypes: what launching a kernel needs of it, found when the first one is launched."""

import ctypes
from contextlib import contextmanager
from ctypes import byref, c_double, c_float, c_int, c_int64, c_uint, c_uint64, c_void_p
from functools import cache

_NAME = "libcuda.so.1"
_PROCESSORS, _MAJOR, _MINOR = 16, 75, 76  # attributes of a device
_NOT_FOR_THIS_DRIVER = (209, 218, 222)  # results: no machine code for the device, bad or newer PTX
_NUMBERS = {"p": c_uint64, "q": c_int64, "d": c_double, "f": c_float}


class DriverError(RuntimeError):
    """What the driver reported, with what was asked of it."""


class DriverMissingError(ImportError):
    """There is no driver, or no device."""


@cache
def _driver():
    try:
        library = ctypes.CDLL(_NAME)
    except OSError:
        raise DriverMissingError(f"a CUDA device: NVIDIA's driver ({_NAME}) is not installed") from None
    library.cuLaunchKernel.argtypes = (c_void_p, *[c_uint] * 7, c_void_p, c_void_p, c_void_p)
    library.cuModuleGetFunction.argtypes = (c_void_p, c_void_p, ctypes.c_char_p)
    library.cuCtxPushCurrent_v2.argtypes = (c_void_p,)
    count = c_int()
    result = library.cuInit(0) or library.cuDeviceGetCount(byref(count))
    if result:
        raise DriverMissingError(f"a CUDA device: {_reason(library, result)}")
    if not count.value:
        raise DriverMissingError("a CUDA device: the driver reports none")
    return library


def _reason(library, result):
    text = ctypes.c_char_p()
    library.cuGetErrorString(result, byref(text))
    return f"error {result} of the CUDA driver" if text.value is None else f"{text.value.decode()} ({result})"


def _check(result, what):
    if result:
        raise DriverError(f"{what}: {_reason(_driver(), result)}")


def require_device():
    """Raise DriverMissingError, saying what the driver says, unless there is a device."""
    _driver()


@cache
def device(index):
    """Return (major, minor, number of multiprocessors) of a device."""
    found = []
    for which in (_MAJOR, _MINOR, _PROCESSORS):
        value = c_int()
        _check(_driver().cuDeviceGetAttribute(byref(value), which, index), f"an attribute of CUDA device {index}")
        found.append(value.value)
    return tuple(found)


@contextmanager
def _context(index):
    """Have a context of the device be current: the caller's, else the primary one, which PyTorch works in too."""
    driver, context, current = _driver(), c_void_p(), c_int(-1)
    driver.cuCtxGetCurrent(byref(context))
    if context.value and not driver.cuCtxGetDevice(byref(current)) and current.value == index:
        yield context.value
        return
    _check(driver.cuDevicePrimaryCtxRetain(byref(context), index), f"a context of CUDA device {index}")
    _check(driver.cuCtxPushCurrent_v2(context), f"the context of CUDA device {index}")
    try:
        yield context.value
    finally:
        driver.cuCtxPopCurrent_v2(byref(c_void_p()))


class Library:
    """Kernels that are loaded on every device that launches one; `image` gives the code for a compute capability."""

    def __init__(self, name, image):
        self.name, self._image, self._modules = name, image, {}

    def module(self, context, index):
        """Return the handle of these kernels in the current `context`, of the device `index`."""
        if context not in self._modules:
            module, what = c_void_p(), f"loading the kernels of {self.name} on CUDA device {index}"
            result = _driver().cuModuleLoadData(byref(module), self._image(device(index)[:2]))
            if result in _NOT_FOR_THIS_DRIVER:
                what += ", for which the driver may be too old"
            _check(result, what)
            self._modules[context] = module.value
        return self._modules[context]


class Kernel:
    """One kernel of a `Library`.

    `kinds` has one letter per parameter: ``p`` an address or None, ``q`` an integer, ``d`` a double, ``f`` a float,
    ``s`` a structure as bytes.
    """

    def __init__(self, library, name, kinds):
        self.library, self.name, self.kinds, self._functions = library, name, kinds, {}

    def launch(self, index, stream, blocks, threads, arguments):
        """Launch it on device `index` and `stream`, in the order of that stream; nothing waits for it."""
        slots = [
            ctypes.create_string_buffer(value, len(value)) if kind == "s" else _NUMBERS[kind](value or 0)
            for kind, value in zip(self.kinds, arguments, strict=True)
        ]
        places = (c_void_p * len(slots))(*map(ctypes.addressof, slots))
        with _context(index) as context:
            function = self._function(context, index)
            result = _driver().cuLaunchKernel(function, blocks, 1, 1, threads, 1, 1, 0, stream, places, None)
        _check(result, f"the kernel {self.name} of {self.library.name} on CUDA device {index}")

    def _function(self, context, index):
        if context not in self._functions:
            function, module = c_void_p(), self.library.module(context, index)
            name = self.name.encode()
            _check(_driver().cuModuleGetFunction(byref(function), module, name), f"the kernel {self.name}")
            self._functions[context] = function.value
        return self._functions[context]

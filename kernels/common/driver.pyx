"""CUDA's driver interface: devices, contexts, modules, launches, memory; found at run time, nothing of NVIDIA's needed.

A call works in the caller's context where that is one of the device in question, else in the device's primary context,
which is the one that libraries share. A launch allocates nothing and waits for nothing.
"""

from cpython.bytes cimport PyBytes_AsString
from cpython.pycapsule cimport PyCapsule_GetPointer
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint64_t

cdef extern from "common/driver.h" nogil:
    enum:
        AF_CUDA_SUCCESS, AF_CUDA_OUT_OF_MEMORY, AF_CUDA_NO_BINARY, AF_CUDA_BAD_PTX, AF_CUDA_UNSUPPORTED_PTX
        AF_CUDA_PROCESSORS, AF_CUDA_MAJOR, AF_CUDA_MINOR, AF_CUDA_POOLS, AF_CUDA_ORDINAL
    const char *af_driver_open()
    void af_driver_close()
    int cuInit(unsigned)
    int cuDriverGetVersion(int *)
    int cuDeviceGetCount(int *)
    int cuDeviceGetName(char *, int, int)
    int cuDeviceGetAttribute(int *, int, int)
    int cuDevicePrimaryCtxRetain(void **, int)
    int cuCtxGetCurrent(void **)
    int cuCtxGetDevice(int *)
    int cuCtxPushCurrent_v2(void *)
    int cuCtxPopCurrent_v2(void **)
    int cuModuleLoadData(void **, const void *)
    int cuModuleGetFunction(void **, void *, const char *)
    int cuLaunchKernel(void *, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, void *, void **, void **)
    int cuMemAlloc_v2(uint64_t *, size_t)
    int cuMemFree_v2(uint64_t)
    int cuMemAllocAsync(uint64_t *, size_t, void *)
    int cuMemFreeAsync(uint64_t, void *)
    int cuMemcpyHtoDAsync_v2(uint64_t, const void *, size_t, void *)
    int cuMemcpyDtoHAsync_v2(void *, uint64_t, size_t, void *)
    int cuStreamSynchronize(void *)
    int cuStreamWaitEvent(void *, void *, unsigned)
    int cuEventCreate(void **, unsigned)
    int cuEventRecord(void *, void *)
    int cuEventSynchronize(void *)
    int cuEventElapsedTime(float *, void *, void *)
    int cuEventDestroy_v2(void *)
    int cuPointerGetAttribute(void *, int, uint64_t)
    int cuGetErrorName(int, const char **)
    int cuGetErrorString(int, const char **)
    ctypedef struct af_dl_tensor:
        void *data
        int32_t device_type, device_id, ndim
        uint8_t code, bits
        uint16_t lanes
        int64_t *shape
        int64_t *strides
        uint64_t byte_offset
    ctypedef struct af_dl_managed:
        af_dl_tensor tensor

cdef enum:
    MOST_ARGUMENTS = 40
    NO_TIMING = 2  # an event that only orders streams


class DriverError(RuntimeError):
    """What the driver reported, with what was asked of it."""


class DriverMissingError(ImportError):
    """There is no driver, none that is new enough, or no device."""


cdef str reason_of(int result):
    cdef const char *name = NULL
    cdef const char *text = NULL
    cuGetErrorName(result, &name)
    cuGetErrorString(result, &text)
    if name is NULL or text is NULL:
        return f"error {result} of the CUDA driver"
    return f"{text.decode()} ({name.decode()})"


cdef int check(int result, str what) except -1:
    if result != AF_CUDA_SUCCESS:
        raise DriverError(f"{what}: {reason_of(result)}")
    return 0


cdef object state = None  # None before the first use, then "" or why there is no driver
cdef list primary = []  # primary context of each device, 0 before its first use
cdef int generation = 0  # of what was found: `close` begins a new one
cdef list pooled = []   # whether memory of each device comes from its pool, in the order of a stream


cdef int begin() except -1:
    """Find the driver and count devices, once."""
    global state
    if state is None:
        state = find()
    if state:
        raise DriverMissingError(state)
    return 0


cdef str find():
    cdef const char *missing = af_driver_open()
    cdef int count = 0, index, has
    cdef int result
    if missing is not NULL:
        name = missing.decode()
        lacks = f"({name}) is not installed" if "." in name else f"is too old: it has no {name}"
        return f"a CUDA device: NVIDIA's driver {lacks}"
    result = cuInit(0)
    if result == AF_CUDA_SUCCESS:
        result = cuDeviceGetCount(&count)
    if result != AF_CUDA_SUCCESS:
        return f"a CUDA device: {reason_of(result)}"
    if count == 0:
        return "a CUDA device: the driver reports none"
    for index in range(count):
        has = 0
        cuDeviceGetAttribute(&has, AF_CUDA_POOLS, index)
        primary.append(0)
        pooled.append(bool(has))
    return ""


def close():
    """Forget the driver, its contexts and what was loaded: the next call looks for it again."""
    global state, generation
    af_driver_close()
    state = None
    generation += 1
    primary.clear()
    pooled.clear()


def require_device():
    """Raise DriverMissingError, saying what the driver says, unless there is a device."""
    begin()


def driver_version():
    """Return the CUDA version of the driver, such as (13, 0)."""
    cdef int version = 0
    begin()
    check(cuDriverGetVersion(&version), "the driver's version")
    return version // 1000, version % 1000 // 10


def device_count():
    """Return the number of devices, 0 where there is no driver."""
    try:
        begin()
    except DriverMissingError:
        return 0
    return len(primary)


cdef int attribute(int index, int which) except -1:
    cdef int value = 0
    check(cuDeviceGetAttribute(&value, which, index), f"an attribute of CUDA device {index}")
    return value


def device(int index):
    """Return (name, compute capability such as (9, 0), number of multiprocessors) of a device."""
    cdef char name[256]
    begin()
    if not 0 <= index < len(primary):
        raise ValueError(f"there is no CUDA device {index}; there are {len(primary)}")
    check(cuDeviceGetName(name, sizeof(name), index), f"the name of CUDA device {index}")
    capability = attribute(index, AF_CUDA_MAJOR), attribute(index, AF_CUDA_MINOR)
    return (<bytes>name).decode(), capability, attribute(index, AF_CUDA_PROCESSORS)


cdef size_t enter(int index) except 0:
    """Make a context of device `index` current; return it with bit 0 set where `leave` must take it away again."""
    cdef void *context = NULL
    cdef int current = -1
    begin()
    if cuCtxGetCurrent(&context) == AF_CUDA_SUCCESS and context is not NULL:
        if cuCtxGetDevice(&current) == AF_CUDA_SUCCESS and current == index:
            return <size_t>context
    if not 0 <= index < len(primary):
        raise ValueError(f"there is no CUDA device {index}; there are {len(primary)}")
    if not primary[index]:
        check(cuDevicePrimaryCtxRetain(&context, index), f"a context of CUDA device {index}")
        primary[index] = <size_t>context
    context = <void*><size_t>primary[index]
    check(cuCtxPushCurrent_v2(context), f"the context of CUDA device {index}")
    return <size_t>context | 1


cdef void leave(size_t entered) noexcept:
    cdef void *context
    if entered & 1:
        cuCtxPopCurrent_v2(&context)


def device_of_pointer(size_t pointer):
    """Return the number of the device whose memory is at `pointer`."""
    cdef int index = 0
    begin()
    check(cuPointerGetAttribute(&index, AF_CUDA_ORDINAL, pointer), "the device of an array")
    return index


# ---- kernels ----

cdef class Library:
    """Kernels that are loaded on every device that launches one.

    Parameters
    ----------
    name : str
        What error messages call it.
    image : callable
        Takes the compute capability of a device and returns machine code or PTX for it, as bytes that end with 0.

    """

    cdef readonly str name
    cdef object image
    cdef dict modules  # by context
    cdef int generation

    def __init__(self, str name, image):
        self.name, self.image, self.modules, self.generation = name, image, {}, generation

    cdef size_t module(self, size_t context, int index) except 0:
        cdef void *module = NULL
        cdef int result
        if self.generation != generation:
            self.modules, self.generation = {}, generation
        found = self.modules.get(context)
        if found is not None:
            return found
        _, capability, _ = device(index)
        code = self.image(capability)
        result = cuModuleLoadData(&module, <const char*>code)
        if result in (AF_CUDA_NO_BINARY, AF_CUDA_UNSUPPORTED_PTX, AF_CUDA_BAD_PTX):
            version = ".".join(map(str, driver_version()))
            raise DriverError(
                f"the driver, for CUDA {version}, is too old for the kernels of {self.name} on CUDA device {index}: "
                f"{reason_of(result)}; update it, or compile them with the NVRTC of its version"
            )
        check(result, f"loading the kernels of {self.name} on CUDA device {index}")
        self.modules[context] = <size_t>module
        return <size_t>module


cdef class Kernel:
    """One kernel of a `Library`.

    Parameters
    ----------
    library : Library
        Where it is.
    name : str
        Its name there.
    kinds : str
        One letter per parameter: ``p`` an address or None, ``q`` an integer, ``d`` a double, ``f`` a float, ``s`` a
        structure as bytes.

    """

    cdef readonly str name, kinds
    cdef Library library
    cdef dict functions
    cdef int generation

    def __init__(self, Library library, str name, str kinds):
        if len(kinds) > MOST_ARGUMENTS:
            raise ValueError(f"{name} has more than {MOST_ARGUMENTS} parameters")
        self.library, self.name, self.kinds = library, name, kinds
        self.functions, self.generation = {}, generation

    cdef size_t function(self, size_t context, int index) except 0:
        cdef void *function = NULL
        if self.generation != generation:
            self.functions, self.generation = {}, generation
        found = self.functions.get(context)
        if found is not None:
            return found
        module = self.library.module(context, index)
        check(cuModuleGetFunction(&function, <void*><size_t>module, self.name.encode()), f"the kernel {self.name}")
        self.functions[context] = <size_t>function
        return <size_t>function

    def launch(self, int index, size_t stream, size_t blocks, unsigned threads, tuple arguments):
        """Launch it on device `index` and `stream`, in the order of that stream; nothing waits for it."""
        cdef uint64_t slots[MOST_ARGUMENTS]
        cdef void *places[MOST_ARGUMENTS]
        cdef int i, result, n = len(arguments)
        cdef size_t entered
        cdef str kinds = self.kinds
        if n != len(kinds):
            raise TypeError(f"{self.name} takes {len(kinds)} arguments, not {n}")
        if not 0 < blocks < 2**31:
            raise ValueError(f"{self.name}: a grid of {blocks} blocks")
        for i in range(n):
            argument = arguments[i]
            kind = kinds[i]
            places[i] = &slots[i]
            if kind == "p":
                slots[i] = 0 if argument is None else argument
            elif kind == "q":
                slots[i] = <uint64_t>argument if argument >= 0 else <uint64_t><int64_t>argument
            elif kind == "d":
                (<double*>&slots[i])[0] = argument
            elif kind == "f":
                (<float*>&slots[i])[0] = argument
            else:
                places[i] = PyBytes_AsString(argument)
        entered = enter(index)
        try:
            function = self.function(entered & ~<size_t>1, index)
            result = cuLaunchKernel(
                <void*><size_t>function, <unsigned>blocks, 1, 1, threads, 1, 1, 0, <void*>stream, places, NULL
            )
        finally:
            leave(entered)
        check(result, f"the kernel {self.name} of {self.library.name} on CUDA device {index}")


# ---- memory, streams ----

cdef class Memory:
    """Memory of a device, given back in the order of the stream that it was taken on."""

    cdef readonly size_t pointer, size, stream
    cdef readonly int device

    def __init__(self, size_t size, int device, size_t stream):
        cdef uint64_t pointer = 0
        cdef int result
        cdef size_t entered = enter(device)
        try:
            if pooled[device]:
                result = cuMemAllocAsync(&pointer, max(size, <size_t>1), <void*>stream)
            else:
                result = cuMemAlloc_v2(&pointer, max(size, <size_t>1))
        finally:
            leave(entered)
        if result == AF_CUDA_OUT_OF_MEMORY:
            raise MemoryError(f"CUDA device {device} cannot allocate {size} bytes")
        check(result, f"allocating {size} bytes on CUDA device {device}")
        self.pointer, self.size, self.device, self.stream = pointer, size, device, stream

    def __dealloc__(self):
        cdef size_t entered
        if not self.pointer:
            return
        try:
            entered = enter(self.device)
        except Exception:
            return  # the interpreter or the driver ends
        if pooled[self.device]:
            cuMemFreeAsync(self.pointer, <void*>self.stream)
        else:
            cuMemFree_v2(self.pointer)
        leave(entered)


def copy_to_device(size_t pointer, const uint8_t[::1] values, int device, size_t stream):
    """Copy bytes to a device, and wait until they have been read."""
    cdef size_t entered
    if values.shape[0] == 0:
        return
    entered = enter(device)
    try:
        check(cuMemcpyHtoDAsync_v2(pointer, &values[0], values.shape[0], <void*>stream), "copying to the device")
    finally:
        leave(entered)
    synchronize(device, stream)


def copy_to_host(uint8_t[::1] values, size_t pointer, int device, size_t stream):
    """Copy bytes from a device, and wait until they are there."""
    cdef size_t entered
    if values.shape[0] == 0:
        return
    entered = enter(device)
    try:
        check(cuMemcpyDtoHAsync_v2(&values[0], pointer, values.shape[0], <void*>stream), "copying from the device")
    finally:
        leave(entered)
    synchronize(device, stream)


def synchronize(int device, size_t stream):
    """Wait for what is on a stream."""
    cdef size_t entered = enter(device)
    cdef int result
    try:
        with nogil:
            result = cuStreamSynchronize(<void*>stream)
    finally:
        leave(entered)
    check(result, f"what ran on CUDA device {device}")


def wait_for(int device, size_t stream, size_t other):
    """Have what comes on `stream` wait for what is on the stream `other` now."""
    cdef void *event = NULL
    cdef size_t entered = enter(device)
    try:
        check(cuEventCreate(&event, NO_TIMING), "an event")
        check(cuEventRecord(event, <void*>other), "an event")
        check(cuStreamWaitEvent(<void*>stream, event, 0), "waiting for a stream")
        cuEventDestroy_v2(event)
    finally:
        leave(entered)


cdef class Stopwatch:
    """Time between two events on a stream, measured by the device."""

    cdef void *events[2]
    cdef int device
    cdef size_t stream

    def __init__(self, int device=0, size_t stream=0):
        self.device, self.stream = device, stream
        cdef size_t entered = enter(device)
        try:
            for i in range(2):
                check(cuEventCreate(&self.events[i], 0), "an event")
        finally:
            leave(entered)

    def mark(self, int which):
        """Record event 0 or 1 on the stream."""
        cdef size_t entered = enter(self.device)
        try:
            check(cuEventRecord(self.events[which], <void*>self.stream), "an event")
        finally:
            leave(entered)

    def seconds(self):
        """Wait for event 1, and return the time since event 0."""
        cdef float milliseconds = 0
        cdef size_t entered = enter(self.device)
        try:
            check(cuEventSynchronize(self.events[1]), "an event")
            check(cuEventElapsedTime(&milliseconds, self.events[0], self.events[1]), "an event")
        finally:
            leave(entered)
        return milliseconds * 1e-3


def of_capsule(capsule):
    """Return (pointer, device, shape, strides in elements or None, (code, bits)) of a capsule of DLPack."""
    cdef af_dl_managed *managed = <af_dl_managed*>PyCapsule_GetPointer(capsule, b"dltensor")
    cdef af_dl_tensor *tensor = &managed.tensor
    shape = tuple([tensor.shape[i] for i in range(tensor.ndim)])
    strides = None if tensor.strides is NULL else tuple([tensor.strides[i] for i in range(tensor.ndim)])
    return <size_t>tensor.data + tensor.byte_offset, tensor.device_id, shape, strides, (tensor.code, tensor.bits)

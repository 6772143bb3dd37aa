# Scratch memory of a call, which goes back by `free`; MemoryError where there is none.

from libc.stdlib cimport malloc


cdef inline void *scratch(size_t size) except NULL:
    cdef void *memory = malloc(size if size else 1)  # of nothing may be NULL
    if memory is NULL:
        raise MemoryError(f"{size} bytes of scratch memory")
    return memory

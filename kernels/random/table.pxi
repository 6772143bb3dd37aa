# Written by kernels/common/generate_tables.py from kernels/random/spec.py: change that.
cdef extern from *:
    ctypedef struct af_table:
        void (*fill)(int kind, const af_request *request, void *out, Py_ssize_t first, Py_ssize_t last) noexcept nogil
    const af_table *af_select(const char *isa)

/* A module in C on the functions of an installed alignment_fast: af_api.h, nothing linked. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include "alignment_fast/af_api.h"

static const af_api *api;

/* softmax(x, out): x and out are contiguous buffers of float64. */
static PyObject *softmax(PyObject *self, PyObject *arguments) {
    Py_buffer x, out;
    (void)self;
    if (!PyArg_ParseTuple(arguments, "y*w*", &x, &out)) return NULL;
    if (x.len == out.len) {
        Py_BEGIN_ALLOW_THREADS
        api->softmax_f64(x.len / (Py_ssize_t)sizeof(double), x.buf, out.buf);
        Py_END_ALLOW_THREADS
    } else {
        PyErr_SetString(PyExc_ValueError, "x and out differ in length");
    }
    PyBuffer_Release(&x);
    PyBuffer_Release(&out);
    if (PyErr_Occurred()) return NULL;
    Py_RETURN_NONE;
}

static PyObject *isa(PyObject *self, PyObject *unused) {
    (void)self, (void)unused;
    return PyUnicode_FromString(api->isa);
}

static PyObject *has_entropy(PyObject *self, PyObject *unused) {
    (void)self, (void)unused;
    return PyBool_FromLong(AF_API_HAS(api, entropy_f64));
}

static PyMethodDef methods[] = {
    {"softmax", softmax, METH_VARARGS, "Write e^x / sum e^x of one row."},
    {"isa", isa, METH_NOARGS, "The instruction set in use."},
    {"has_entropy", has_entropy, METH_NOARGS, "Whether the installed version has entropies."},
    {NULL, NULL, 0, NULL},
};
static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "use_api", NULL, -1, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit_use_api(void) {
    api = af_api_import();
    return api == NULL ? NULL : PyModule_Create(&definition);
}

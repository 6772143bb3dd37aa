"""Losses of margins for Cython code: no GIL, no exceptions. Formulae and bounds: formulas.h."""

# Loss, first and second derivatives of n margins at β·margin with label smoothing ε and temperature τ (discopop, else 1);
# grad and hess may be NULL. `formula` is the number of a loss of a margin: FORMULAS_BY_NAME["sigmoid"], ...
cdef void margins_f64(int formula, Py_ssize_t n, const double *margin, double beta, double epsilon, double tau,
                      double *loss, double *grad, double *hess) noexcept nogil

"""A third party's package: a Cython module on the functions and headers that an installed alignment_fast ships."""

from Cython.Build import cythonize
from setuptools import Extension, setup

import alignment_fast

setup(
    name="downstream",
    ext_modules=cythonize([Extension("use", ["use.pyx"], include_dirs=[alignment_fast.get_include()])]),
)

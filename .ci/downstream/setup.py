"""A package of somebody else: modules in C and Cython on what an installed alignment_fast ships."""

from Cython.Build import cythonize
from setuptools import Extension, setup

import alignment_fast

HEADERS = [alignment_fast.get_include()]
CYTHON = [Extension(name, [f"{name}.pyx"], include_dirs=HEADERS) for name in ("use", "use_api_cython")]

setup(name="downstream", ext_modules=[*cythonize(CYTHON), Extension("use_api", ["use_api.c"], include_dirs=HEADERS)])

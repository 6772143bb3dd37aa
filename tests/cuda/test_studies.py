"""Blocks of studies on a device: the stand-in's."""

import numpy as np
import pytest

from alignment_fast.studies import StoreError, Study

pytestmark = pytest.mark.cuda

SPEC = {
    "name": "on_a_device",
    "replicates": 2000,
    "source": [{"kind": "outcomes", "reward": [0.0, 1.0, 3.0]}, {"kind": "gaussian"}],
    "estimand": {"kind": "best_of_n", "block": 500, "grid": {"n": [1, 5]}},
}


def test_blocks_on_a_device_are_those_of_the_processor_in_a_class_of_their_own(cuda, tmp_path):
    study = Study.from_dict(SPEC)
    host = study.run(store=tmp_path / "host.db", progress=False)
    found = study.run(store=tmp_path / "device.db", progress=False, device="cuda", workers=1)
    assert cuda.calls()  # the kernels ran there
    assert [one.arithmetic.partition(",")[0] for one in found.origins] == ["cuda"]
    for mine, theirs in zip(found.rows, host.rows, strict=True):
        assert np.isclose(mine["mean"], theirs["mean"], rtol=1e-12, atol=0)
    with pytest.raises(StoreError, match=r"begun with arithmetic cuda.*, and this is cpu-"):
        study.run(store=tmp_path / "device.db", progress=False)


def test_parts_on_a_device(cuda, tmp_path):
    study, path = Study.from_dict(SPEC), tmp_path / "study.db"
    whole = study.run(store=tmp_path / "whole.db", progress=False, device="cuda", workers=1).to_csv_bytes()
    for part in (1, 2):
        study.run_part(part, 2, store=path, progress=False, device="cuda", workers=1)
    assert study.fold(path, mixed=True).to_csv_bytes() == whole

"""numpy.recarray: records with a class of their own, over memory that others share."""
import pytest

np = pytest.importorskip("numpy")
from resume import _core  # noqa: E402


def test_views__of_records_share_memory():
    base = np.zeros(3, dtype=[("a", "i4"), ("b", "f8", (2,))])
    value = [base, base.view(np.recarray), np.rec.array([(1, "x")], names="n,s")]
    stream, blobs, _ = _core._encode(value)
    again, records, alone = _core._decode(stream, blobs, mine=True)[0]
    assert type(records) is np.recarray and records.dtype == value[1].dtype
    assert records.dtype.type is np.record and again.dtype.type is np.void
    records.a[1] = 7
    assert again["a"].tolist() == [0, 7, 0]
    assert alone.n.tolist() == [1] and alone[0].s == "x" and type(alone[0]) is np.record

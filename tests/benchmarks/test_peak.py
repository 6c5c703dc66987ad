"""The machine's best product."""

from tf_emcom.benchmarks.peak import Peak, operations_of_product


def test_a_product_counts_its_multiplications_and_additions():
    assert operations_of_product(2, 3, 5) == 60


def test_the_best_of_all_looks_is_kept_for_each_type():
    peak = Peak(shapes=((8, 8, 8), (4, 8, 2)), operations=4096)
    first = peak.look()
    assert first > 0
    assert peak.look() >= first
    assert peak.best() == peak.best("float32") >= first
    assert peak.best("bfloat16") > 0

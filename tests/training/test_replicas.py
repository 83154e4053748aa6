"""The share of a replica in a loss."""

import numpy as np
import tensorflow as tf

from kcv.training import divide_by_replicas


def test_one_device_has_the_whole_loss():
    loss = tf.constant([1.0, 3.0])
    np.testing.assert_array_equal(divide_by_replicas(loss), [1, 3])


def test_a_replica_has_its_share(monkeypatch):
    """Of a strategy that only counts; tests/test_losses.py has a real one."""

    class FourReplicas:
        num_replicas_in_sync = 4

    monkeypatch.setattr(tf.distribute, "get_strategy", FourReplicas)
    loss = divide_by_replicas(tf.constant([1.0, 3.0], tf.float16))
    assert loss.dtype == tf.float16
    np.testing.assert_array_equal(loss, [0.25, 0.75])

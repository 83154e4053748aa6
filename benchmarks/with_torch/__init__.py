"""The sides of benchmarks that torch computes, without TensorFlow."""
